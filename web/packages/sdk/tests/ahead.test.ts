// What checks signatures ahead takes what the crates take, and no more.

import { expect, test } from "vitest";
import { checkAhead } from "../src/ahead.js";
import { cases } from "./es256.js";

test("signatures are taken and refused as by the crates, each in its place", async () => {
  const all = cases();
  const part = (of: "point" | "message" | "signature") => all.map((c) => Uint8Array.from(c[of]));
  const good = await checkAhead(part("point"), part("message"), part("signature"));
  expect(all.filter((_, at) => good[at] === 1).map((c) => c.name)).toEqual(all.filter((c) => c.good).map((c) => c.name));
  expect(good).toHaveLength(all.length);
});

test("what is missing is not good, and nothing is an answer to nothing", async () => {
  const one = cases()[0];
  if (one === undefined) throw new Error("no case");
  expect([...await checkAhead([Uint8Array.from(one.point)], [], [])]).toEqual([0]);
  expect([...await checkAhead([], [], [])]).toEqual([]);
});
