// One request. No cookies, no referrer, nothing kept in the browser's cache.

import type { Answered, Asked } from "../wasm/denizen.js";

/** Answers are read up to this many bytes. */
const SIZE_BYTES_MAX = 64 * 1024 * 1024;

export async function send({ method, url, headers, body }: Asked): Promise<Answered> {
  const bare = method === "GET" || method === "HEAD" || body.length === 0;
  const answer = await fetch(url, {
    method,
    headers,
    body: bare ? null : (body as BodyInit),
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
    referrerPolicy: "no-referrer",
    mode: "cors",
  });
  const bytes = await answer.arrayBuffer();
  if (bytes.byteLength > SIZE_BYTES_MAX) throw new Error("too-large");
  return { status: answer.status, headers: [...answer.headers], body: new Uint8Array(bytes) };
}
