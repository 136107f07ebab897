// Beginning, and getting in again.

import { expect, PASSPHRASE, PHONE, test } from "../src/test.js";

test("the language comes first, the kit is checked word by word, and a wrong word is refused", async ({ arrives }) => {
  const she = await arrives("ru", PHONE);
  await she.page.goto(she.url);
  // Before a language is chosen there is nothing else to decide.
  await expect(she.page.getByRole("button")).toHaveText(["English", "Русский", "Oʻzbekcha", "Тоҷикӣ", "Кыргызча"]);
  await she.arrive();
  await she.sees("portal-welcome-title");
  await expect(she.page.locator("html")).toHaveAttribute("lang", "ru");
  await she.press("portal-begin");
  await expect(she.button("portal-kit-have")).toBeVisible({ timeout: 30_000 });
  const { words, text } = await she.readKit();
  expect(words).toHaveLength(24);
  expect(text).toMatch(/^hub [\w-]+ http/m);
  await expect(she.page.getByRole("img", { name: she.t("portal-kit-qr") })).toBeVisible();
  await she.press("portal-kit-have");
  await she.typeWords(words.map(() => "abandon"));
  await she.press("portal-next");
  await expect(she.page.getByRole("alert")).toHaveText(she.t("portal-kit-wrong"));
  await she.sees("portal-kit-confirm-title");
  await she.typeWords(words);
  await she.press("portal-next");
  await she.sees("portal-way-title");
  await she.field("portal-pass").fill("short");
  await she.field("portal-pass-again").fill("short");
  await she.press("portal-pass-keep");
  await expect(she.page.getByRole("alert")).toHaveText(she.t("portal-pass-short", { count: 10 }));
  await she.field("portal-pass").fill(PASSPHRASE);
  await she.field("portal-pass-again").fill(`${PASSPHRASE}!`);
  await she.press("portal-pass-keep");
  await expect(she.page.getByRole("alert")).toHaveText(she.t("portal-pass-differ"));
  await she.choosePassphrase();
  await she.sees("portal-home-title");
  await expect(she.says(she.t("portal-synthetic"))).toBeVisible();
});

test("a passkey makes the way in, opens it again, and can be taken away beside another way", async ({ arrives }) => {
  const she = await arrives("en");
  await she.authenticator();
  await she.arrive();
  await she.press("portal-begin");
  await expect(she.button("portal-kit-have")).toBeVisible({ timeout: 30_000 });
  const { words } = await she.readKit();
  await she.press("portal-kit-have");
  await she.typeWords(words);
  await she.press("portal-next");
  await she.press("portal-passkey-make");
  await she.sees("portal-home-title");
  await she.lock();
  await she.press("portal-unlock-passkey");
  await she.sees("portal-home-title");
  // The last way in cannot be taken away.
  await she.go("ways");
  const remove = she.page.getByRole("button", { name: she.t("portal-ways-remove", { name: "Denizen" }) });
  await remove.click();
  await expect(she.page.getByRole("alert")).toContainText(she.t("err-last-method"));
  await she.press("portal-way-add");
  await she.choosePassphrase();
  await remove.click();
  await expect(remove).toHaveCount(0);
  await she.lock();
  await expect(she.button("portal-unlock-passkey")).toHaveCount(0);
  await she.unlock();
  await she.sees("portal-home-title");
});

test("locked, the records open only with the passphrase, and a wrong one is said in plain words", async ({ arrives }) => {
  const she = await arrives("en");
  await she.begin();
  await she.lock();
  await expect(she.page.getByRole("navigation")).toHaveCount(0);
  await she.unlock("some other long words");
  await expect(she.page.getByRole("alert")).toContainText(she.t("err-wrong-passphrase"));
  await expect(she.page.getByRole("alert")).toContainText(she.t("rec-wrong-passphrase"));
  await she.sees("portal-unlock-title");
  await she.unlock();
  await she.sees("portal-home-title");
  // Another tab, later: it stays locked until she opens it there.
  const tab = await she.context.newPage();
  await tab.goto(she.url);
  await expect(tab.getByRole("heading", { level: 1, name: she.t("portal-unlock-title") })).toBeVisible();
});

test("what the browser keeps is deleted when she says so", async ({ arrives }) => {
  const she = await arrives("en");
  await she.begin();
  await she.go("ways");
  await she.press("portal-forget");
  await expect(she.says(she.t("portal-forget-what"))).toBeVisible();
  await she.button("portal-forget-yes").click();
  await expect(she.page.getByRole("button", { name: "English", exact: true })).toBeVisible();
  const left = await she.page.evaluate(async () => {
    const names: string[] = [];
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise<IDBDatabase>((done, failed) => {
        const asked = indexedDB.open(name ?? "");
        asked.onsuccess = () => done(asked.result);
        asked.onerror = () => failed(asked.error);
      });
      for (const store of database.objectStoreNames) {
        const keys = await new Promise<IDBValidKey[]>((done) => {
          const asked = database.transaction(store).objectStore(store).getAllKeys();
          asked.onsuccess = () => done(asked.result);
        });
        names.push(...keys.map(String));
      }
    }
    return [...names, ...Object.keys(localStorage), ...Object.keys(sessionStorage)];
  });
  expect(left).toEqual([]);
  await she.arrive();
  await she.sees("portal-welcome-title");
});
