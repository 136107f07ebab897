// The browser's own cryptography takes the signatures that the crates take, and no more.

import { expect, test } from "@playwright/test";
import { checkAhead } from "../../packages/sdk/src/ahead.js";
import { cases } from "../../packages/sdk/tests/es256.js";

test("signatures are taken and refused as by the crates", async ({ page }) => {
  // A page of nobody, on an origin that has cryptography.
  await page.route("http://localhost/", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>nobody</title>" }));
  await page.goto("http://localhost/");
  const all = cases();
  const good = await page.evaluate(async ([source, given]) => {
    const check = (0, eval)(`(${source})`) as typeof checkAhead;
    const part = (of: "point" | "message" | "signature") => given.map((c) => Uint8Array.from(c[of]));
    return [...await check(part("point"), part("message"), part("signature"))];
  }, [checkAhead.toString(), all] as const);
  expect(all.filter((_, at) => good[at] === 1).map((c) => c.name)).toEqual(all.filter((c) => c.good).map((c) => c.name));
  expect(good).toHaveLength(all.length);
});
