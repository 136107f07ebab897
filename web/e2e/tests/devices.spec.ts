// Another device, everything lost, and no connection.

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
