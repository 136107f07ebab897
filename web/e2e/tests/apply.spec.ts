// Applications: changed and taken back, two at a time, and a draft that waits for her.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { OUT } from "../playwright.config.js";
import { DESK, PHONE, Person, day, expect, test } from "../src/test.js";
import { ROOT, World } from "../src/world.js";

const FILE = (name: string) => ({ name, mimeType: "application/pdf", buffer: Buffer.from(`%PDF-1.4 ${name}`) });

/** Answers what is asked for the permit, and files it. */
async function files(she: Person, paper: string): Promise<string> {
  await she.press("portal-next");
  await she.page.getByRole("region", { name: she.kind("medical-certificate") }).getByRole("checkbox").check();
  await she.field("portal-dispute-papers").setInputFiles(FILE(paper));
  await expect(she.page.getByRole("button", { name: she.t("portal-list-remove", { what: paper }) })).toBeVisible();
  await she.press("portal-apply-send");
  await she.sees("portal-sent-title");
  await she.press("portal-sent-follow");
  return she.filed();
}

/** She closes all tabs, and comes back to the same place. */
async function comesBack(she: Person): Promise<void> {
  await she.comesAgain(she.page.url());
  await she.unlock();
  await expect(she.heading(she.t("service-work-permit-title"))).toBeVisible();
}

test("a draft waits in a closed browser; an amendment begins with what was filed, and has a draft of its own", async ({ arrives, offices }) => {
  const she = await arrives("en", DESK);
  await she.begin();
  await she.papers(offices);

  // Half-answered, then all tabs are closed.
  await she.go("services");
  await she.openService("work-permit");
  await she.answer("region", "RU-TVE");
  await she.answer("occupation", "Seamstress");
  await comesBack(she);
  await expect(she.question("occupation")).toHaveValue("Seamstress");
  await expect(she.question("region")).toHaveValue("RU-TVE");
  await she.answer("months", "12");
  const number = await files(she, "contract.pdf");
  const application = she.page.url();

  await she.press("portal-amend");
  await expect(she.question("region")).toHaveValue("RU-TVE");
  await expect(she.question("occupation")).toHaveValue("Seamstress");
  await expect(she.question("months")).toHaveValue("12");
  await she.answer("occupation", "Cutter");
  await comesBack(she);
  await expect(she.question("occupation")).toHaveValue("Cutter");

  // A new application of the same service begins empty, and what she types there stays there.
  await she.go("services");
  await she.openService("work-permit");
  await expect(she.question("occupation")).toHaveValue("");
  await she.answer("occupation", "Baker");
  await she.page.goto(application);
  await she.press("portal-amend");
  await expect(she.question("occupation")).toHaveValue("Cutter");
  await expect(she.question("months")).toHaveValue("12");

  // The office has both files afterwards: the earlier one went again.
  await she.press("portal-next");
  await expect(she.says(she.t("portal-amend-files"))).toBeVisible();
  await expect(she.page.getByRole("button", { name: she.t("portal-list-remove", { what: "contract.pdf" }) })).toBeVisible();
  await she.press("portal-back");
  await files(she, "diploma.pdf");
  await expect(she.says(she.t("portal-amended", { count: 1 }))).toBeVisible();
  await expect(she.page.getByRole("definition").filter({ hasText: "Cutter" })).toBeVisible();
  const sent = she.page.getByRole("region", { name: she.t("portal-files") }).getByRole("listitem");
  await expect(sent.filter({ hasText: "contract.pdf" })).toHaveCount(1);
  await expect(sent.filter({ hasText: "diploma.pdf" })).toHaveCount(1);
  const told = () => offices.gateway("immigration", "show", number);
  await expect.poll(told, { timeout: 30_000 }).toContain("diploma.pdf");
  expect(await told()).toContain("contract.pdf");

  await she.press("portal-withdraw");
  await expect(she.page.getByRole("alert")).toContainText(she.t("portal-sure-withdraw"));
  await she.press("portal-yes-withdraw");
  await she.fetchUntil(she.says(she.t("portal-state-withdrawn")));
  await expect(she.button("portal-withdraw")).toHaveCount(0);
  await she.go("services");
  await she.openService("work-permit");
  await expect(she.question("occupation")).toHaveValue("Baker");
});

