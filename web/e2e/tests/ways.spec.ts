// Who can get in (D5, D7): devices and passkeys, one by one, and new keys for when one was taken.

import { PASSPHRASE, DESK, PHONE, expect, test, type Person } from "../src/test.js";

const region = (she: Person, key: string) => she.page.getByRole("region", { name: she.t(key), exact: true });

test("a passkey that comes along gets her in on a new telephone, until it is taken away", async ({ arrives, offices }) => {
  const desk = await arrives("en", DESK);
  const kit = await desk.begin();
  await desk.link(offices, "border");
  await offices.border(desk.me);
  await desk.openRecord(desk.kind("travel-document"));

  const phone = await arrives("ru", PHONE, desk.me);
  await phone.authenticator();
  await phone.arrive();
  await phone.restore(kit, "beside");
  await phone.go("ways");
  await phone.press("portal-way-add");
  await phone.page.getByLabel(phone.t("portal-way-everywhere"), { exact: true }).check();
  await phone.press("portal-passkey-make");
  await phone.fine();
  await expect(phone.says(phone.t("portal-ways-everywhere"))).toBeVisible();

  await phone.newTelephone();
  await phone.press("portal-in");
  await phone.sees("portal-in-title");
  await phone.press("portal-in-passkey");
  await phone.sees("portal-home-title");
  await phone.openRecord(phone.kind("travel-document"));
  await expect(phone.says(desk.me.passport)).toBeVisible();
  // Getting in is one thing, unlocking another: from now on it opens here.
  await phone.lock();
  await phone.press("portal-unlock-passkey");
  await phone.sees("portal-home-title");

  // It is taken away on the first device, and gets nobody in any more.
  await desk.go("ways");
  const remove = region(desk, "portal-ways-devices").getByRole("button", { name: desk.t("portal-ways-remove", { name: "Denizen" }) });
  await desk.fetchUntil(remove);
  await remove.first().click();
  await desk.calm();
  await desk.fine();
  await expect(remove).toHaveCount(0);
  await phone.newTelephone();
  await phone.press("portal-in");
  await phone.press("portal-in-passkey");
  await expect(phone.page.getByRole("alert")).toContainText(phone.t("err-passkey-unknown"));
  await expect(phone.button("portal-lock")).toHaveCount(0);
});

test("a device that she removes forgets the profile, and says why", async ({ arrives }) => {
  const phone = await arrives("en", PHONE);
  const kit = await phone.begin();
  const desk = await arrives("ru", DESK, phone.me);
  await desk.arrive();
  await desk.restore(kit, "beside");
  await desk.go("ways");
  await desk.press("portal-ways-name");
  await desk.field("portal-ways-name").fill("Библиотека");
  await desk.press("portal-ways-name-keep");

  await phone.go("ways");
  const remove = phone.page.getByRole("button", { name: phone.t("portal-ways-remove", { name: "Библиотека" }), exact: true });
  await phone.fetchUntil(remove);
  await remove.click();
  await expect(phone.says(phone.t("portal-ways-device-sure"))).toBeVisible();
  await expect(phone.page.getByText(phone.t("portal-ways-device-not"))).toBeVisible();
  await phone.press("portal-ways-device-yes");
  await expect(remove).toHaveCount(0);

  await desk.button("portal-fetch").click();
  await expect(desk.page.getByRole("alert")).toContainText(desk.t("err-device-ended"), { timeout: 30_000 });
  await expect(desk.button("portal-lock")).toHaveCount(0);
  await desk.page.reload();
  await desk.sees("portal-welcome-title");
});

test("somebody has her device: new keys move every link, and the old ones open nothing", async ({ arrives, offices }) => {
  const she = await arrives("en", DESK);
  const old = await she.begin();
  await she.link(offices, "border");
  await offices.border(she.me);
  await she.openRecord(she.kind("travel-document"));

  await she.go("ways");
  await region(she, "portal-renew").getByRole("button", { name: she.t("portal-renew-begin"), exact: true }).click();
  await she.sees("portal-renew-title");
  await expect(she.says(she.t("portal-renew-sees"))).toBeVisible();
  await she.press("portal-renew-begin");
  await expect(she.button("portal-kit-have")).toBeVisible({ timeout: 30_000 });
  const { words, text } = await she.readKit();
  expect(text).not.toBe(old);
  await she.press("portal-kit-have");
  await she.typeWords(words);
  await she.press("portal-next");
  await she.choosePassphrase("quite another long passphrase");
  await she.sees("portal-place-ways");
  await she.fetchUntil(she.button("portal-renew-abandon"));
  await she.press("portal-renew-abandon");
  await expect(she.button("portal-renew-abandon")).toHaveCount(0);
  await she.openRecord(she.kind("travel-document"));
  await expect(she.says(she.me.passport)).toBeVisible();
  await she.lock();
  await she.unlock(PASSPHRASE);
  await expect(she.page.getByRole("alert")).toContainText(she.t("err-wrong-passphrase"));
  await she.unlock("quite another long passphrase");
  await she.sees("portal-home-title");

  // Whoever has the old paper comes to nothing.
  const thief = await arrives("en", PHONE);
  await thief.arrive();
  await thief.press("portal-in");
  await thief.press("portal-restore");
  await thief.field("portal-restore-kit").fill(old);
  await thief.page.getByRole("main").getByRole("button", { name: thief.t("portal-restore"), exact: true }).click();
  await expect(thief.page.getByRole("alert")).toBeVisible({ timeout: 30_000 });
  await expect(thief.page.getByText(she.me.passport)).toHaveCount(0);
});
