// Offline: the files of one bundle, each with its hash. What was fetched with another hash is not kept,
// and a newer bundle takes over only when the person asks for it.

const FILES = __FILES__;
const CACHE = "denizen-__VERSION__";
// What the hub says of itself: the newest that was had.
const ABOUT = "/portal.json";

const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function keepAll() {
  const cache = await caches.open(CACHE);
  for (const [path, expected] of Object.entries(FILES)) {
    const url = path === "index.html" ? "/" : `/${path}`;
    await cache.put(url, await file(url, expected));
  }
  await about(cache);
}

// What the page has just loaded is not asked for again: the hash decides, wherever the bytes lay.
async function file(url, expected) {
  for (const cache of ["force-cache", "reload"]) {
    const answer = await fetch(url, { cache, redirect: "error" });
    const body = await answer.clone().arrayBuffer();
    if (answer.ok && text(await crypto.subtle.digest("SHA-256", body)) === expected) return answer;
  }
  throw new Error(`another file than the bundle says: ${url}`);
}

async function about(cache) {
  try {
    const answer = await fetch(ABOUT, { cache: "no-cache", redirect: "error" });
    if (answer.ok) await cache.put(ABOUT, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(ABOUT);
    if (kept !== undefined) return kept;
    throw error;
  }
}

self.addEventListener("install", (event) => event.waitUntil(keepAll()));

self.addEventListener("activate", (event) => {
  const others = async () => {
    for (const name of await caches.keys()) if (name.startsWith("denizen-") && name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(others());
});

// The page asks for it after the person said yes.
self.addEventListener("message", (event) => {
  if (event.data === "take-over") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  // What goes to the hub's routes is never kept and never answered from what was kept.
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith("/v1/") || url.pathname.startsWith("/log/")) return;
  if (url.pathname === ABOUT) {
    event.respondWith(caches.open(CACHE).then(about));
    return;
  }
  const known = url.pathname === "/" || url.pathname.slice(1) in FILES;
  if (!known && event.request.mode !== "navigate") return;
  event.respondWith(
    caches.open(CACHE).then(async (cache) => {
      const kept = await cache.match(known ? url.pathname : "/");
      return kept ?? fetch(event.request);
    }),
  );
});
