// Another device, everything lost, and no connection.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { OUT } from "../playwright.config.js";
import { Relayed } from "../src/relayed.js";
import { DESK, PASSPHRASE, PHONE, Person, expect, test } from "../src/test.js";

test("a second device beside the first has the same records, and both go on", async ({ arrives, offices }) => {
  const phone = await arrives("ru", PHONE);
  const kit = await phone.begin();
  await phone.link(offices, "border");
  await offices.border(phone.me);
  await phone.openRecord(phone.kind("travel-document"));

  const desk = await arrives("en", DESK, phone.me);
  await desk.arrive();
  await desk.restore(kit, "beside");
  await desk.openRecord(desk.kind("travel-document"));
  await expect(desk.says(phone.me.passport)).toBeVisible();

  // What comes later comes on both.
  await desk.link(offices, "clinic");
  await offices.clinic(phone.me);
  await desk.go("records");
  await desk.fetchUntil(desk.page.getByRole("link", { name: desk.kind("medical-certificate") }));
  await phone.go("links");
  await phone.fetchUntil(phone.page.getByRole("link", { name: phone.org("clinic") }));
  await phone.go("records");
  await phone.fetchUntil(phone.page.getByRole("link", { name: phone.kind("medical-certificate") }));
});

test("a second device by a link that is good once", async ({ arrives, offices }) => {
  const phone = await arrives("en", PHONE);
  await phone.begin();
  await phone.link(offices, "border");
  await offices.border(phone.me);
  await phone.openRecord(phone.kind("travel-document"));
  await phone.go("ways");
  const second = phone.page.getByRole("region", { name: phone.t("portal-second") });
  await second.getByLabel(phone.t("portal-device-pass"), { exact: true }).fill("seven green boats in the rain");
  await phone.press("portal-device-offer");
  const link = await second.getByText(/^http.*#/).innerText();

  const desk = await arrives("ru", DESK, phone.me);
  await desk.arrive();
  await desk.page.goto(link);
  await desk.sees("portal-device-title");
  await desk.field("portal-pass").fill("seven green boats in the rain");
  await desk.press("portal-device-take");
  await expect(desk.button("portal-lock")).toBeVisible({ timeout: 60_000 });
  await desk.openRecord(desk.kind("travel-document"));
  await expect(desk.says(phone.me.passport)).toBeVisible();

  // Whoever comes with the same link later finds nothing.
  const late = await arrives("en", DESK);
  await late.arrive();
  await late.page.goto(link);
  await late.field("portal-pass").fill("seven green boats in the rain");
  await late.press("portal-device-take");
  await expect(late.page.getByRole("alert")).toBeVisible();
  await expect(late.button("portal-lock")).toHaveCount(0);
});

test("everything is lost but the paper: the kit alone brings it back in a new browser", async ({ arrives, offices }) => {
  const before = await arrives("en", DESK);
  const kit = await before.begin();
  await before.link(offices, "border");
  await offices.border(before.me);
  await before.openRecord(before.kind("travel-document"));
  await before.context.close();

  const after = await arrives("ru", PHONE, before.me);
  await after.arrive();
  // A slip of the pen is found, and said.
  await after.press("portal-in");
  await after.press("portal-restore");
  await after.field("portal-restore-kit").fill(kit.replace(/^\S+/, "zebra"));
  await after.page.getByRole("main").getByRole("button", { name: after.t("portal-restore"), exact: true }).click();
  await expect(after.page.getByRole("alert")).toContainText(after.t("err-kit-checksum"));
  await after.page.reload();
  await after.page.goto(`${after.url}/#/`);
  await after.restore(kit, "lost", "another long passphrase here");
  await after.openRecord(after.kind("travel-document"));
  await expect(after.says(before.me.passport)).toBeVisible();
  // It is checked here, without asking whoever issued it.
  await after.press("portal-receipt-check");
  await expect(after.says(after.t("portal-receipt-good"))).toBeVisible();
  await after.lock();
  await after.unlock(PASSPHRASE);
  await expect(after.page.getByRole("alert")).toContainText(after.t("err-wrong-passphrase"));
  await after.unlock("another long passphrase here");
  await after.sees("portal-home-title");
});

test("what she takes with her is one file, which the command line checks; one changed byte is found", async ({ arrives, offices }) => {
  const she = await arrives("ru", PHONE);
  await she.begin();
  await she.link(offices, "border");
  await offices.border(she.me);
  await she.openRecord(she.kind("travel-document"));
  await she.go("ways");
  const [download] = await Promise.all([she.page.waitForEvent("download"), she.button("portal-export-save").click()]);
  expect(download.suggestedFilename()).toMatch(/^denizen-\d{4}-\d{2}-\d{2}\.json$/);
  const file = await download.path();
  const said = await offices.denizen("verify", file, "--hub-id", offices.known.hubId, "--language", "ru");
  expect(said).toContain(she.kind("travel-document"));
  expect(said).toContain(offices.known.hubId);

  const files = JSON.parse(await readFile(file, "utf8")) as Record<string, string>;
  const record = "records/0000.json";
  const bytes = Buffer.from(files[record] ?? "", "base64");
  const place = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
  const changed = await offices.kept(`changed-${she.me.case}.json`, JSON.stringify({ ...files, [record]: bytes.toString("base64") }));
  await expect(offices.denizen("verify", changed)).rejects.toThrow(record);
});

test("everything is deleted: what it means is read first, it goes on after a break, and no kit brings it back", async ({ arrives, offices }) => {
  const she = await arrives("ru", PHONE);
  const kit = await she.begin();
  await she.link(offices, "border");
  await offices.border(she.me);
  await she.openRecord(she.kind("travel-document"));

  await she.go("ways");
  await she.press("portal-leave");
  await she.sees("portal-leave");
  await expect(she.says(she.t("portal-leave-keep", { orgs: she.org("border") }))).toBeVisible();
  for (const key of ["hub", "kit", "open", "undo"]) await expect(she.says(she.t(`portal-leave-${key}`))).toBeVisible();
  await expect(she.button("portal-export-save")).toBeVisible();
  await expect(she.button("portal-leave-yes")).toBeDisabled();
  await she.field("portal-leave-sure").check();
  await she.page.screenshot({ path: join(OUT, "leave", "means.png"), fullPage: true });

  // The connection breaks before her own address goes.
  let deleted = 0;
  await she.page.context().route(/\/v1\/addresses\//, async (route) => {
    if (route.request().method() === "DELETE" && (deleted += 1) === 2) return route.abort("aborted");
    return route.fallback();
  });
  await she.press("portal-leave-yes");
  await expect(she.page.getByRole("alert")).toContainText(she.t("err-hub-unreachable"));
  await expect(she.says(she.t("portal-leave-progress", { done: 1, all: 2 }))).toBeVisible();
  // Her own hub is not done without.
  await expect(she.button("portal-leave-again")).toBeVisible();
  await expect(she.button("portal-leave-without-yes")).toHaveCount(0);
  await she.page.screenshot({ path: join(OUT, "leave", "left.png"), fullPage: true });
  await she.page.context().unrouteAll({ behavior: "wait" });
  expect(deleted).toBeGreaterThan(1);

  // The browser is closed and opened: what was begun is told, and goes on.
  await she.page.goto(`${she.url}/#/`);
  await she.page.reload();
  await she.unlock();
  await she.sees("portal-home-title");
  await expect(she.says(she.t("portal-leave-begun"))).toBeVisible();
  await she.page.screenshot({ path: join(OUT, "leave", "home.png"), fullPage: true });
  await she.press("portal-leave-again");
  await she.sees("portal-leave");
  await she.press("portal-leave-again");
  await she.sees("portal-leave-gone");
  await she.page.screenshot({ path: join(OUT, "leave", "done.png"), fullPage: true });
  await she.press("portal-leave-close");
  // Nobody has been here.
  await she.arrive();
  await expect(she.button("portal-begin")).toBeVisible();
  await expect(she.button("portal-unlock")).toHaveCount(0);

  const after = await arrives("en", DESK, she.me);
  await after.arrive();
  await after.press("portal-in");
  await after.press("portal-restore");
  await after.field("portal-restore-kit").fill(kit);
  await after.page.getByRole("radio", { name: after.t("portal-restore-lost"), exact: true }).check();
  await after.press("portal-restore");
  await expect(after.page.getByRole("alert")).toContainText(after.t("err-profile-deleted"));
});

