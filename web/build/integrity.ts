// What makes the bundle checkable: integrity attributes, the offline worker, a manifest of all hashes.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Plugin } from "vite";
import { AFTER_HOME_BYTES_MAX, pack, sizes as sizesOf, UNTIL_HOME_BYTES_MAX } from "./pack.ts";

/** The exact policy. The hub sends it with every file; the manifest names it. */
export const CSP = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types denizen svelte-trusted-html",
].join("; ");

const hash = (algorithm: "sha256" | "sha384", bytes: Uint8Array | string, encoding: "hex" | "base64" | "base64url") =>
  createHash(algorithm).update(bytes).digest(encoding);

/** The `integrity` of a file. */
export const integrityOf = (path: string): string => `sha384-${hash("sha384", readFileSync(path), "base64")}`;

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

const PACKED_BEFORE = new URL("../generated/packed", import.meta.url).pathname;

/** Writes the offline worker with its list of the other files, every file packed, and the manifest of all.
 *  Gives each file's packed size. */
export async function seal(folder: string): Promise<Map<string, number>> {
  const cached = files(folder).filter((f) => f !== "service-worker.js" && f !== "manifest.json" && !f.endsWith(".gz"));
  const digests = Object.fromEntries(cached.map((f) => [f, hash("sha256", readFileSync(join(folder, f)), "base64url")]));
  const worker = readFileSync(new URL("./service-worker.js", import.meta.url), "utf8")
    .replace("__FILES__", JSON.stringify(digests))
    .replace("__VERSION__", hash("sha256", JSON.stringify(digests), "hex").slice(0, 16));
  writeFileSync(join(folder, "service-worker.js"), worker);
  digests["service-worker.js"] = hash("sha256", worker, "base64url");
  // The same bytes, packed once: the hub sends them to whoever takes gzip.
  const sizes = new Map<string, number>();
  for (const file of Object.keys(digests)) {
    const packed = await pack(readFileSync(join(folder, file)), PACKED_BEFORE);
    writeFileSync(join(folder, `${file}.gz`), packed);
    digests[`${file}.gz`] = hash("sha256", packed, "base64url");
    sizes.set(file, packed.length);
  }
  writeFileSync(join(folder, "manifest.json"), `${JSON.stringify({ v: 1, csp: CSP, files: digests }, null, 1)}\n`);
  return sizes;
}

/** Runs after everything else is written. */
export function integrity(folder: string): Plugin {
  let failed = false;
  return {
    name: "denizen-integrity",
    apply: "build",
    // What closes is called after a failure too, which it would hide.
    buildEnd(error) {
      failed = error !== undefined;
    },
    closeBundle: {
      order: "post",
      async handler() {
        if (failed) return;
        const page = join(folder, "index.html");
        const html = readFileSync(page, "utf8").replace(
          /<(script|link)([^>]*?)(src|href)="\/(assets\/[^"]+)"/g,
          (whole: string, tag: string, before: string, attribute: string, path: string) =>
            `<${tag}${before}${attribute}="/${path}" integrity="${integrityOf(join(folder, path))}"`,
        ).replaceAll(" crossorigin", "");
        writeFileSync(page, html);
        const { untilHome, afterHome } = sizesOf(await seal(folder));
        console.log(`until the home screen is shown: ${untilHome} of at most ${UNTIL_HOME_BYTES_MAX} bytes; after it ${afterHome} of ${AFTER_HOME_BYTES_MAX}`);
        if (untilHome > UNTIL_HOME_BYTES_MAX || afterHome > AFTER_HOME_BYTES_MAX) throw new Error("the portal has become too large: see web/build/pack.ts");
      },
    },
  };
}
