// The module that is fetched first, with plain values; and how the worker fetches what it runs.

import init, { kitText, square as draw, wrapPassphrase as wrap } from "../wasm/door.js";
import doorUrl from "../wasm/door_bg.wasm?url";
import type { KitPage, Square } from "./protocol.js";

export { kitText, makeRoot, seal, unseal, unwrapPassphrase, unwrapPrf, wrapPrf } from "../wasm/door.js";

declare const __DOOR_INTEGRITY__: string;

/** What is thrown: a code whose words the page has. */
export const problem = (code: string) => ({ code, what: "", next: "", details: [] });

/** Fetches a file of the bundle, and nothing else than that file; past the browser's cache if that has another one. */
export async function fetched(url: string, integrity: string): Promise<Response> {
  for (const cache of ["default", "reload"] as const) {
    const answer = await fetch(url, { integrity, cache }).catch(() => undefined);
    if (answer !== undefined) return answer;
  }
  // Without a connection it fails as it does for another file than was built.
  const there = await fetch(url, { cache: "reload" }).then((answer) => answer.ok, () => false);
  throw problem(there ? "changed-file" : "hub-unreachable");
}

/** Loads the first module. */
export async function loadDoor(): Promise<void> {
  await init({ module_or_path: await fetched(doorUrl, __DOOR_INTEGRITY__) });
}

/** A text as a QR code: for a screen, or for paper that is kept. */
export function square(text: string, kept = false): Square {
  const drawn = draw(text, kept);
  if (drawn === undefined) throw problem("other");
  const { qrPath, qrSize } = drawn;
  drawn.free();
  return { qrPath, qrSize };
}

/** A kit's text as it is printed. */
export const kitPage = (text: string): KitPage => ({ text, ...square(text, true) });

/** The kit of a root, whose first address lies at a hub. */
export const kitOf = (root: Uint8Array, hub: { hubId: string; hubUrl: string }): KitPage => kitPage(kitText(root, hub.hubId, hub.hubUrl));

/** Wraps a root under a passphrase and a fresh secret of this device. */
export function wrapPassphrase(root: Uint8Array, passphrase: string): { wrapped: Uint8Array; deviceSecret: Uint8Array } {
  const made = wrap(root, passphrase);
  const { wrapped, deviceSecret } = made;
  made.free();
  return { wrapped, deviceSecret };
}
