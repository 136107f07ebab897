// A hub, or something before it, that lies: what is changed does not run, and what is held back is said.

import { execFile } from "node:child_process";
import { join } from "node:path";
import type { Browser } from "@playwright/test";
import type { Passing, Relay } from "../src/relay.js";
import { Relayed } from "../src/relayed.js";
import { OUT } from "../playwright.config.js";
import { DESK, PHONE, Person, expect, test } from "../src/test.js";
import type { Language } from "../src/texts.js";
import type { World } from "../src/world.js";

let before: Relayed;
let relay: Relay;
let world: World;

test.describe.configure({ mode: "serial" });
test.beforeAll(async () => {
  before = await Relayed.start(["border"]);
  ({ relay, world } = before);
});
test.afterAll(() => before.stop());
test.afterEach(() => (relay.lie = undefined));

/** One byte of a file is another one. */
const changed = (file: RegExp) => (passing: Passing): Passing | undefined => {
  if (!file.test(passing.path)) return undefined;
  const body = Buffer.from(passing.body);
  // In a comment or a name it would do no harm; the hash does not ask where it is.
  const at = body.length - 5;
  body.writeUInt8((body[at] ?? 0) ^ 1, at);
  return { ...passing, body };
};

async function comes(browser: Browser): Promise<Person> {
  const she = await Person.at(browser, world.url, "en", PHONE);
  she.cut = true;
  return she;
}

test("a changed script does not run, and the page says so in plain words", async ({ browser }) => {
  relay.lie = changed(/^\/assets\/portal-.*\.js$/);
  const she = await comes(browser);
  await she.page.goto(world.url);
  await expect(she.page.getByText("Do not type your kit or passphrase here")).toBeVisible();
  await expect(she.page.getByText("Не вводите здесь")).toBeVisible();
  await expect(she.page.getByRole("button")).toHaveCount(0);
  await expect(she.page.getByRole("textbox")).toHaveCount(0);
  await she.close();
});

test("a changed first module does not run: the profile is not made, in plain words", async ({ browser }) => {
  relay.lie = changed(/door.*\.wasm$/);
  const she = await comes(browser);
  await she.page.goto(world.url);
  await she.page.getByRole("button", { name: "English", exact: true }).click();
  await expect(she.page.getByRole("alert")).toContainText("Do not type your kit or passphrase here");
  await expect(she.page.getByRole("textbox")).toHaveCount(0);
  await she.close();
});

for (const [what, file] of [["whole module", /denizen_bg.*\.wasm$/], ["catalogue", /^\/catalogue\.json$/]] as const) {
  test(`a changed ${what} does not run: the page stops after home, in plain words, and what was begun is there with the true one`, async ({ browser }) => {
    relay.lie = changed(file);
    const she = await comes(browser);
    await she.arrive();
    await she.press("portal-begin");
    await expect(she.button("portal-kit-have")).toBeVisible({ timeout: 30_000 });
    const { words } = await she.readKit();
    await she.press("portal-kit-have");
    await she.typeWords(words);
    await she.press("portal-next");
    await she.choosePassphrase();
    await expect(she.page.getByRole("alert")).toContainText("Do not type your kit or passphrase here");
    await expect(she.page.getByRole("textbox")).toHaveCount(0);
    await expect(she.page.getByRole("button")).toHaveCount(0);
    // What it could not do, it has not done: nothing is kept for the time without a connection.
    expect(await she.page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(0);

    relay.lie = undefined;
    await she.page.reload();
    await she.unlock();
    await she.sees("portal-home-title");
    await she.go("ways");
    await she.press("portal-kit-show");
    expect((await she.readKit()).words).toEqual(words);
    await she.close();
  });
}

test("a changed style is not used", async ({ browser }) => {
  relay.lie = changed(/\.css$/);
  const she = await comes(browser);
  await she.page.goto(world.url);
  await expect(she.page.getByRole("button", { name: "English", exact: true })).toBeVisible();
  expect(await she.page.evaluate(() => [...document.styleSheets].filter((s) => s.href !== null).length)).toBe(0);
  await she.close();
});

test("a changed file is not kept for the time without a connection", async ({ browser }) => {
  let tried = false;
  relay.lie = (passing) => {
    const lie = changed(/^\/locales\/ru\.json$/)(passing);
    tried ||= lie !== undefined;
    return lie;
  };
  const she = await comes(browser);
  await she.begin();
  await expect.poll(() => tried, { timeout: 20_000 }).toBe(true);
  const state = await she.page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    const worker = registration?.installing ?? registration?.waiting ?? registration?.active;
    if (worker == null) return "none";
    if (["installing", "installed", "activating"].includes(worker.state)) await new Promise((done) => worker.addEventListener("statechange", done, { once: true }));
    return worker.state;
  });
  expect(["none", "redundant"]).toContain(state);
  await she.close();
});

