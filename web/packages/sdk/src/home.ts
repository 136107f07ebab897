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
  records: [], count: 0, partial: false, copy: true, links: [], applications: [], disputes: [], alarms: [], tasks: [],
  timeline: { until: today(), months: [], ends: [] }, acting: undefined, today: today(), waiting: 0,
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
    records: all.records.filter((row) => row.adverse),
    links: all.links.filter((link) => link.code !== undefined),
    applications: all.applications.filter((application) => application.open),
    disputes: [],
  };
  await write("home", seal(root, await placeOf(head), JSON.stringify({ language, shown })));
}

/**
 * The home screen as it was kept with this state of the profile, in this language; nothing if there is none.
 * What only today's date says is left out if it was kept on another day.
 */
export async function openHome(root: Uint8Array, head: Uint8Array, language: string): Promise<Overview | undefined> {
  const sealed = await read("home");
  const text = sealed === undefined ? undefined : unseal(root, await placeOf(head), sealed);
  if (text === undefined) return undefined;
  const kept = JSON.parse(text) as { language: string; shown: Overview };
  if (kept.language !== language) return undefined;
  const shown: Overview = { ...kept.shown, copy: true };
  if (shown.today === today()) return shown;
  return { ...shown, partial: true, tasks: [], timeline: { ...shown.timeline, ends: [] }, today: today() };
}
