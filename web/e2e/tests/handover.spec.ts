// Between the two modules: what the first one shows is what she has, and nothing that she does while the
// whole one is on its way is lost. The connection before the hub holds the whole one back.

import type { Browser } from "@playwright/test";
import type { Relay } from "../src/relay.js";
import { Relayed } from "../src/relayed.js";
import { PHONE, Person, expect, test } from "../src/test.js";
import type { World } from "../src/world.js";

let before: Relayed;
let relay: Relay;
let world: World;

test.describe.configure({ mode: "serial" });
test.beforeAll(async () => {
  before = await Relayed.start(["police"]);
  ({ relay, world } = before);
});
test.afterAll(() => before.stop());
test.afterEach(() => (relay.lie = undefined));

const WHOLE = /denizen_bg.*\.wasm$/;

/** Holds the whole module back until it is let go; says whether it was asked for. */
function held(): { asked(): boolean; go(): void } {
  let [asked, go] = [false, () => undefined as void];
  const gone = new Promise<void>((resolve) => (go = resolve));
  relay.lie = async ({ path }) => {
    if (!WHOLE.test(path)) return undefined;
    asked = true;
    await gone;
    return undefined;
  };
  return { asked: () => asked, go: () => go() };
}

/** Her browser keeps her profile, and no file of the page; it comes to the page again. */
async function comesAgain(she: Person): Promise<void> {
  const session = await she.context.newCDPSession(she.page);
  await she.page.goto("about:blank");
  await session.send("Storage.clearDataForOrigin", { origin: new URL(world.url).origin, storageTypes: "service_workers,cache_storage" });
  await session.send("Network.clearBrowserCache");
  await she.page.goto(world.url);
  await she.sees("portal-unlock-title");
}

const comes = (browser: Browser): Promise<Person> => Person.at(browser, world.url, "en", PHONE);

test("while the whole module is on its way she begins, locks, unlocks, and asks for other places: it all comes", async ({ browser }) => {
  const module = held();
  const she = await comes(browser);
  const kit = await she.begin();
  await expect(she.says(she.t("portal-now-nothing"))).toBeVisible();
  await expect.poll(module.asked).toBe(true);

  // Another tab does not open it as well.
  const tab = await she.context.newPage();
  await tab.goto(she.url);
  await tab.getByLabel(she.t("portal-pass"), { exact: true }).fill("tall river walks slowly home");
  await tab.getByRole("button", { name: she.t("portal-unlock"), exact: true }).click();
  await expect(tab.getByRole("alert")).toContainText(she.t("err-other-tab"));
  await tab.close();

  await she.lock();
  await she.unlock();
  await she.sees("portal-home-title");
  await she.go("ways");
  await expect(she.says(she.t("portal-busy-read"))).toBeVisible();
  await expect(she.button("portal-kit-show")).toHaveCount(0);

  module.go();
  await she.press("portal-kit-show");
  expect((await she.readKit()).text).toBe(kit);
  await she.close();
});

test("what she did just before a lock is there after it, and the home screen is the one that she saw", async ({ browser }) => {
  const she = await comes(browser);
  await she.begin();
  await she.link(world, "police");
  await world.police(she.me);
  await she.go("home");
  const against = she.page.getByText(she.t("portal-now-adverse", { org: she.org("police") }));
  await she.fetchUntil(against);
  const now = she.page.getByRole("region", { name: she.t("portal-now") });
  const before = await now.innerText();
  const have = she.page.getByRole("region", { name: she.t("portal-have") });
  const count = await have.innerText();
  await comesAgain(she);

  const module = held();
  await she.unlock();
  await she.sees("portal-home-title");
  await expect(against).toBeVisible();
  expect(await now.innerText(), "what needs her now").toBe(before);
  expect(await have.innerText(), "how much she has").toBe(count);
  await expect.poll(module.asked).toBe(true);
  // She asks for the record before it can be shown.
  await now.getByRole("link").first().click();
  await expect(she.says(she.t("portal-busy-read"))).toBeVisible();
  module.go();
  await expect(she.heading(she.kind("administrative-offence"))).toBeVisible();
  await she.go("home");
  expect(await now.innerText(), "and the whole module says the same").toBe(before);

  // A change that no home screen was noted after: the next time it is read from the profile itself.
  await she.go("links");
  await she.page.getByRole("link", { name: she.org("police") }).click();
  await she.press("portal-freeze");
  await she.lock();
  await she.unlock();
  await she.go("links");
  await she.page.getByRole("link", { name: she.org("police") }).click();
  await expect(she.button("portal-unfreeze")).toBeVisible();
  await she.close();
});

test("without a connection for the whole module the home screen stays, says so, and goes on by itself when asked", async ({ browser }) => {
  const module = held();
  const she = await comes(browser);
  she.cut = true;
  await she.begin();
  await expect.poll(module.asked).toBe(true);
  await relay.down();
  module.go();
  await expect(she.says(she.t("portal-away"))).toBeVisible();
  await she.sees("portal-home-title");
  await relay.up();
  relay.lie = undefined;
  await she.press("portal-fetch");
  await she.go("ways");
  await expect(she.button("portal-kit-show")).toBeVisible();
  await she.close();
});
