// Who can get in (D5, D7): devices and passkeys, one by one, and new keys for when one was taken.

import { PASSPHRASE, DESK, PHONE, expect, test, type Person } from "../src/test.js";

const region = (she: Person, key: string) => she.page.getByRole("region", { name: she.t(key), exact: true });

/** Begins with a passkey that gets her in everywhere, and a passphrase beside it. */
async function withPasskey(she: Person): Promise<void> {
  await she.begin();
  await she.go("ways");
  await she.press("portal-way-add");
  await she.page.getByLabel(she.t("portal-way-everywhere"), { exact: true }).check();
  await she.press("portal-passkey-make");
  await expect(she.says(she.t("portal-ways-everywhere"))).toBeVisible();
  await she.fine();
}

test("a passkey that comes along gets her in on a new phone, until it is taken away", async ({ arrives, offices }) => {
  const she = await arrives("en", DESK);
  const desk = await she.authenticator();
  await withPasskey(she);
  await she.link(offices, "border");
  await offices.border(she.me);
  await she.openRecord(she.kind("travel-document"));
  const passkeys = await desk.passkeys();
  expect(passkeys).toHaveLength(1);

  // Nothing of hers is in the new browser but the passkey, which her phone's maker brought there.
  const phone = await arrives("ru", PHONE, she.me);
  await (await phone.authenticator()).take(passkeys);
  await phone.arrive();
  await phone.press("portal-in");
  await phone.sees("portal-in-title");
  await phone.press("portal-in-passkey");
  await phone.sees("portal-home-title");
  await phone.openRecord(phone.kind("travel-document"));
  await expect(phone.says(she.me.passport)).toBeVisible();
  // Getting in is one thing, unlocking another: from now on it opens here.
  await phone.lock();
  await phone.press("portal-unlock-passkey");
  await phone.sees("portal-home-title");
  await phone.press("portal-fetch");

  // Both devices stand in the list of the first; the passkey is taken away there.
  await she.go("ways");
  const devices = region(she, "portal-ways-devices");
  await she.fetchUntil(devices.getByRole("heading", { name: she.t("portal-ways-here") }));
  await she.fetchUntil(devices.getByRole("button", { name: she.t("portal-ways-remove", { name: phone.t("portal-device-computer") }), exact: true }));
  await devices.getByRole("button", { name: she.t("portal-ways-remove", { name: "Denizen" }) }).first().click();
  await she.calm();
  await she.fine();
  await expect(she.page.getByText(she.t("portal-ways-everywhere"))).toHaveCount(0);

  const late = await arrives("en", PHONE);
  await (await late.authenticator()).take(passkeys);
  await late.arrive();
  await late.press("portal-in");
  await late.press("portal-in-passkey");
  await expect(late.page.getByRole("alert")).toContainText(late.t("err-passkey-unknown"));
  await expect(late.button("portal-lock")).toHaveCount(0);
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
