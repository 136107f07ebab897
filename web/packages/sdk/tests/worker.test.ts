// The worker with the module that is shipped: what it makes, keeps and opens again, and how it says no.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Answer, Api, Call, Method, Start } from "../src/protocol.js";

const WEB = join(import.meta.dirname, "../../..");
const read = (...path: string[]): string => readFileSync(join(WEB, "generated/public", ...path), "utf8");
const MODULE = readFileSync(join(WEB, "packages/sdk/wasm/denizen_bg.wasm"));
const PASSPHRASE = "tall river walks slowly home";
const START: Start = {
  hub: { hubId: Buffer.alloc(32, 7).toString("base64url"), hubUrl: "https://hub.example", name: "Hub", synthetic: true },
  catalogue: read("catalogue.json"), language: "ru", texts: read("locales", "ru.json"),
};

/** What the browser's database holds. */
const { database, pages } = vi.hoisted(() => ({ database: new Map<string, unknown>(), pages: new Map<number, Uint8Array>() }));
vi.mock("../src/store.js", () => ({
  read: async (key: string) => structuredClone(database.get(key)),
  write: async (key: string, value: unknown) => void database.set(key, structuredClone(value)),
  remove: async (key: string) => void database.delete(key),
  forget: async () => { database.clear(); pages.clear(); },
  readPages: async () => structuredClone(pages),
  writePacked: async (head: Uint8Array, changed: Map<number, Uint8Array>) => {
    for (const [number, page] of changed) pages.set(number, page);
    database.set("profile", head);
  },
}));
// Nobody answers: it is all done on the device.
vi.mock("../src/send.js", () => ({ send: async () => { throw new Error("no connection"); }, goThrough: () => undefined }));

type Ask = <M extends Method>(method: M, ...args: Parameters<Api[M]>) => Promise<ReturnType<Api[M]>>;

/** A worker that has just begun, as after a lock: it has nothing but what the browser keeps. */
async function worker(): Promise<Ask> {
  vi.resetModules();
  const waiting = new Map<number, (answer: Answer) => void>();
  const self = { onmessage: (_event: { data: Call }): void => undefined, postMessage: (answer: Answer) => waiting.get(answer.id)?.(answer) };
  vi.stubGlobal("self", self);
  await import("../src/worker.js");
  return (method, ...args) => new Promise((resolve, reject) => {
    const id = waiting.size;
    waiting.set(id, (answer) => ("problem" in answer ? reject(answer.problem) : resolve(answer.value as ReturnType<Api[typeof method]>)));
    self.onmessage({ data: { id, method, args } });
  });
}

async function started(): Promise<Ask> {
  const ask = await worker();
  await ask("start", START);
  return ask;
}

beforeEach(() => {
  database.clear();
  pages.clear();
  vi.stubGlobal("__WASM_INTEGRITY__", "");
  vi.stubGlobal("fetch", async () => new Response(MODULE, { headers: { "content-type": "application/wasm" } }));
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
  await expect(after("overview")).rejects.toMatchObject({ code: "locked" });
  await after("unlockPassphrase", PASSPHRASE);
  expect((await after("kit")).text).toBe(text);
  expect((await after("overview")).records).toEqual([]);
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

test("what is kept does not show whose it is or where", { timeout: 60_000 }, async () => {
  const ask = await started();
  await ask("make");
  await ask("keepPassphrase", PASSPHRASE);
  for (const word of [START.hub.hubUrl, START.hub.hubId, PASSPHRASE]) {
    const clear = Buffer.from(database.get("profile") as Uint8Array).includes(word);
    expect(clear, word).toBe(false);
  }
});

test("a profile that was altered in the browser is not opened", { timeout: 60_000 }, async () => {
  const ask = await started();
  await ask("make");
  await ask("keepPassphrase", PASSPHRASE);
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
  for (const catalogue of ["", "[]", '{"kinds/person.json":"{"}']) await expect(ask("start", { ...START, catalogue })).rejects.toMatchObject({ code: "catalogue" });
  await ask("start", START);
  for (const method of ["unlockPassphrase", "overview"] as const) await expect(ask(method, "")).rejects.toHaveProperty("code");
  await ask("make");
  for (const text of ["", "hello", "denizen:invite", "denizen:invite:1:AAAA"]) await expect(ask("readInvitation", text)).rejects.toMatchObject({ code: "invitation-malformed" });
});