test("an office asks for other things now: an application of the earlier version says so, and goes on with the new one", async ({ browser }) => {
  const world = await World.start(["border", "landlord"]);
  const she = await Person.at(browser, world.url, "en", PHONE);
  await she.begin();
  for (const office of ["border", "landlord"] as const) await she.link(world, office);
  await world.border(she.me);
  await she.openRecord(she.kind("border-crossing"));
  await she.go("services");
  await she.openService("tenancy-check");
  await she.press("portal-next");
  await she.page.getByRole("checkbox", { name: she.t("portal-linkable") }).check();
  await she.press("portal-apply-send");
  await she.press("portal-sent-follow");
  const room = await she.filed();

  const service = JSON.parse(await readFile(join(ROOT, "catalogue/services/tenancy-check.json"), "utf8")) as { version: number };
  await world.gateway("landlord", "publish", await world.kept("next.json", JSON.stringify({ ...service, version: service.version + 1 })));
  const old = new URL(she.page.url()).hash;
  await expect(async () => {
    await she.page.goto(`${world.url}/${old}`);
    await she.press("portal-fetch");
    await she.press("portal-amend");
    await expect(she.heading(she.t("err-unknown-service-version"))).toBeVisible({ timeout: 700 });
  }).toPass({ timeout: 60_000 });
  await she.page.screenshot({ path: join(OUT, "screens", "service-gone-en.png") });
  await expect(she.page.getByRole("link", { name: she.t("portal-sent-follow") })).toHaveAttribute("href", old);
  await she.press("portal-next");
  await expect(she.heading(she.t("service-tenancy-check-title"))).toBeVisible();
  await she.press("portal-next");
  await she.page.getByRole("checkbox", { name: she.t("portal-linkable") }).check();
  await she.page.screenshot({ path: join(OUT, "screens", "amend-en.png"), fullPage: true });
  await she.press("portal-apply-send");
  await she.press("portal-sent-follow");
  await expect(she.says(she.t("portal-amended", { count: 1 }))).toBeVisible();
  await she.fetchUntil(she.says(she.t("event-amended")));
  expect(await world.gateway("landlord", "show", room)).toContain("an earlier version came");
  await she.close();
  await world.stop();
});

test("two procedures at the same time do not get in each other's way", async ({ arrives, offices }) => {
  const she = await arrives("ru", PHONE);
  await she.begin();
  await she.papers(offices);
  await she.link(offices, "landlord");
  await she.go("services");
  await she.openService("work-permit");
  await she.answer("region", "RU-TVE");
  await she.answer("occupation", "Швея");
  await she.answer("months", "12");
  await she.press("portal-next");
  await she.page.getByRole("region", { name: she.kind("medical-certificate") }).getByRole("checkbox").check();
  await she.press("portal-apply-send");
  await she.press("portal-sent-follow");
  const permit = await she.filed();

  // The landlord learns one date of hers, and nothing else.
  await she.go("services");
  await she.openService("tenancy-check");
  await she.press("portal-next");
  await she.sees("portal-leaving-title", { org: she.org("landlord") });
  await expect(she.page.getByRole("definition")).toHaveCount(1);
  await expect(she.page.locator("main")).not.toContainText(she.me.passport);
  await expect(she.page.locator("main")).not.toContainText(she.me.original);
  // A border crossing has no one-time copies: she is told what that means, and says yes.
  await she.page.getByRole("checkbox", { name: she.t("portal-linkable") }).check();
  await she.press("portal-apply-send");
  await she.press("portal-sent-follow");
  const room = await she.filed();
  expect(room).not.toBe(permit);

  await offices.grant("landlord", room);
  await she.go("applications");
  await she.fetchUntil(she.page.getByRole("link", { name: she.t("service-tenancy-check-title") }).filter({ hasText: she.t("portal-state-decided") }));
  await expect(she.page.getByRole("link", { name: she.t("service-work-permit-title") })).not.toContainText(she.t("portal-state-decided"));
  await offices.gateway("immigration", "ask-more", permit, "Пришлите договор", "--due", day(20));
  await she.fetchUntil(she.page.getByRole("link", { name: she.t("service-work-permit-title") }).filter({ hasText: she.t("portal-state-more-needed") }));
});