/** `denizen audit bundle`: whether it is content, and what it says. */
async function audit(): Promise<{ good: boolean; said: string }> {
  return new Promise((done) => {
    execFile(world.binary, ["audit", "bundle", world.url, "--hub-id", world.known.hubId], (error, out, err) => done({ good: error === null, said: out + err }));
  });
}

test("a changed worker, which the page cannot see, is found by comparing with the manifest", async () => {
  await world.nameBundle();
  const honest = await audit();
  expect(honest.said).not.toContain("worker");
  expect(honest.good, honest.said).toBe(true);
  relay.lie = changed(/^\/assets\/worker-.*\.js$/);
  const { good, said } = await audit();
  expect(good).toBe(false);
  expect(said).toMatch(/assets\/worker-[\w-]+\.js/);
});

/** Somebody with a link over which records came, and her own address at the hub. */
async function linked(browser: Browser, language: Language = "en", device = PHONE): Promise<{ she: Person; own: string }> {
  const she = await Person.at(browser, world.url, language, device);
  const asked = new Set<string>();
  she.page.on("request", (request) => {
    const found = /\/v1\/addresses\/([^/?]+)\/envelopes/.exec(request.url())?.[1];
    if (found !== undefined) asked.add(found);
  });
  await she.begin();
  await she.press("portal-fetch");
  const [own] = asked;
  if (own === undefined) throw new Error("nothing was asked for");
  await she.link(world, "border");
  return { she, own };
}

test("a hub that says that an address is gone raises an alarm in words", async ({ browser }) => {
  const { she, own } = await linked(browser);
  await world.border(she.me);
  relay.lie = (passing) => {
    if (!/\/envelopes/.test(passing.path) || passing.path.includes(own)) return undefined;
    const body = Buffer.from(JSON.stringify({ type: "urn:denizen:problem:not-found", title: "not found", status: 404 }));
    return { ...passing, status: 404, headers: { ...passing.headers, "content-type": "application/problem+json" }, body };
  };
  she.cut = true;
  await she.go("home");
  await she.fetchUntil(she.page.getByText(she.t("err-withheld")));
  await expect(she.says(she.t("rec-withheld"))).toBeVisible();
  // The address is there again: the alarm is over. It is history, and did not vanish.
  relay.lie = undefined;
  await she.press("portal-fetch");
  await expect(she.page.getByText(she.t("err-withheld"))).toHaveCount(0, { timeout: 30_000 });
  await she.go("history");
  const over = she.page.getByRole("listitem").filter({ hasText: she.t("portal-history-alarm-over") });
  await expect(over).toHaveCount(1);
  await expect(over).toContainText(she.t("err-withheld"));
  await expect(over).toContainText(she.org("border"));
  await she.close();
});

test("a hub that shows an older state of her own address is found out, in words", async ({ browser }) => {
  const { she, own } = await linked(browser);
  const old = new Map<string, Passing>();
  const place = (path: string) => path.split("?")[0] ?? "";
  // What the hub says now of her own address is kept, and said again later.
  relay.lie = (passing) => {
    if (passing.method === "GET" && passing.path.includes(own)) old.set(place(passing.path), passing);
    return undefined;
  };
  const kit = await (async () => {
    await she.go("ways");
    await she.press("portal-kit-show");
    return (await she.readKit()).text;
  })();
  const beside = await Person.at(browser, world.url, "en", PHONE, she.me);
  await beside.arrive();
  await beside.restore(kit, "beside");
  relay.lie = undefined;
  await world.border(she.me);
  await she.openRecord(she.kind("travel-document"));
  await she.press("portal-fetch");
  relay.lie = (passing) => (passing.method === "GET" ? old.get(place(passing.path)) : undefined);
  she.cut = beside.cut = true;
  await she.go("home");
  await she.press("portal-fetch");
  await she.press("portal-fetch");
  const alarm = she.page.getByRole("alert");
  await expect(alarm).toContainText(she.t("portal-alarm"));
  await expect(alarm).toContainText(she.t("err-older-state"));
  await expect(alarm).toContainText(she.t("rec-older-state"));
  // It stays on the home page until she has seen it, also after the hub says the truth again.
  relay.lie = undefined;
  await she.press("portal-fetch");
  await expect(she.page.getByRole("region", { name: she.t("portal-now") })).toContainText(she.t("err-older-state"));
  await she.close();
  await beside.close();
});

