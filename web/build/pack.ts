// The bundle's files as they are sent: packed once, as small as gzip can be, and never unseen larger.

import { gzipAsync } from "@gfx/zopfli";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** More of them win less than a thousandth. */
const ITERATIONS = 5;

/** What is fetched until the home screen is shown, and of the languages one, the largest. `until-home.spec.ts` has a browser count. */
const UNTIL_HOME = [/^index\.html$/, /^assets\/(portal|worker)-.*\.js$/, /^assets\/.*\.css$/, /^assets\/door_bg-.*\.wasm$/, /^icon\.svg$/, /^app\.webmanifest$/];
const LANGUAGES = /^locales\//;

/** Most bytes of that, with the heads of the answers. It goes down with what is reached; that it goes up is a decision (docs/decisions/0014-first-module.md). */
export const UNTIL_HOME_BYTES_MAX = 225_000;

/** What is fetched once home is shown, before anything else of hers is. */
const AFTER_HOME = [/^assets\/denizen_bg-.*\.wasm$/, /^catalogue\.json$/];
/** Most bytes of that, by either compiler; down from 812,000 with vectors (docs/decisions/0018-browser-facts.md). */
export const AFTER_HOME_BYTES_MAX = 850_000;

/** The bytes of a file, packed. What was packed before is taken from the folder, if it still unpacks to them. */
export async function pack(bytes: Uint8Array, before: string): Promise<Uint8Array> {
  const name = createHash("sha256").update(bytes).digest("hex");
  const kept = join(before, `${name}-${ITERATIONS}.gz`);
  if (existsSync(kept)) {
    const packed = readFileSync(kept);
    if (unpacksTo(packed, bytes)) return packed;
  }
  const packed = await gzipAsync(bytes, { numiterations: ITERATIONS });
  if (!unpacksTo(packed, bytes)) throw new Error("a packed file is not the same file");
  mkdirSync(before, { recursive: true });
  writeFileSync(kept, packed);
  return packed;
}

function unpacksTo(packed: Uint8Array, bytes: Uint8Array): boolean {
  try {
    return gunzipSync(packed).equals(bytes);
  } catch {
    return false;
  }
}

/** Whether a file of the bundle is among what is fetched until then. */
export const isUntilHome = (file: string): boolean => [...UNTIL_HOME, LANGUAGES].some((pattern) => pattern.test(file));

/** Bytes that a browser fetches until the home screen is shown, and after it, by the packed sizes of all files. */
export function sizes(packed: ReadonlyMap<string, number>): { untilHome: number; afterHome: number } {
  const matching = (pattern: RegExp) => [...packed].filter(([file]) => pattern.test(file)).map(([, size]) => size);
  const sum = (patterns: RegExp[]) => patterns.flatMap((pattern) => {
    const found = matching(pattern);
    if (found.length === 0) throw new Error(`the bundle has no ${pattern.source}`);
    return found;
  }).reduce((a, b) => a + b, 0);
  return { untilHome: sum(UNTIL_HOME) + Math.max(...matching(LANGUAGES)), afterHome: sum(AFTER_HOME) };
}
