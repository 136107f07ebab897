// The worker with the modules that are shipped: what it makes, keeps and opens again, and how it says no.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Answer, Api, Call, Method, Start } from "../src/protocol.js";

const WEB = join(import.meta.dirname, "../../..");
const read = (...path: string[]): string => readFileSync(join(WEB, "generated/public", ...path), "utf8");
const module_ = (name: string) => readFileSync(join(WEB, "packages/sdk/wasm", `${name}_bg.wasm`));
/** The bundle's files that the worker fetches. */
const FILES = { door: module_("door"), denizen: module_("denizen"), catalogue: Buffer.from(read("catalogue.json")) };
const PASSPHRASE = "tall river walks slowly home";
const START: Start = {
  hub: { hubId: Buffer.alloc(32, 7).toString("base64url"), hubUrl: "https://hub.example", name: "Hub", synthetic: true },
  language: "ru", texts: read("locales", "ru.json"),
};

/** What the browser's database holds. */
const { database, pages } = vi.hoisted(() => ({ database: new Map<string, unknown>(), pages: new Map<number, Uint8Array>() }));
vi.mock("../src/store.js", () => ({
  read: async (key: string) => structuredClone(database.get(key)),
  readSome: async (...keys: string[]) => structuredClone({ ...Object.fromEntries(keys.map((key) => [key, database.get(key)])), there: new Set(database.keys()) }),
  write: async (key: string, value: unknown) => void database.set(key, structuredClone(value)),
  writeAll: async (values: object) => { for (const [key, value] of Object.entries(values)) database.set(key, structuredClone(value)); },
  remove: async (key: string) => void database.delete(key),
  forget: async () => { database.clear(); pages.clear(); },
  readPages: async () => structuredClone(pages),
  writePacked: async (head: Uint8Array, changed: Map<number, Uint8Array>) => {
    for (const [number, page] of changed) pages.set(number, page);
    database.delete("home");
    database.set("profile", head);
  },
  replaceProfile: async (head: Uint8Array, changed: Map<number, Uint8Array>, with_: object) => {
    for (const key of ["passphrase", "passkeys", "staySignedIn", "drafts", "fresh", "home"]) database.delete(key);
    pages.clear();
    for (const [number, page] of changed) pages.set(number, page);
    for (const [key, value] of Object.entries(with_)) database.set(key, structuredClone(value));
    database.set("profile", head);
  },
}));
/** What a hub says; without one nobody answers: it is all done on the device. */
const { hub } = vi.hoisted(() => ({ hub: { says: undefined as string | undefined } }));
vi.mock("../src/send.js", () => ({
  send: async () => {
    if (hub.says === undefined) throw new Error("no connection");
    const body = JSON.stringify({ type: `urn:denizen:problem:${hub.says}`, title: "", status: 503 });
    return { status: 503, headers: [["content-type", "application/problem+json"]], body: new TextEncoder().encode(body) };
  },
  goThrough: () => undefined,
}));

type Ask = <M extends Method>(method: M, ...args: Parameters<Api[M]>) => Promise<ReturnType<Api[M]>>;

/** A worker that has just begun, as after a lock: it has nothing but what the browser keeps. */
async function worker(): Promise<Ask> {
  vi.resetModules();
  const waiting = new Map<number, (answer: Answer) => void>();
  const self = { onmessage: (_event: { data: Call }): void => undefined, postMessage: (answer: Answer) => waiting.get(answer.id)?.(answer) };
  vi.stubGlobal("self", self);
  await import("../src/worker.js");
  const say: Ask = (method, ...args) => new Promise((resolve, reject) => {
    const id = waiting.size;
    waiting.set(id, (answer) => {
      if ("problem" in answer) reject(answer.problem);
      else resolve(("json" in answer ? JSON.parse(answer.json) : answer.value) as ReturnType<Api[typeof method]>);
    });
    self.onmessage({ data: { id, method, args } });
  });
  return async (method, ...args) => {
    const answer = await say(method, ...args);
    // What home shows is kept after the answer, and before the next one.
    if (method === "overview") await say("keptHere");
    return answer;
  };
}

async function started(): Promise<Ask> {
  const ask = await worker();
  await ask("start", START);
  return ask;
}

/** What was fetched, in order; and what does not come, or comes as another file. */
let asked: string[];
let away: ReadonlySet<string>;
let changed: ReadonlySet<string>;
/** The catalogue's text, where it is not the one that was built. */
let catalogue: string | undefined;