/** The red alarm with a code's words is on the screen; a picture of it is kept. */
async function alarmed(she: Person, code: string): Promise<void> {
  const alarm = she.page.getByRole("alert");
  for (const key of ["portal-alarm", `err-${code}`, `rec-${code}`]) await expect(alarm).toContainText(she.t(key));
  await expect(alarm).toHaveClass(/red/);
  await alarm.scrollIntoViewIfNeeded();
  await she.page.screenshot({ path: join(OUT, "alarms", `${code}-${she.language}.png`) });
}

/** It stays on the home page, and what she has can still be read, when the hub says the truth again. */
async function remembered(she: Person, code: string): Promise<void> {
  relay.lie = undefined;
  await she.go("home");
  await she.press("portal-fetch");
  await expect(she.page.getByRole("alert")).toHaveCount(0);
  await expect(she.page.getByRole("region", { name: she.t("portal-now") })).toContainText(she.t(`err-${code}`));
}

for (const [language, device] of [["en", DESK], ["ru", PHONE]] as const) {
  test(`a hub leaves a letter out, with a good head for the rest: the letter behind it tells, in ${language}`, async ({ browser }) => {
    const { she, own } = await linked(browser, language, device);
    let left = false;
    relay.lie = async (passing) => {
      const address = /^\/v1\/addresses\/([^/?]+)\/envelopes/.exec(passing.path)?.[1];
      if (left || passing.status !== 200 || address === undefined || address === own) return undefined;
      const body = await world.lie(passing.body, "leave-out-first");
      left = !body.equals(passing.body);
      return { ...passing, body };
    };
    await world.border(she.me);
    // All letters are at the hub before she looks: one of them alone could not be missed.
    await expect.poll(() => world.waiting("border")).toBe(0);
    // Wherever she is.
    await she.go("records");
    await she.fetchUntil(she.page.getByRole("alert"));
    expect(left).toBe(true);
    await alarmed(she, "withheld");
    await expect(she.page.getByRole("alert")).toContainText(she.org("border"));
    await remembered(she, "withheld");
    await she.close();
  });

  test(`a hub states another key for an organisation of hers: she is told to stop, in ${language}`, async ({ browser }) => {
    const { she } = await linked(browser, language, device);
    await world.border(she.me);
    await she.openRecord(she.kind("travel-document"));
    relay.lie = async (passing) => {
      if (passing.method !== "GET" || passing.status !== 200 || !passing.path.startsWith("/v1/directory")) return undefined;
      return { ...passing, body: await world.lie(passing.body, "state-other-keys", "Border Service") };
    };
    await she.press("portal-fetch");
    await alarmed(she, "changed-key");
    await expect(she.says(she.me.passport)).toBeVisible();
    await remembered(she, "changed-key");
    await she.close();
  });

  test(`an invitation that was changed on its way is not accepted, in ${language}`, async ({ browser }) => {
    const she = await Person.at(browser, world.url, language, device);
    await she.begin();
    const changed = await world.lie(await world.invite("border", she.me.case), "rewrite-invitation");
    await she.go("links");
    await she.press("portal-link-new");
    await she.field("portal-invitation").fill(changed.toString());
    await she.press("portal-invitation-read");
    await alarmed(she, "invitation-changed-key");
    await expect(she.button("portal-link-accept")).toHaveCount(0);
    await she.go("links");
    await expect(she.page.getByRole("link", { name: she.org("border") })).toHaveCount(0);
    await she.close();
  });
}
