// Offline: the files of one bundle, each with its hash. What was fetched with another hash is not kept.
//
// A newer bundle takes over only with the person's yes. A browser starts a newer worker by itself once the
// last tab is closed, so it is not the worker that decides: each bundle lies in a cache of its own with its
// list, and whichever worker runs serves the oldest that is whole. Her yes deletes the older ones. The
// words between page and worker stay the same from one bundle to the next.

const FILES = __FILES__;
const CACHE = "denizen-__VERSION__";
// A bundle's list, put into its cache last: without it the bundle is not whole. The hub has no such file.
const LIST = "/bundle-files";
// What the hub says of itself: the newest that was had.
const ABOUT = "/portal.json";

const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const urlOf = (path) => (path === "index.html" ? "/" : `/${path}`);

async function keepAll() {
  const cache = await caches.open(CACHE);
  for (const [path, expected] of Object.entries(FILES)) await cache.put(urlOf(path), await file(urlOf(path), expected));
  await about(cache);
  await cache.put(LIST, new Response(JSON.stringify(Object.keys(FILES))));
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
    if (answer.ok) await cache?.put(ABOUT, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache?.match(ABOUT);
    if (kept !== undefined) return kept;
    throw error;
  }
}

// A bundle that is there with all its files.
async function whole(name) {
  const cache = await caches.open(name);
  const list = await cache.match(LIST);
  if (list === undefined) return undefined;
  const urls = (await list.json()).map(urlOf);
  const there = new Set((await cache.keys()).map((request) => new URL(request.url).pathname));
  return urls.every((url) => there.has(url)) ? { name, cache, urls: new Set(urls) } : undefined;
}

// Names come in the order in which the caches were made.
const bundles = async () => (await caches.keys()).filter((name) => name.startsWith("denizen-"));

// The bundle she agreed to; the first one she has needs no yes. One of which a browser has removed a part
// must not lock her out: the next that is whole is served instead of it, and where there is none the hub's
// own files, as at a first visit. Two bundles are never mixed for it: it is found anew only when a page is
// loaded, and what a page asks for comes out of the same cache as the page.
async function agreed() {
  for (const name of await bundles()) {
    const bundle = await whole(name).catch(() => undefined);
    if (bundle !== undefined) return bundle;
  }
  return undefined;
}

let serving;

async function answer(request) {
  if (request.mode === "navigate") serving = agreed();
  const bundle = await (serving ??= agreed());
  const { pathname } = new URL(request.url);
  if (pathname === ABOUT) return about(bundle?.cache);
  const url = bundle?.urls.has(pathname) ? pathname : request.mode === "navigate" ? "/" : undefined;
  if (bundle === undefined || url === undefined) return fetch(request);
  return (await bundle.cache.match(url)) ?? Response.error();
}

self.addEventListener("install", (event) => event.waitUntil(keepAll()));

self.addEventListener("activate", (event) => {
  const others = async () => {
    const served = (await agreed())?.name;
    for (const name of await bundles()) if (name !== CACHE && name !== served) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(others());
});

async function takeOver() {
  if (await whole(CACHE) === undefined) await keepAll();
  for (const name of await bundles()) if (name !== CACHE) await caches.delete(name);
  serving = undefined;
  await self.skipWaiting();
  for (const page of await self.clients.matchAll({ type: "window", includeUncontrolled: true })) page.postMessage("taken-over");
}

async function newer(page) {
  const bundle = await agreed();
  // Where none is whole, this one is fetched once more.
  if (bundle === undefined) await keepAll();
  else if (bundle.name !== CACHE) page.postMessage("newer");
}

// The page asks whether there is a newer bundle than the one that it came from, and tells of the person's
// yes. All pages are then loaded anew.
self.addEventListener("message", (event) => {
  if (event.data === "newer?") event.waitUntil(newer(event.source));
  if (event.data === "take-over") event.waitUntil(takeOver());
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  // What goes to the hub's routes is never kept and never answered from what was kept.
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (/^\/(v1|log|hub)\//.test(url.pathname)) return;
  event.respondWith(answer(event.request));
});
