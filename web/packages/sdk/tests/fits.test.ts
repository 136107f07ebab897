// The code that the build makes from the schemas says yes to nothing that the validator says no to, and for
// nearly everything it says the same.

import { Validator, type Schema } from "@cfworker/json-schema";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fits } from "virtual:denizen-fits";
import { broken, validate } from "../src/validate.js";

const CATALOGUE = join(import.meta.dirname, "../../../../catalogue");
const read = (...path: string[]): string => readFileSync(join(CATALOGUE, ...path), "utf8");

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** JSON with its members in order and no spaces, by hand: what the module hashes. */
const ordered = (value: Json): string => JSON.stringify(value, (_, v: Json) =>
  v !== null && typeof v === "object" && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v);
const common = ordered(JSON.parse(read("schema/common.schema.json")) as Json);
const kinds = readdirSync(join(CATALOGUE, "kinds")).filter((f) => f.endsWith(".schema.json")).map((file) => {
  const schema = ordered(JSON.parse(read("kinds", file)) as Json);
  const validator = new Validator(JSON.parse(schema) as Schema, "2020-12", false);
  validator.addSchema(JSON.parse(common) as Schema, "urn:denizen:schema:common");
  const name = createHash("sha256").update(`${schema}\n${common}`).digest("base64url");
  return { kind: file.replace(".schema.json", ""), name, schema, validator };
});
const examples = (kind: string): Json[] => readdirSync(join(CATALOGUE, "examples", kind)).filter((f) => f.startsWith("valid")).map((file) => JSON.parse(read("examples", kind, file)) as Json);

/** What takes the place of a value, one after the other: at and beyond limits of the schemas, and of another type. */
const OTHERS: Json[] = [
  null, true, false, 0, 1, -1, 1.5, 1e21, 8, 9, 1_000_001, "", " ", "x", " x", "x ", "a\u202eb", "\u{1f600}", "\u{1f600}".repeat(160), "\u{1f600}".repeat(161),
  "x".repeat(30), "x".repeat(31), "x".repeat(64), "x".repeat(65), "x".repeat(300), "x".repeat(301), "x".repeat(1001), "UZB", "uzb", "D", "F", "A".repeat(39), "A".repeat(40),
  "IVANOV<<IVAN", "IVANOV<<", "2023-02-28", "2023-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2023-02-30", "2023-04-31", "2023-12-31", "2023-13-01", "2023-00-10",
  "2023-01-00", "0000-01-01", "2023-1-1", "2023-02", "2023", "1799", "2023-02-29T10:00:00Z", "2023-02-28T23:59:60Z", "2023-02-28T12:00:60+05:00", "2023-02-28T24:00:00Z",
  "2023-02-28T10:00:00Z", "2023-02-28T10:00:00.5Z", "2023-02-28t10:00:00z", "2023-02-28 10:00:00Z", "2023-02-28T10:00:00+24:00", "2023-02-28T10:00:00+05:00", "2023-02-31T10:00:00Z",
  "1200", "1200.50", "01", "1200.5", "urn:denizen:kind:visa:1", "urn:denizen:kind:visa:0", "a@example.org", "a@@b", "https://example.org/", "no uri", [], [[]], {}, { x: 1 }, ["x", "x"], ["x", "y"],
];

/** Every value that differs from one in one place: replaced, left out, doubled, or with a member more. */
function* bent(value: Json): Generator<Json> {
  yield* OTHERS;
  if (Array.isArray(value)) {
    yield [...value, ...value];
    for (const [at, one] of value.entries()) {
      yield value.filter((_, other) => other !== at);
      for (const other of bent(one)) yield value.map((kept, place) => (place === at ? other : kept));
    }
  } else if (value !== null && typeof value === "object") {
    for (const more of ["x", "constructor", "__proto__", "toString"]) yield JSON.parse(ordered({ ...value }).replace(/^\{/, `{${JSON.stringify(more)}:1${Object.keys(value).length > 0 ? "," : ""}`)) as Json;
    for (const [key, one] of Object.entries(value)) {
      yield Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
      for (const other of bent(one)) yield { ...value, [key]: other };
    }
  }
}

test("there is one for each kind, under the name by which the module asks", () => {
  expect([...fits().keys()].sort()).toEqual(kinds.map(({ name }) => name).sort());
});

test.each(kinds)("$kind: the same as the validator says", { timeout: 60_000 }, ({ kind, name, validator }) => {
  const fit = fits().get(name);
  if (fit === undefined) throw new Error("none");
  let [yes, no, left] = [0, 0, 0];
  for (const example of examples(kind)) {
    for (const value of [example, ...bent(example)]) {
      const said = fit(value);
      const valid = broken(validator, value) === "[]";
      if (said && !valid) throw new Error(`a yes to what does not fit: ${JSON.stringify(value)}`);
      if (said) yes += 1;
      else if (valid) left += 1;
      else no += 1;
    }
  }
  expect(no).toBeGreaterThan(100);
  // What has an e-mail address or a link in it is left to the validator.
  if (["email", "vaccination"].includes(kind)) return;
  expect(yes).toBeGreaterThan(20);
  expect(left / yes).toBeLessThan(0.05);
});

test("a schema of the same name with another text is another schema", () => {
  const [visa] = kinds.filter(({ kind }) => kind === "visa");
  const [good] = examples("visa").filter((value) => fits().get(visa?.name ?? "")?.(value));
  const text = JSON.stringify(good);
  const all = (schema: string) => validate(createHash("sha256").update(`${schema}\n${common}`).digest("base64url"), text, schema, common);
  expect(all(visa?.schema ?? "")).toBe("[]");
  expect(all((visa?.schema ?? "").replace("\"required\":[", "\"required\":[\"more\","))).toContain("required");
});
