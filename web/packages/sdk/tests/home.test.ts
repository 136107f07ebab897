// The kept home screen on another day: how near a date is is said as the whole module says it on that day.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { Overview } from "../src/protocol.js";

vi.mock("../src/store.js", () => ({}));
vi.mock("../src/door.js", () => ({}));
const { emptyHome, onDay } = await import("../src/home.js");

const TEXTS = readFileSync(join(import.meta.dirname, "../../../generated/public/locales/en.json"), "utf8");
const task = (on: string, days: number, near: string, kind = "appeal") => ({ on, days, near, kind, text: "Appeal", hers: true, record: undefined, thread: undefined });
const end = (on: string, near: string, at: number, soon: boolean) => ({ kept: on, title: "Work permit", on, near, at, soon });
const KEPT: Overview = {
  ...emptyHome(), today: "2026-11-24", count: 3,
  tasks: [task("2026-10-01", -54, "as kept", "payment-missed"), task("2026-10-26", -29, "as kept"), task("2026-11-24", 0, "as kept"), task("2026-11-30", 6, "as kept")],
  timeline: {
    until: "2027-11-24", months: [1.91, 10.41, 18.9],
    ends: [end("2026-11-25", "as kept", 0.27, true), end("2026-12-25", "as kept", 8.49, false)],
  },
};
const words = JSON.parse(TEXTS) as Record<string, string>;
const near = (key: string, count: number) => words[key]?.replace("{days}", String(count));

test("on the same day it is as it was", () => {
  expect(onDay(KEPT, "2026-11-24", TEXTS)).toEqual(KEPT);
});

test("two days later each date is two days nearer or further, and what is over for long is not told any more", () => {
  const { tasks, timeline, partial, today, count } = onDay(KEPT, "2026-11-26", TEXTS);
  expect([today, partial, count]).toEqual(["2026-11-26", true, 3]);
  expect(tasks.map((task) => [task.on, task.days, task.near])).toEqual([
    ["2026-10-01", -56, near("due-over", 56)],
    ["2026-11-24", -2, near("due-over", 2)],
    ["2026-11-30", 4, near("due-days-left", 4)],
  ]);
  expect(timeline.until).toBe("2027-11-26");
  expect(timeline.ends).toEqual([{ ...KEPT.timeline.ends[1], near: near("due-days-left", 29), at: 7.94, soon: true }]);
  // First days of months, in days from then: 5, 36 and 67.
  expect(timeline.months).toEqual([1.36, 9.86, 18.35]);
});

test("on the day itself it says so, and a month that has begun is not ahead", () => {
  const { tasks, timeline } = onDay(KEPT, "2026-11-30", TEXTS);
  expect(tasks.at(-1)).toMatchObject({ days: 0, near: words["due-today"] });
  expect(timeline.months[0]).toBe(0.27);
  expect(onDay(KEPT, "2026-12-01", TEXTS).timeline.months[0]).toBe(8.49);
});

test("a clock that went back says no day at all", () => {
  expect(onDay(KEPT, "2026-11-20", TEXTS)).toMatchObject({ partial: true, tasks: [], timeline: { ends: [] }, today: "2026-11-20" });
});
