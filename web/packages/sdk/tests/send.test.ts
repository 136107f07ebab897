// A hub that says when to come back is not asked before, and what does not pass by waiting is not waited for.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { send as Send } from "../src/send.js";

const HUB = "https://hub.example";
/** What the hubs say next, the last of it again and again; and what was asked for, with the second of it. */
let says: Response[];
let asked: { url: string; at: number }[];
let send: typeof Send;
let goThrough: (hubs: readonly string[]) => void;

const said = (status: number, kind: string, after?: string): Response => new Response(
  JSON.stringify({ type: `urn:denizen:problem:${kind}`, title: kind, status }),
  { status, headers: { "content-type": "application/problem+json", ...(after !== undefined && { "retry-after": after }) } },
);
const good = (): Response => new Response("{}", { status: 200 });
const seconds = (): number => Math.floor(Date.now() / 1000);
/** Sends, and lets time pass until the answer is there; gives its status. */
async function sent(url = `${HUB}/v1/directory`): Promise<number> {
  let status: number | undefined;
  void send({ method: "GET", url, headers: [], body: new Uint8Array() }).then((answer) => (status = answer.status));
  while (status === undefined) await vi.advanceTimersByTimeAsync(500);
  return status;
}

beforeEach(async () => {
  vi.resetModules();
  vi.useFakeTimers({ now: 0, toFake: ["Date", "performance", "setTimeout"] });
  vi.spyOn(Math, "random").mockReturnValue(0);
  ({ send, goThrough } = await import("../src/send.js"));
  asked = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push({ url, at: seconds() });
    return (says.length > 1 ? says.shift() : says[0])?.clone();
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

test.each([["busy", 503], ["rate-limited", 429]])("%s: it is waited for as long as the hub says, and asked again", async (kind, status) => {
  says = [said(status, kind, "2"), said(status, kind, "7"), good()];
  expect(await sent()).toBe(200);
  expect(asked.map(({ at }) => at)).toEqual([0, 2, 9]);
});

test("many do not come back in the same moment: up to half as much again is waited for", async () => {
  vi.mocked(Math.random).mockReturnValue(0.999);
  says = [said(503, "busy", "8"), good()];
  expect(await sent()).toBe(200);
  expect(asked.map(({ at }) => at)).toEqual([0, 11]);
});

test("a hub that is busy for long is left alone until then, at most a quarter of an hour, and no other hub with it", async () => {
  says = [said(503, "busy", "60")];
  expect(await sent()).toBe(503);
  vi.setSystemTime(59_000);
  await vi.advanceTimersByTimeAsync(58_000);
  expect(await sent(`${HUB}/v1/addresses/another`)).toBe(503);
  expect(asked).toHaveLength(1);
  says = [good()];
  expect(await sent("https://other.example/v1/directory")).toBe(200);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await sent()).toBe(200);
  expect(asked).toHaveLength(3);

  says = [said(503, "busy", "86400")];
  await sent();
  says = [good()];
  await vi.advanceTimersByTimeAsync(890_000);
  expect(await sent()).toBe(503);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await sent()).toBe(200);
});

test("a hub that says it again and again is left to its answer, and rests as long as it said last", async () => {
  says = [said(503, "busy", "3")];
  expect(await sent()).toBe(503);
  expect(asked.map(({ at }) => at)).toEqual([0, 3, 6]);
  expect(await sent()).toBe(503);
  expect(asked).toHaveLength(3);
  await vi.advanceTimersByTimeAsync(3_000);
  says = [good()];
  expect(await sent()).toBe(200);
});

test.each([
  ["a quota", said(429, "quota", "2")],
  ["a refusal", said(403, "not-accepted", "2")],
  ["no time", said(503, "busy")],
  ["a time that is none", said(503, "busy", "soon")],
  ["something that is no problem of a hub", new Response("<html>", { status: 429, headers: { "retry-after": "2" } })],
])("%s is not waited for", async (_what, answer) => {
  says = [answer];
  await sent();
  await sent();
  expect(asked.map(({ at }) => at)).toEqual([0, 0]);
});

test("whoever serves the page from her own machine waits itself: the page waits for nothing at once", async () => {
  goThrough([HUB]);
  says = [said(503, "busy", "2"), good()];
  expect(await sent()).toBe(503);
  expect(asked).toEqual([{ url: "/hub/0/v1/directory", at: 0 }]);
});
