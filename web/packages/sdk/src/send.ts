// One request. No cookies, no referrer, nothing kept in the browser's cache. A hub that says when to come
// back is not asked before.

import type { Answered, Asked } from "../wasm/denizen.js";

/** Answers are read up to this many bytes. */
const SIZE_BYTES_MAX = 64 * 1024 * 1024;
/** Says to whoever serves this page that a request is the page's; in an answer, that no hub gave it. */
const OWN = "denizen-portal";

/**
 * How often a hub is asked again that says when to come back, and how many seconds are waited for at once: as
 * on the command line (`crates/denizen/src/transport.rs`).
 */
const [REPEATS_MAX, WAIT_S_MAX] = [2, 10];
/** A hub that says so for longer, or again and again, is left alone for that time, at most for this one. */
const REST_S_MAX = 15 * 60;
/** The same after 429, which is said of one address or sender, not of the hub. */
const REST_RATE_S_MAX = 10;

/** Hubs that are left alone until then, each with what it said. */
const resting = new Map<string, { until: number; answer: Answered }>();

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

/** Whether an answer is a problem of this kind. */
function isProblem(body: Uint8Array, kind: string): boolean {
  try {
    return (JSON.parse(new TextDecoder().decode(body)) as { type?: unknown } | null)?.type === `urn:denizen:problem:${kind}`;
  } catch {
    return false;
  }
}

/** Seconds until the same bytes may be sent again, if the answer says so. A quota does not pass by waiting. */
function toWait({ status, headers, body }: Answered): number | undefined {
  if (status !== 503 && !(status === 429 && isProblem(body, "rate-limited"))) return undefined;
  const said = headers.find(([name]) => name === "retry-after")?.[1] ?? "";
  return /^\d{1,9}$/.test(said) ? Number(said) : undefined;
}

export async function send(asked: Asked): Promise<Answered> {
  const hub = new URL(asked.url).origin;
  const rest = resting.get(hub);
  if (rest !== undefined && performance.now() < rest.until) return rest.answer;
  resting.delete(hub);
  // Whoever serves the page from her own machine waits by itself.
  for (let left = through.length === 0 ? REPEATS_MAX : 0; ; left -= 1) {
    const answer = await sendOnce(asked);
    const wait = toWait(answer);
    if (wait === undefined) return answer;
    if (left === 0 || wait > WAIT_S_MAX) {
      resting.set(hub, { until: performance.now() + Math.min(wait, answer.status === 503 ? REST_S_MAX : REST_RATE_S_MAX) * 1000, answer });
      return answer;
    }
    // Up to half as much again, so that many do not come back in the same moment.
    await new Promise((done) => setTimeout(done, wait * (1 + Math.random() / 2) * 1000));
  }
}

async function sendOnce({ method, url, headers, body }: Asked): Promise<Answered> {
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
