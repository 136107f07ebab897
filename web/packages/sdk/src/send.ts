// One request. No cookies, no referrer, nothing kept in the browser's cache.

import type { Answered, Asked } from "../wasm/denizen.js";

/** Answers are read up to this many bytes. */
const SIZE_BYTES_MAX = 64 * 1024 * 1024;
/** Says to whoever serves this page that a request is the page's; in an answer, that no hub gave it. */
const OWN = "denizen-portal";

/** The hubs that are reached through whoever serves this page; none where a hub serves it. */
let through: readonly string[] = [];

/** From now on requests go through whoever serves this page, and to these hubs only. */
export function goThrough(hubs: readonly string[]): void {
  through = hubs;
}

/** Where a request goes: straight to its hub, or `/hub/N/...` on this page's own origin. */
function placeOf(url: string): string {
  if (through.length === 0) return url;
  const at = through.findIndex((hub) => url.startsWith(`${hub}/`));
  if (at < 0) throw new Error("a hub that is not named");
  return `/hub/${at}${url.slice(through[at]?.length)}`;
}

export async function send({ method, url, headers, body }: Asked): Promise<Answered> {
  const place = placeOf(url);
  const bare = method === "GET" || method === "HEAD" || body.length === 0;
  const answer = await fetch(place, {
    method,
    headers: through.length === 0 ? headers : [...headers, [OWN, "1"]],
    body: bare ? null : (body as BodyInit),
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
    referrerPolicy: "no-referrer",
    mode: "cors",
  });
  if (through.length > 0 && answer.headers.has(OWN)) throw new Error("away");
  const bytes = await answer.arrayBuffer();
  if (bytes.byteLength > SIZE_BYTES_MAX) throw new Error("too-large");
  return { status: answer.status, headers: [...answer.headers], body: new Uint8Array(bytes) };
}
