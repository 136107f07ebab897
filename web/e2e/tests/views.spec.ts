// What pages show of records and applications, what they ask, and what of it goes on paper.

import { mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { OUT } from "../playwright.config.js";
import { DESK, PHONE, expect, test } from "../src/test.js";

/** A photo, as small as they come. */
const PHOTO = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=", "base64");
const TICKET = { name: "ticket.png", mimeType: "image/png", buffer: PHOTO };

test("files of a record are shown and saved, hers and the office's; the chooser speaks her language", async ({ arrives, offices }) => {
  const she = await arrives("ru", PHONE);
  await she.begin();
  await she.link(offices, "police");
  await offices.police(she.me);
  await she.openRecord(she.kind("administrative-offence"));
  await she.press("portal-dispute");

  // The field is the browser's, everything that is seen of it is ours; the keyboard reaches it.
  const field = she.field("portal-dispute-papers");
  await expect(she.says(she.t("portal-file-none"))).toBeVisible();
  await expect(she.page.locator("label").filter({ hasText: she.t("portal-file-choose") })).toBeVisible();
  expect((await field.boundingBox())?.width).toBeLessThanOrEqual(2);
  await she.field("portal-dispute-text").focus();
  await she.page.keyboard.press("Tab");
  await expect(field).toBeFocused();
  const chooser = she.page.waitForEvent("filechooser");
  await she.page.keyboard.press("Space");
  await (await chooser).setFiles([TICKET, { ...TICKET, name: "other.png" }]);
  await she.page.getByRole("button", { name: she.t("portal-list-remove", { what: "other.png" }) }).click();
  await she.field("portal-dispute-text").fill(`Меня не было в городе ${she.me.case}`);
  await she.press("portal-dispute-send");

  const files = she.page.getByRole("region", { name: she.t("portal-files") });
  await expect(files.getByRole("listitem")).toHaveCount(1);
  await expect(files).toContainText("ticket.png");
  const number = await offices.dispute("police", she.me.case);
  const scan = join(offices.known.folder, `answer-${she.me.case}.png`);
  writeFileSync(scan, PHOTO);
  await offices.gateway("police", "answer", number, "--reject", "Билет на другую дату", "--attach", scan);
  await she.fetchUntil(files.getByText(`answer-${she.me.case}.png`));
  await expect(files).toContainText(she.org("police"));

  const look = she.page.getByRole("button", { name: `${she.t("portal-file-look")}: answer-${she.me.case}.png` });
  await she.fetchUntil(look);
  await look.click();
  const image = she.page.getByRole("img", { name: `answer-${she.me.case}.png` });
  await expect(image).toBeVisible();
  expect(await image.evaluate((i: HTMLImageElement) => i.naturalWidth)).toBe(1);
  const download = she.page.waitForEvent("download");
  await she.page.getByRole("button", { name: `${she.t("portal-file-save")}: answer-${she.me.case}.png` }).click();
  const saved = await download;
  expect(await readFile(await saved.path())).toEqual(PHOTO);
});

test("a claim of a private body is answered; the answer can be changed and taken back", async ({ arrives, offices }) => {
  const she = await arrives("en", DESK);
  await she.begin();
  await she.link(offices, "employer");
  await offices.employer(she.me);
  await she.openRecord(she.kind("employment"));
  await expect(she.says(she.t("cli-claim"))).toBeVisible();
  await she.press("portal-reply-send");
  await expect(she.page.getByRole("alert")).toHaveText(she.t("portal-reply-missing"));
  const words = "I did not agree, I was sent away";
  await she.field("portal-reply-text").fill(words);
  await she.press("portal-reply-send");
  await expect(she.says(she.t("cli-reply-yours", { text: words }))).toBeVisible();
  await she.field("portal-reply-text").fill("I was sent away");
  await she.press("portal-reply-change");
  await expect(she.says(she.t("cli-reply-yours", { text: "I was sent away" }))).toBeVisible();

  // It is kept with the record: after a lock it is there.
  await she.lock();
  await she.unlock();
  await she.openRecord(she.kind("employment"));
  await expect(she.says(she.t("cli-reply-yours", { text: "I was sent away" }))).toBeVisible();
  await she.press("portal-reply-back");
  await expect(she.page.getByText(she.t("cli-reply-yours", { text: "I was sent away" }))).toHaveCount(0);
});

test("a record of an authority is disputed, and has no reply", async ({ arrives, offices }) => {
  const she = await arrives("en", DESK);
  await she.begin();
  await she.link(offices, "border");
  await offices.border(she.me);
  await she.openRecord(she.kind("travel-document"));
  await expect(she.page.getByRole("region", { name: she.t("portal-reply") })).toHaveCount(0);
  // Her name lies in a list in a list in a list: it has the width of a line even so.
  const narrowest = await she.page.getByRole("definition").evaluateAll((all) => Math.min(...all.map((d) => d.getBoundingClientRect().width)));
  expect(narrowest).toBeGreaterThan(200);

  // A new passport comes: what was issued under the old one stays hers, and both say so.
  const number = `FB${she.me.passport.slice(2)}`;
  await offices.renewedPassport(she.me, number);
  const renewed = she.says(she.t("cli-renewed", { old: she.me.passport, new: number }));
  await she.fetchUntil(renewed);
  await she.page.locator("main").getByRole("link", { name: number }).click();
  await expect(she.page.getByRole("definition").filter({ hasText: number }).first()).toBeVisible();
  const earlier = she.page.getByRole("region", { name: she.t("portal-earlier-document") });
  await expect(earlier.getByRole("link", { name: she.kind("border-crossing") })).toHaveCount(3);
  await earlier.getByRole("link", { name: she.kind("border-crossing") }).first().click();
  await expect(renewed).toBeVisible();
});

test("a paper that fails for another reason than its date is told apart, with the reason", async ({ arrives, offices }) => {
  const she = await arrives("en", DESK);
  await she.begin();
  await she.link(offices, "border");
  await she.link(offices, "landlord");
  await offices.left(she.me);
  await she.go("records");
  await she.fetchUntil(she.page.getByRole("link", { name: she.kind("border-crossing") }));
  await she.go("services");
  await she.openService("tenancy-check");
  await she.press("portal-next");
  const unfit = she.page.getByRole("region", { name: she.t("portal-unfit") });
  await expect(unfit.getByRole("link", { name: she.kind("border-crossing") })).toBeVisible();
  await expect(unfit).toContainText(she.t("cli-unfit-claim", { claim: she.t("claim-border-crossing-stay_until") }));
  await expect(she.page.getByText(she.t("portal-expiring"))).toHaveCount(0);
  await expect(she.button("portal-apply-send")).toBeDisabled();
});

test("several answers to one question are ticked; what is not answered is named above and beside", async ({ arrives, offices }) => {
  const she = await arrives("uz", PHONE);
  await she.begin();
  await she.link(offices, "traffic");
  await she.go("services");
  await she.openService("driving-licence-exchange");
  await she.press("portal-next");
  const alert = she.page.getByRole("alert");
  await expect(alert).toContainText(she.t("err-bad-answers"));
  await expect(alert.getByRole("button")).toHaveCount(2);
  await alert.getByRole("button", { name: she.t("service-driving-licence-exchange-answer-exam_region") }).click();
  await expect(she.question("exam_region")).toBeFocused();
  await expect(she.question("exam_region")).toHaveAttribute("aria-invalid", "true");
  await she.answer("exam_region", "RU-TVE");
  const group = she.page.getByRole("group", { name: she.t("service-driving-licence-exchange-answer-categories") });
  await expect(group.getByRole("checkbox")).toHaveCount(14);
  await group.getByRole("checkbox", { name: she.t("service-driving-licence-exchange-answer-categories-C"), exact: true }).check();
  await group.getByRole("checkbox", { name: she.t("service-driving-licence-exchange-answer-categories-B"), exact: true }).check();
  await she.press("portal-next");
  await she.sees("portal-leaving-title", { org: she.org("traffic") });
  // Nothing of hers fits yet, and what she ticked waits for her.
  await expect(she.says(she.t("portal-missing"))).toBeVisible();
  await she.press("portal-back");
  await expect(group.getByRole("checkbox", { checked: true })).toHaveCount(2);
});

/** Prints a page as a browser does it; gives how many sheets of A4 there are. */
async function sheets(page: Page, name: string): Promise<number> {
  const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: false });
  mkdirSync(join(OUT, "paper"), { recursive: true });
  writeFileSync(join(OUT, "paper", `${name}.pdf`), pdf);
  const boxes = pdf.toString("latin1").match(/\/MediaBox \[0 0 59[45](\.\d+)? 84[12](\.\d+)?\]/g) ?? [];
  return boxes.length;
}

