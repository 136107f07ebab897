// What is kept beside the profile for the time before the whole module is there, sealed under the root: the
// home screen as it was seen last, and what a profile that was begun is to be made of.

import { seal, unseal } from "./door.js";
import type { Overview } from "./protocol.js";
import { read, write } from "./store.js";

const FRESH = new TextEncoder().encode("fresh");
const HOME = new TextEncoder().encode("home");

/** A profile that was begun: it is made when the whole module comes. */
export interface Fresh {
  hubId: string;
  hubUrl: string;
  /** What its owner finds her first passkey under; empty without one. */
  name: string;
}

export const sealFresh = (root: Uint8Array, fresh: Fresh): Uint8Array => seal(root, FRESH, JSON.stringify(fresh));

/** What was sealed; nothing if it does not open. */
export function openFresh(root: Uint8Array, sealed: Uint8Array): Fresh | undefined {
  const text = unseal(root, FRESH, sealed);
  return text === undefined ? undefined : (JSON.parse(text) as Fresh);
}

/** Today, by the device's clock, as the module says it. */
const today = (): string => new Date().toISOString().slice(0, 10);

/** The home screen of a profile in which nothing has happened. */
export const emptyHome = (): Overview => ({
  records: [], adverse: [], count: 0, current: 0, categories: [], partial: false, copy: true, links: [], applications: [], disputes: [], alarms: [], away: [], news: [], tasks: [],
  timeline: { until: today(), months: [], ends: [] }, acting: undefined, clock: undefined, today: today(), waiting: 0,
});

/** Bound to one state of the profile: beside another one it does not open. */
async function placeOf(head: Uint8Array): Promise<Uint8Array> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", head as BufferSource));
  return Uint8Array.of(...HOME, 0, ...hash);
}

/** Keeps of the lists what the home screen shows of them. */
export async function keepHome(root: Uint8Array, head: Uint8Array, language: string, all: Overview): Promise<void> {
  const shown: Overview = {
    ...all,
    records: [],
    categories: [],
    links: all.links.filter((link) => link.code !== undefined),
    applications: all.applications.filter((application) => application.open),
    disputes: [],
    // Another time the clock may be right.
    clock: undefined,
  };
  await write("home", seal(root, await placeOf(head), JSON.stringify({ language, shown })));
}

/**
 * The home screen as it was kept with this state of the profile, in this language; nothing if there is none.
 * On another day than it was kept on, `partial`: what became due since is not in it.
 */
export async function openHome(root: Uint8Array, head: Uint8Array, language: string, texts: string): Promise<Overview | undefined> {
  const sealed = await read("home");
  const text = sealed === undefined ? undefined : unseal(root, await placeOf(head), sealed);
  if (text === undefined) return undefined;
  const kept = JSON.parse(text) as { language: string; shown: Overview };
  // One that an earlier program kept has other lists.
  if (kept.language !== language || !Array.isArray(kept.shown.adverse)) return undefined;
  return onDay({ ...kept.shown, copy: true }, today(), texts);
}

const DAY_MS = 86_400_000;
/** Length of the line of what ends, and what is near on it: `crates/portal/src/view/timeline.rs`. */
const [YEAR_DAYS, NEAR_DAYS] = [365, 30];
/** Over for longer than that is not told any more: `crates/holder/src/due.rs`. */
const TOLD_AFTER_DAYS = 30;

/** Whole days from one day to another. */
const days = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);
/** Days in percent of the line. */
const percent = (count: number): number => Math.trunc((count * 10_000) / YEAR_DAYS) / 100;

/** What was kept, as it is on another day: how near each date is is said anew. */
export function onDay(kept: Overview, day: string, texts: string): Overview {
  if (kept.today === day) return kept;
  const passed = days(kept.today, day);
  // A clock that went back: nothing is known of that day.
  if (passed < 0) return { ...kept, partial: true, tasks: [], timeline: { until: "", months: [], ends: [] }, today: day };
  const words = JSON.parse(texts) as Record<string, string>;
  const near = (count: number): string => {
    const key = count === 0 ? "due-today" : count < 0 ? "due-over" : "due-days-left";
    return words[key]?.replace("{days}", String(Math.abs(count))) ?? "";
  };
  const { months, ends } = kept.timeline;
  const tasks = kept.tasks.map((task) => ({ ...task, days: days(day, task.on) }));
  const ahead = ends.map((end) => ({ end, count: days(day, end.on) })).filter(({ count }) => count >= 0);
  return {
    ...kept,
    partial: true,
    tasks: tasks.filter((task) => task.days >= -TOLD_AFTER_DAYS || task.kind === "payment-missed").map((task) => ({ ...task, near: near(task.days) })),
    timeline: {
      until: new Date(Date.parse(day) + YEAR_DAYS * DAY_MS).toISOString().slice(0, 10),
      months: months.map((at) => Math.round((at * YEAR_DAYS) / 100) - passed).filter((count) => count > 0).map(percent),
      ends: ahead.map(({ end, count }) => ({ ...end, near: near(count), at: percent(count), soon: count <= NEAR_DAYS })),
    },
    today: day,
  };
}
