// A newer bundle at the hub: she goes on with the one she has until she says yes, also over closed tabs.

import { cp, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "@playwright/test";
import { seal } from "../../build/integrity.ts";
import { PHONE, Person, expect, test } from "../src/test.js";
import { BUNDLE, World } from "../src/world.js";

const SECOND = "/assets/second.css";

/** The same pages as another bundle: another text under the same name, and a style under another name. */
async function secondBundle(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "denizen-bundle-"));
  await cp(BUNDLE, folder, { recursive: true });
  const page = await readFile(join(folder, "index.html"), "utf8");
  const style = /assets\/[\w-]+\.css/.exec(page)?.[0] ?? "";
  for (const end of ["", ".gz"]) await rename(join(folder, `${style}${end}`), join(folder, `${SECOND}${end}`));
  await writeFile(join(folder, "index.html"), page.replaceAll(`/${style}`, SECOND));
  const texts = JSON.parse(await readFile(join(folder, "locales/en.json"), "utf8")) as Record<string, string>;
  await writeFile(join(folder, "locales/en.json"), JSON.stringify({ ...texts, "portal-lock": "Lock it" }));
  await seal(folder);
  return folder;
}

let second: string;
test.beforeAll(async () => {
  second = await secondBundle();
});
test.afterAll(() => rm(second, { recursive: true, force: true }));

/** She has the first bundle, and the hub has the second, of which she was told. */
async function told(browser: Browser): Promise<{ she: Person; world: World }> {
  const world = await World.start([]);
  const she = await Person.at(browser, world.url, "en", PHONE);
  await she.begin();
  await expect.poll(() => she.page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state)).toBe("activated");
  await world.stopHub();
  await world.serveBundle(second);
  await she.page.reload();
  await expect(she.button("portal-update-take")).toBeVisible();
  return { she, world };
}

const caches = (page: Page) => page.evaluate(async () => (await window.caches.keys()).filter((name) => name.startsWith("denizen-")));

/** All tabs are closed, and the browser has started the worker of the second bundle by itself. */
async function comesLater(she: Person): Promise<void> {
  await expect(async () => {
    await she.comesAgain();
    expect(await she.page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.waiting?.state)).toBeUndefined();
  }).toPass({ timeout: 60_000 });
}

/** All that is shown, and all that it is made of, is of one bundle. */
async function has(she: Person, page: Page, which: "first" | "second"): Promise<void> {
  await expect(page.locator("link[rel=stylesheet]")).toHaveAttribute("href", which === "second" ? SECOND : /^(?!.*second)/);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  expect(await page.evaluate(() => [...document.styleSheets].filter((s) => s.href !== null).length)).toBe(1);
  expect(await page.evaluate(async () => ((await (await fetch("/locales/en.json")).json()) as Record<string, string>)["portal-lock"])).toBe(which === "first" ? she.t("portal-lock") : "Lock it");
}

test("a newer bundle takes over with her yes, and not by itself when all tabs were closed", async ({ browser }) => {
  const { she, world } = await told(browser);
  await has(she, she.page, "first");
  await comesLater(she);
  await has(she, she.page, "first");
  await she.unlock();
  await she.sees("portal-home-title");
  await she.go("records");
  await expect(she.says(she.t("portal-update"))).toBeVisible();
  const [first] = await caches(she.page);

  // Another tab goes over with it: no page stays without its files.
  const other = await she.context.newPage();
  await other.goto(world.url);
  await has(she, other, "first");
  await she.button("portal-update-take").click();
  for (const page of [she.page, other]) await has(she, page, "second");
  expect(await caches(she.page)).toHaveLength(1);
  expect(await caches(she.page)).not.toContain(first);
  await expect(she.button("portal-update-take")).toHaveCount(0);
  await other.close();
  await she.unlock();
  await she.sees("portal-place-records");
  await expect(she.page.getByRole("button", { name: "Lock it" })).toBeVisible();
  await she.close();
  await world.stop();
});

test("a bundle of which the browser removed a part does not lock her out: the newer one is there", async ({ browser }) => {
  const { she, world } = await told(browser);
  await comesLater(she);
  await has(she, she.page, "first");
  await she.page.evaluate(async () => {
    const [first] = await window.caches.keys();
    await (await window.caches.open(first ?? "")).delete("/locales/ru.json");
  });
  await she.comesAgain();
  await has(she, she.page, "second");
  await she.unlock();
  await she.page.getByRole("button", { name: "Lock it" }).click();
  await she.sees("portal-unlock-title");
  await she.close();
  await world.stop();
});

test("she says yes at once, in the tab that was told", async ({ browser }) => {
  const { she, world } = await told(browser);
  await she.button("portal-update-take").click();
  await has(she, she.page, "second");
  expect(await caches(she.page)).toHaveLength(1);
  await she.unlock();
  await she.sees("portal-home-title");
  await expect(she.button("portal-update-take")).toHaveCount(0);
  await she.close();
  await world.stop();
});