test("records, a record, an application as sent, what happened and the kit go on paper", async ({ arrives, offices }) => {
  const she = await arrives("ru", PHONE);
  await she.begin();
  await she.papers(offices);
  await she.go("services");
  await she.openService("work-permit");
  await she.answer("region", "RU-TVE");
  await she.answer("occupation", "Швея");
  await she.answer("months", "12");
  await she.press("portal-next");
  await she.page.getByRole("region", { name: she.kind("medical-certificate") }).getByRole("checkbox").check();
  await she.press("portal-apply-send");
  await she.press("portal-sent-follow");
  await she.filed();

  // As it was sent: each answer in words, exactly what was shown of each paper, and the proof.
  const papers = she.page.getByRole("region", { name: she.t("portal-application-papers") });
  await expect(papers.getByRole("article")).toHaveCount(3);
  await expect(papers.getByRole("article", { name: she.kind("travel-document") })).toContainText(she.me.passport);
  await expect(she.page.getByRole("region", { name: she.t("portal-application-answers") })).toContainText("Швея");
  const proof = she.page.getByRole("region", { name: she.t("portal-application-proof") });
  await she.fetchUntil(proof);
  // Its card names the service, not the number that programs use.
  await expect(proof).toContainText(she.t("service-work-permit-title"));
  await expect(proof).not.toContainText(decodeURIComponent(she.page.url().split("/").pop() ?? ""));
  const opened = she.page.url();
  await she.go("home");
  await expect(she.page.getByRole("region", { name: she.t("portal-waits") }).getByRole("link", { name: she.t("service-work-permit-title") }).first()).toBeVisible();
  await expect(she.page.getByRole("region", { name: she.t("portal-now") }).getByRole("link", { name: she.t("service-work-permit-title") })).toHaveCount(0);
  await she.page.goto(opened);
  await expect(proof).toBeVisible();

  const paper = async (name: string): Promise<void> => {
    await she.page.emulateMedia({ media: "print" });
    await expect(she.page.getByRole("navigation")).toBeHidden();
    await expect(she.page.getByRole("button")).toHaveCount(0);
    expect(await sheets(she.page, name)).toBeGreaterThan(0);
    const ground = await she.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(ground).toBe("rgb(255, 255, 255)");
    await she.page.emulateMedia({ media: "screen" });
  };
  const position = she.page.getByText(new RegExp(she.t("portal-log-number", { index: "\\d+" })));
  const printed = she.page.getByText(she.t("portal-print-what", { date: "", hub: "" }).slice(0, 9));
  await she.page.emulateMedia({ media: "print" });
  await expect(position.first()).toBeVisible();
  await expect(printed).toBeVisible();
  await paper("application");
  await she.go("records");
  await she.page.emulateMedia({ media: "print", colorScheme: "dark" });
  expect(await position.count()).toBe(await she.page.locator("main").getByRole("link").count());
  await paper("records");
  await she.openRecord(she.kind("travel-document"));
  await paper("record");
  await she.go("history");
  await paper("history");
  await she.go("ways");
  await she.press("portal-kit-show");
  await paper("kit");
});