async function give(url: string, { integrity }: RequestInit): Promise<Response> {
  const name = (Object.keys(FILES) as (keyof typeof FILES)[]).find((file) => url.includes(file)) ?? "door";
  asked.push(name);
  if (away.has(name) || (changed.has(name) && integrity !== undefined)) throw new TypeError("failed to fetch");
  return new Response(name === "catalogue" ? (catalogue ?? FILES.catalogue) : FILES[name], { headers: { "content-type": name === "catalogue" ? "application/json" : "application/wasm" } });
}

beforeEach(() => {
  database.clear();
  pages.clear();
  asked = [];
  away = changed = new Set();
  catalogue = hub.says = undefined;
  for (const name of ["__DOOR_INTEGRITY__", "__WASM_INTEGRITY__", "__CATALOGUE_INTEGRITY__"]) vi.stubGlobal(name, "sha384-of-the-build");
  vi.stubGlobal("fetch", give);
  vi.stubGlobal("navigator", { locks: { request: (_name: string, _how: unknown, held: (lock: object) => Promise<void>) => held({}) } });
});
afterEach(() => vi.unstubAllGlobals());

test("a profile is made, kept, locked, and opened again with its passphrase only", { timeout: 60_000 }, async () => {
  const first = await worker();
  expect(await first("start", START)).toMatchObject({ profile: false, passphrase: false });
  await first("make");
  const { text } = await first("kit");
  expect(database.size, "nothing is kept before there is a way to unlock it").toBe(0);
  await first("keepPassphrase", PASSPHRASE);

  const after = await worker();
  expect(await after("start", START)).toMatchObject({ profile: true, passphrase: true });
  await expect(after("kit")).rejects.toMatchObject({ code: "locked" });
  await expect(after("unlockPassphrase", `${PASSPHRASE}.`)).rejects.toMatchObject({ code: "wrong-passphrase" });
  await expect(after("overview", false)).rejects.toMatchObject({ code: "locked" });
  await after("unlockPassphrase", PASSPHRASE);
  expect((await after("kit")).text).toBe(text);
  expect((await after("overview", false)).records).toEqual([]);
});

test("a passkey's output opens it as well, and another passkey's does not", { timeout: 60_000 }, async () => {
  const [id, prf] = [Uint8Array.of(1, 2, 3), () => new Uint8Array(32).fill(5)];
  const first = await started();
  await first("make");
  const { text } = await first("kit");
  await first("keepPasskey", id, prf(), "phone", false);

  const after = await started();
  await expect(after("unlockPasskey", id, new Uint8Array(32).fill(6))).rejects.toHaveProperty("code");
  await expect(after("unlockPasskey", Uint8Array.of(9), prf())).rejects.toMatchObject({ code: "profile" });
  await after("unlockPasskey", id, prf());
  expect((await after("kit")).text).toBe(text);
});

test("until the home screen is shown the first module is enough, and what was begun goes over to the whole one", { timeout: 60_000 }, async () => {
  const first = await started();
  await first("make");
  const { text } = await first("kit");
  await first("kitConfirmed");
  await first("keepPassphrase", PASSPHRASE);
  const home = await first("overview", true);
  expect(home).toMatchObject({ copy: true, partial: false, count: 0, records: [], alarms: [] });
  expect(asked, "nothing but the first module").toEqual(["door"]);
  expect([...database.keys()].sort()).toEqual(["fresh", "kitConfirmed", "passphrase"]);

  // Closed before the whole module came: the next time it is as it was, and goes over then.
  const again = await started();
  expect(await again("keptHere")).toMatchObject({ profile: true, passphrase: true, kitConfirmed: true });
  await expect(again("unlockPassphrase", `${PASSPHRASE}.`)).rejects.toMatchObject({ code: "wrong-passphrase" });
  await again("unlockPassphrase", PASSPHRASE);
  expect((await again("overview", true)).copy).toBe(true);
  expect(asked).toEqual(["door", "door"]);
  expect((await again("overview", false)).copy).toBeUndefined();
  expect(asked.slice(2).sort()).toEqual(["catalogue", "denizen"]);
  expect((await again("kit")).text).toBe(text);
  expect(database.has("fresh"), "the profile is made").toBe(false);
  const { devices } = await again("ways");
  expect(devices.filter((device) => device.here).flatMap((device) => device.ways)).toHaveLength(1);
  expect((database.get("passphrase") as { id: string }).id).not.toBe("");

  // And is opened by what was made in the first module, from the kept home screen again.
  asked = [];
  const later = await started();
  await later("unlockPassphrase", PASSPHRASE);
  expect(await later("overview", true)).toMatchObject({ copy: true, count: 0 });
  expect(asked).toEqual(["door"]);
  expect((await later("kit")).text).toBe(text);
});