test("without a connection the page comes, opens the records, and says what it cannot do", async ({ browser }) => {
  const before = await Relayed.start(["border"]);
  const { relay, world } = before;
  try {
    const she = await Person.at(browser, world.url, "ru", PHONE);
    await she.begin();
    await she.link(world, "border");
    await world.border(she.me);
    await she.openRecord(she.kind("travel-document"));
    await she.page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    await she.lock();

    she.cut = true;
    await relay.down();
    await she.page.reload();
    await she.sees("portal-unlock-title");
    await she.unlock();
    await expect(she.says(she.t("portal-away"))).toBeVisible({ timeout: 30_000 });
    await she.go("records");
    await she.page.getByRole("link", { name: she.kind("travel-document") }).click();
    await expect(she.says(she.me.passport)).toBeVisible();
    await she.press("portal-receipt-check");
    await expect(she.says(she.t("portal-receipt-good"))).toBeVisible();

    // What she sends now waits; it goes when the hub is there again.
    await she.go("links");
    await she.page.getByRole("link", { name: she.org("border") }).click();
    await she.field("portal-note-text").fill("Я на связи с пятницы");
    await she.press("portal-send");
    const waiting = she.page.getByText(new RegExp([1, 2, 5].map((count) => she.t("portal-waiting", { count }).replace(String(count), "\\d+")).join("|")));
    await expect(waiting).toBeVisible();
    await relay.up();
    await expect(async () => {
      await she.button("portal-fetch").click();
      await she.calm();
      await expect(waiting).toHaveCount(0, { timeout: 700 });
    }).toPass({ timeout: 30_000 });
    await expect(she.page.getByText(she.t("portal-away"))).toHaveCount(0);
    await she.close();
  } finally {
    await before.stop();
  }
});
