// What a browser transfers until the home screen is shown, counted on the connection before the hub: for
// somebody new, and for somebody whose browser has her profile and nothing else.

import { join } from "node:path";
import { mkdir, writeFile } from "node:fs/promises";
import { isUntilHome, UNTIL_HOME_BYTES_MAX } from "../../build/pack.js";
import { OUT } from "../playwright.config.js";
import type { Relay, Sent } from "../src/relay.js";
import { Relayed } from "../src/relayed.js";
import { PASSPHRASE, PHONE, Person, expect, test } from "../src/test.js";

/** Notes when the home screen's heading is in the page for the first time. */
function noteHome(heading: string): void {
  const place = window as { homeAt?: number };
  new MutationObserver(() => {
    if (document.querySelector("h1")?.textContent === heading) place.homeAt ??= Date.now();
  }).observe(document, { childList: true, subtree: true, characterData: true });
}

const file = (path: string): string => (path === "/" ? "index.html" : path.slice(1));

/** Waits until everything has come, and gives what was asked for before the home screen was there. */
async function untilHome(she: Person, relay: Relay): Promise<Sent[]> {
  await she.sees("portal-home-title");
  const homeAt = await she.page.evaluate(() => (window as { homeAt?: number }).homeAt ?? Number.NaN);
  await expect.poll(() => relay.sent.some(({ path }) => /denizen_bg.*\.wasm$/.test(path)), { timeout: 30_000 }).toBe(true);
  const first = relay.sent.filter(({ askedAt }) => askedAt <= homeAt);
  const later = relay.sent.filter(({ askedAt }) => askedAt > homeAt);
  expect(later.some(({ path }) => /denizen_bg.*\.wasm$/.test(path)), "the whole module comes after home").toBe(true);
  // What the build adds up is what is fetched.
  const files = first.map(({ path }) => file(path)).filter((path) => path !== "portal.json");
  for (const path of files) expect(isUntilHome(path), path).toBe(true);
  expect(files.some((path) => /door_bg.*\.wasm$/.test(path))).toBe(true);
  return first;
}

test("what is transferred until home is shown is at most what the build allows, for who is new and for who comes again", async ({ browser }) => {
  const before = await Relayed.start();
  const { relay, world } = before;
  // The language whose texts are the most bytes.
  const she = await Person.at(browser, world.url, "ru", PHONE);
  await she.page.addInitScript(noteHome, she.t("portal-home-title"));
  await she.begin();
  const begun = await untilHome(she, relay);
  // All of it is there, and her home screen is noted for the next time.
  await she.go("ways");
  await she.go("home");
  await she.press("portal-fetch");

  // The profile stays; every file of the page is gone from the browser.
  await expect.poll(() => she.page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state)).toBe("activated");
  const session = await she.context.newCDPSession(she.page);
  await she.page.goto("about:blank");
  await session.send("Storage.clearDataForOrigin", { origin: new URL(world.url).origin, storageTypes: "service_workers,cache_storage" });
  await session.send("Network.clearBrowserCache");
  relay.sent = [];
  await she.page.goto(world.url);
  await she.sees("portal-unlock-title");
  await she.unlock(PASSPHRASE);
  const unlocked = await untilHome(she, relay);

  const sum = (all: Sent[]) => all.reduce((bytes, one) => bytes + one.bytes, 0);
  const report = { begun: { bytes: sum(begun), files: begun }, unlocked: { bytes: sum(unlocked), files: unlocked }, most: UNTIL_HOME_BYTES_MAX };
  await mkdir(OUT, { recursive: true });
  await writeFile(join(OUT, "until-home.json"), `${JSON.stringify(report, undefined, 1)}\n`);
  for (const { bytes } of [report.begun, report.unlocked]) {
    expect(bytes).toBeLessThanOrEqual(UNTIL_HOME_BYTES_MAX);
    // Counted at all: the files alone are nearly that.
    expect(bytes).toBeGreaterThan(UNTIL_HOME_BYTES_MAX / 2);
  }
  await she.close();
  await before.stop();
});