test("a passkey of the beginning keeps its name, and one for everywhere asks for the whole module", { timeout: 60_000 }, async () => {
  const [id, prf] = [Uint8Array.of(1, 2, 3), () => new Uint8Array(32).fill(5)];
  const first = await started();
  await first("make");
  await first("keepPasskey", id, prf(), "telephone", false);
  expect(asked).toEqual(["door"]);
  const { devices } = await first("ways");
  expect(devices.flatMap((device) => device.ways).map((way) => way.name)).toEqual(["telephone"]);

  database.clear();
  const other = await started();
  await other("make");
  // Nobody answers, so it is not left at the hub; but it was tried.
  await expect(other("keepPasskey", id, prf(), "telephone", true)).rejects.toMatchObject({ code: "hub-unreachable" });
  expect(asked.filter((name) => name === "denizen")).toHaveLength(2);
});

test("the kept home screen is of one state of the profile, one root, one language and one day", { timeout: 60_000 }, async () => {
  const first = await started();
  await first("make");
  await first("keepPassphrase", PASSPHRASE);
  await first("overview", false);
  const [home, head] = [database.get("home") as Uint8Array, database.get("profile") as Uint8Array];
  const seen = async (start: Start = START) => {
    const ask = await worker();
    await ask("start", start);
    asked = [];
    await ask("unlockPassphrase", PASSPHRASE);
    const shown = await ask("overview", true);
    expect(asked.length > 0, "the whole module is asked for when the home screen is not known").toBe(shown.copy !== true);
    return shown;
  };
  expect((await seen()).copy).toBe(true);
  const tajik = { ...START, language: "tg", texts: read("locales", "tg.json") };
  expect((await seen(tajik)).copy).toBeUndefined();
  database.set("home", home.map((byte, at) => (at === 40 ? byte ^ 1 : byte)));
  expect((await seen()).copy).toBeUndefined();
  database.delete("home");
  expect((await seen()).copy).toBeUndefined();
  // Another state of the same profile: what is noted next is kept with it, and that of the state before is gone.
  database.set("home", home);
  const change = await started();
  await change("unlockPassphrase", PASSPHRASE);
  await change("nameDevice", "kitchen");
  expect(database.get("profile")).not.toEqual(head);
  expect(database.has("home")).toBe(false);
  database.set("home", home);
  expect((await seen()).copy).toBeUndefined();

  database.set("home", home);
  database.set("profile", head);
  vi.useFakeTimers({ now: Date.now() + 24 * 3600 * 1000, toFake: ["Date"] });
  try {
    expect(await seen()).toMatchObject({ copy: true, partial: true, tasks: [] });
  } finally {
    vi.useRealTimers();
  }
});

test("a change made just after the beginning is in the profile that the whole module keeps", { timeout: 60_000 }, async () => {
  const first = await started();
  await first("make");
  await first("keepPassphrase", PASSPHRASE);
  // All at once, as from a page that does not wait.
  await Promise.all([first("overview", true), first("nameDevice", "kitchen"), first("keepDraft", "note", "half a word"), first("overview", false)]);
  const later = await started();
  await later("unlockPassphrase", PASSPHRASE);
  expect((await later("ways")).devices.map(({ name }) => name)).toEqual(["kitchen"]);
  expect(await later("draft", "note")).toBe("half a word");
});

test("without a connection what was begun stays, and goes on when the whole module comes; a changed one never runs", { timeout: 60_000 }, async () => {
  const ask = await started();
  away = new Set(["denizen", "catalogue"]);
  await ask("make");
  const { text } = await ask("kit");
  await ask("keepPassphrase", PASSPHRASE);
  await expect(ask("sync")).rejects.toMatchObject({ code: "hub-unreachable" });
  expect((await ask("overview", true)).copy).toBe(true);
  [away, changed] = [new Set(), new Set(["denizen"])];
  await expect(ask("overview", false)).rejects.toMatchObject({ code: "changed-file" });
  changed = new Set(["catalogue"]);
  await expect(ask("overview", false)).rejects.toMatchObject({ code: "changed-file" });
  changed = new Set();
  expect((await ask("overview", false)).copy).toBeUndefined();
  expect((await ask("kit")).text).toBe(text);
});

