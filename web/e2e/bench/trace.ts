// CPU of a browser's threads between two moments, from Chromium's own trace: `tdur` of an event is the
// CPU time of its thread, not the time that passed. Not every task is an event: what a worker does when
// an answer comes is only seen as the calls of V8, so the outermost events of all kinds are counted.

import type { Page } from "@playwright/test";

interface Event { ph: string; name: string; cat: string; pid: number; tid: number; ts: number; dur?: number; tdur?: number; args?: { name?: string } }

/** Tasks and calls of every thread, and marks that the page sets. */
const CATEGORIES = ["toplevel", "v8", "v8.wasm", "devtools.timeline", "blink.user_timing", "__metadata"];

/** A trace of one page. */
export class Trace {
  readonly #events: Event[];
  readonly #marks: Event[];

  private constructor(text: string) {
    this.#events = (JSON.parse(text) as { traceEvents: Event[] }).traceEvents;
    this.#marks = this.#events.filter((e) => e.cat.includes("blink.user_timing")).sort((a, b) => a.ts - b.ts);
  }

  /** Traces while `work` runs. */
  static async of(page: Page, work: () => Promise<void>): Promise<Trace> {
    const browser = page.context().browser();
    if (browser === null) throw new Error("no browser");
    await browser.startTracing(page, { categories: CATEGORIES });
    try {
      await work();
    } catch (error) {
      await browser.stopTracing();
      throw error;
    }
    return new Trace((await browser.stopTracing()).toString());
  }

  /** The first mark of a name at or after another one. */
  mark(name: string, after?: Event): Event {
    const found = this.#marks.find((e) => e.name === name && (after === undefined || e.ts >= after.ts));
    if (found === undefined) throw new Error(`the trace has no mark ${name}; it has ${[...new Set(this.#marks.map((e) => e.name))].join(", ")}`);
    return found;
  }

  /** The last mark of a name before another one. */
  last(name: string, before: Event): Event {
    const found = this.#marks.filter((e) => e.name === name && e.ts <= before.ts).at(-1);
    if (found === undefined) throw new Error(`no mark ${name} before ${before.name}`);
    return found;
  }

  /** Milliseconds of CPU that the page's process used between two marks, by thread. */
  cpu(from: Event, to: Event): { worker: number; main: number; other: number; all: number } {
    const names = new Map(this.#events.filter((e) => e.name === "thread_name" && e.pid === from.pid).map((e) => [e.tid, e.args?.name ?? ""]));
    const used = { worker: 0, main: 0, other: 0 };
    const ends = new Map<number, number>();
    const tasks = this.#events.filter((e) => e.pid === from.pid && e.ph === "X" && e.tdur !== undefined);
    for (const { tid, ts, dur = 0, tdur = 0 } of tasks.sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))) {
      // What is within another one is counted with it.
      if (ts < (ends.get(tid) ?? 0)) continue;
      ends.set(tid, ts + dur);
      const within = Math.min(ts + dur, to.ts) - Math.max(ts, from.ts);
      if (within <= 0) continue;
      const name = names.get(tid) ?? "";
      const thread = name.startsWith("DedicatedWorker") ? "worker" : name === "CrRendererMain" ? "main" : "other";
      used[thread] += (dur === 0 ? 1 : within / dur) * tdur / 1000;
    }
    return { ...used, all: used.worker + used.main + used.other };
  }
}

/** Milliseconds of wall time between two marks. */
export const wall = (from: Event, to: Event): number => (to.ts - from.ts) / 1000;

/** Runs in the page before its own scripts: marks what it asks its worker, and when rows are there; tells
 *  `benchListed` when the lists that came after a fetch are. Nothing looks at the page meanwhile. */
export function markCalls(): void {
  let fetched = false;
  const post = Worker.prototype.postMessage as (this: Worker, ...given: unknown[]) => void;
  Worker.prototype.postMessage = function (this: Worker, ...given: unknown[]): void {
    const call = given[0] as { id?: number; method?: string };
    if (call?.method !== undefined) {
      performance.mark(`ask ${call.method}`);
      this.addEventListener("message", ({ data }: MessageEvent<{ id: number }>) => {
        if (data.id !== call.id) return;
        performance.mark(`got ${call.method}`);
        fetched ||= call.method === "sync";
        if (fetched && call.method === "overview") setTimeout(() => (globalThis as unknown as { benchListed(): void }).benchListed(), 500);
      });
    }
    post.apply(this, given);
  };
  let seen = false;
  new MutationObserver(() => {
    if (seen || document.querySelectorAll("ul.cards > li").length < 20) return;
    seen = true;
    // The next frame has them.
    requestAnimationFrame(() => performance.mark("rows"));
  }).observe(document, { childList: true, subtree: true });
}
