// A profile of 500 records in a browser: from their envelopes, and again from what the browser keeps.
// A hub and an organisation as real processes; the page as it is shipped.

import { test, expect } from "@playwright/test";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { Person } from "../src/person.js";
import { ROOT, World, until } from "../src/world.js";
import { Trace, markCalls, wall } from "./trace.js";

const RECORDS = Number(process.env["DENIZEN_BENCH_RECORDS"] ?? 500);
const AGAIN = 7;

const round = (ms: number): number => Math.round(ms * 10) / 10;
const median = (all: number[]): number => round([...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN);

/** How fast this browser computes now: the best of some runs of one fixed loop, in milliseconds. */
const calibrate = (person: Person): Promise<number> => person.page.evaluate(() => {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5; run += 1) {
    const begun = performance.now();
    let state = 1;
    for (let i = 0; i < 1 << 25; i += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
    }
    if (state === 0) throw new Error("xorshift never reaches zero");
    best = Math.min(best, performance.now() - begun);
  }
  return best;
});

test("a profile in a browser", async ({ browser }) => {
  const world = await World.start(["border"]);
  try {
    const person = await Person.at(browser, world.url);
    let listed = (): void => undefined;
    await person.page.exposeFunction("benchListed", () => listed());
    await person.page.addInitScript(markCalls);
    await person.begin();
    await person.link(world, "border");
    await person.go("ways");
    await person.press("portal-stay-on");
    // Nothing is fetched while they are deposited.
    await person.page.goto("about:blank");
    await world.crossings(person.me, RECORDS);
    await until("all is deposited", async () => (await world.waiting("border") === 0 ? true : undefined));

    const shown = person.page.getByText(person.t("portal-found", { count: RECORDS }), { exact: true });
    const open = async (): Promise<Trace> => {
      const done = new Promise<void>((resolve) => (listed = resolve));
      const trace = await Trace.of(person.page, async () => {
        await person.page.goto(`${world.url}/#/records`);
        await done;
      });
      await expect(shown).toBeVisible();
      return trace;
    };
    const cold = await open();
    const asked = cold.mark("ask sync");
    const first = { cpu: cold.cpu(asked, cold.mark("got overview", asked)), wall: wall(asked, cold.mark("got overview", asked)) };

    const again = [];
    for (let run = 0; run < AGAIN; run += 1) {
      await person.page.goto("about:blank");
      const trace = await open();
      const unlock = trace.mark("ask unlockKept");
      const all = trace.last("got overview", trace.mark("ask sync", unlock));
      const rows = trace.mark("rows", unlock);
      const done = all.ts > rows.ts ? all : rows;
      again.push({ cpu: trace.cpu(unlock, done), wall: wall(unlock, done), rows: wall(unlock, rows) });
    }
    const report = {
      date: new Date().toISOString().slice(0, 10),
      records: RECORDS,
      cores: cpus().length,
      chromium: browser.version(),
      calibration_ms: round(await calibrate(person)),
      cold: { cpu_ms: round(first.cpu.all), worker_cpu_ms: round(first.cpu.worker), wall_ms: round(first.wall) },
      second: {
        runs: AGAIN,
        cpu_ms: median(again.map((r) => r.cpu.all)),
        worker_cpu_ms: median(again.map((r) => r.cpu.worker)),
        wall_ms: median(again.map((r) => r.wall)),
        first_rows_ms: median(again.map((r) => r.rows)),
      },
    };
    const file = join(ROOT, "target/bench/portal.json");
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`);
    const line = (what: string, ms: number) => `   ${what.padEnd(64)}${ms.toFixed(1).padStart(9)} ms`;
    console.log([
      "", `   ${RECORDS} records in Chromium ${report.chromium}, ${report.cores} cores, ${report.date}`,
      line("calibration: a fixed loop, 2^25 rounds", report.calibration_ms),
      line("cold: fetched, opened, checked, kept, looked through: CPU of it", report.cold.cpu_ms),
      line("   of it the worker's", report.cold.worker_cpu_ms),
      line("   time that passed", report.cold.wall_ms),
      line(`second open, median of ${AGAIN}: until all is on the screen: CPU`, report.second.cpu_ms),
      line("   of it the worker's", report.second.worker_cpu_ms),
      line("   time that passed", report.second.wall_ms),
      line("   from unlock until the first 20 rows are on the screen", report.second.first_rows_ms),
      `   the same as JSON: ${file}`, "",
    ].join("\n"));
    await person.context.close();
  } finally {
    await world.stop();
  }
});

