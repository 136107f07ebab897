// What a browser is told with every file of the bundle as it is shipped, and with the hub's own answers.

import { expect, test } from "../src/test.js";

// Written out: whoever changes the policy says so here too.
const HEADERS = {
  "content-security-policy": [
    "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self'", "style-src 'self'",
    "img-src 'self' blob: data:", "font-src 'self'", "connect-src 'self'", "manifest-src 'self'", "base-uri 'none'",
    "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
    "trusted-types denizen svelte-trusted-html",
  ].join("; "),
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "integrity-policy": "blocked-destinations=(script)",
  "permissions-policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

test("every answer has the exact policy, and the page obeys it", async ({ offices, arrives }) => {
  const she = await arrives("en");
  const seen = new Map<string, Record<string, string>>();
  she.page.on("response", (answer) => seen.set(new URL(answer.url()).pathname, answer.headers()));
  await she.begin();
  await she.go("ways");
  for (const path of ["/", "/service-worker.js", "/manifest.json", "/v1/openapi.json", "/no-such-file"]) {
    seen.set(path, (await she.page.request.get(`${offices.url}${path}`)).headers());
  }
  const scripts = [...seen.keys()].filter((path) => path.endsWith(".js"));
  expect(scripts.some((path) => path.includes("worker"))).toBe(true);
  expect([...seen.keys()].some((path) => path.endsWith(".wasm"))).toBe(true);
  for (const [path, headers] of seen) expect(headers, path).toMatchObject(HEADERS);

  // What a page that was taken over would try first does not run.
  const tried = await she.page.evaluate(() => {
    const attempts: Record<string, () => void> = {
      "text as HTML": () => { document.body.innerHTML = "<b>x</b>"; },
      "a foreign worker": () => { new Worker("blob:null/0"); },
    };
    return Object.entries(attempts).filter(([, attempt]) => {
      try { attempt(); return true; } catch { return false; }
    }).map(([name]) => name);
  });
  expect(tried).toEqual([]);
  await expect.poll(() => she.faults.length).toBe(2);
  for (const fault of she.faults.splice(0)) expect(fault).toMatch(/requires 'Trusted(HTML|ScriptURL)' assignment/);
});