test("what ends within a year stands on one line, each with its day and its bar", async ({ arrives, offices }) => {
  const she = await arrives("uz", PHONE);
  await she.begin();
  await she.link(offices, "centre");
  await she.link(offices, "clinic");
  await Promise.all([offices.centre(she.me), offices.clinic(she.me)]);
  await she.go("home");
  const line = she.page.getByRole("region", { name: she.t("portal-timeline") });
  await she.fetchUntil(line.getByRole("link", { name: she.kind("medical-certificate") }));
  await she.fetchUntil(line.getByRole("link", { name: she.kind("language-certificate") }));
  const bars = await line.locator("rect").evaluateAll((all) => all.map((r) => r.getBoundingClientRect().width));
  const whole = (await line.locator("svg").first().boundingBox())?.width ?? 0;
  // 40 and 350 days of 365.
  expect((bars[0] ?? 0) / whole).toBeCloseTo(40 / 365, 1);
  expect((bars[1] ?? 0) / whole).toBeCloseTo(350 / 365, 1);
});

test("an address of the page to something that is not here says so, with a way back", async ({ arrives }) => {
  const she = await arrives("en", PHONE);
  await she.begin();
  for (const [address, place] of [["records/x", "records"], ["records/x/dispute", "records"], ["records/x/not-mine", "records"], ["links/9", "links"], ["applications/x", "applications"], ["services/x", "services"]] as const) {
    await she.page.goto(`${she.url}/#/${address}`);
    await she.sees(place === "services" ? "err-unknown-service-version" : "portal-not-here");
    await she.page.screenshot({ path: join(OUT, "screens", `not-here-${place}.png`) });
    await she.page.getByRole("main").getByRole("link", { name: she.t(`portal-place-${place}`), exact: true }).click();
    await she.sees(`portal-place-${place}`);
  }
});