test("a hub that has too much to do is told apart from one that is away, and what she does waits for it", { timeout: 60_000 }, async () => {
  const ask = await started();
  await ask("make");
  await ask("keepPassphrase", PASSPHRASE);
  await ask("whole");
  for (const kind of ["busy", "rate-limited"]) {
    hub.says = kind;
    const words = JSON.parse(START.texts) as Record<string, string>;
    await expect(ask("sync")).rejects.toMatchObject({ code: "hub-busy", what: words["err-hub-busy"], next: words["rec-hub-busy"] });
    await ask("nameDevice", kind);
    expect((await ask("ways")).devices.map(({ name }) => name)).toEqual([kind]);
  }
  hub.says = "internal";
  await expect(ask("sync")).rejects.toMatchObject({ code: "hub-unreachable" });
});

test("a second profile is not begun over one that is here", { timeout: 60_000 }, async () => {
  const ask = await started();
  await ask("make");
  await ask("keepPassphrase", PASSPHRASE);
  await expect(ask("make")).rejects.toMatchObject({ code: "device-there" });
  await ask("whole");
  await expect(ask("make")).rejects.toMatchObject({ code: "device-there" });
});

test("what is kept does not show whose it is or where", { timeout: 60_000 }, async () => {
  const ask = await started();
  await ask("make");
  await ask("keepPassphrase", PASSPHRASE);
  for (const word of [START.hub.hubUrl, START.hub.hubId, PASSPHRASE]) {
    expect(Buffer.from(database.get("fresh") as Uint8Array).includes(word), word).toBe(false);
  }
  await ask("overview", false);
  expect(["profile", "home"].every((key) => database.has(key))).toBe(true);
  for (const word of [START.hub.hubUrl, START.hub.hubId, PASSPHRASE]) {
    for (const key of ["profile", "home"]) expect(Buffer.from(database.get(key) as Uint8Array).includes(word), `${key}: ${word}`).toBe(false);
  }
});

test("a profile that was altered in the browser is not opened", { timeout: 60_000 }, async () => {
  const ask = await started();
  await ask("make");
  await ask("keepPassphrase", PASSPHRASE);
  const fresh = database.get("fresh") as Uint8Array;
  database.set("fresh", fresh.map((byte, at) => (at === 20 ? byte ^ 1 : byte)));
  await expect((await started())("unlockPassphrase", PASSPHRASE)).rejects.toMatchObject({ code: "profile" });
  database.set("fresh", fresh);
  const whole = await started();
  await whole("unlockPassphrase", PASSPHRASE);
  await whole("overview", false);
  const head = database.get("profile") as Uint8Array;
  head[head.length - 1]! ^= 1;
  await expect((await started())("unlockPassphrase", PASSPHRASE)).rejects.toMatchObject({ code: "profile" });
});

/** A kit as it is printed; its words never change, since one wrong word in 256 fits by chance. */
const KIT = `${"abandon ".repeat(23)}art\nhub ${START.hub.hubId} ${START.hub.hubUrl}\n`;

test.each([
  ["one word is another", KIT.replace("abandon", "zebra"), "kit-checksum"],
  ["one word is none", KIT.replace("abandon", "qqqq"), "kit-word"],
  ["one word is left out", KIT.replace("abandon ", ""), "kit-count"],
  ["the line of the hub is left out", KIT.replace(/\nhub .*/s, ""), "kit-hub"],
  ["nothing is wrong, and nobody answers", KIT, "hub-unreachable"],
])("a kit: %s", async (_what, kit, code) => {
  const ask = await started();
  await expect(ask("restore", kit, true)).rejects.toMatchObject({ code });
  await expect(ask("kit")).rejects.toMatchObject({ code: "locked" });
});

test("what is no catalogue, no invitation or no profile is said to be none", async () => {
  const ask = await worker();
  await expect(ask("make")).rejects.toMatchObject({ code: "internal" });
  await expect(ask("whole")).rejects.toMatchObject({ code: "internal" });
  await ask("start", START);
  for (catalogue of ["", "[]", '{"kinds/person.json":"{"}']) await expect(ask("whole")).rejects.toMatchObject({ code: "catalogue" });
  catalogue = undefined;
  for (const method of ["unlockPassphrase", "overview"] as const) await expect(ask(method, "")).rejects.toHaveProperty("code");
  await ask("make");
  for (const text of ["", "hello", "denizen:invite", "denizen:invite:1:AAAA"]) await expect(ask("readInvitation", text)).rejects.toMatchObject({ code: "invitation-malformed" });
});
