// The page's validator says of the catalogue's examples what the crates' validator says: their names tell.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { validate } from "../src/validate.js";

const CATALOGUE = join(import.meta.dirname, "../../../../catalogue");
const read = (...path: string[]): string => readFileSync(join(CATALOGUE, ...path), "utf8");
const parsed = (text: string) => JSON.parse(text) as { [name: string]: unknown };

const common = read("schema/common.schema.json");
const kinds = readdirSync(join(CATALOGUE, "kinds")).filter((f) => f.endsWith(".schema.json")).map((f) => f.replace(".schema.json", ""));
const services = readdirSync(join(CATALOGUE, "services")).filter((f) => f.endsWith(".json")).map((f) => f.replace(".json", ""));

/** Schema of a folder of examples: a kind's claims, or a service's answers. */
function schemaOf(folder: string): string {
  const service = folder.replace(/^service-/, "");
  if (!folder.startsWith("service-") || !services.includes(service)) return read("kinds", `${folder}.schema.json`);
  return JSON.stringify(parsed(read("services", `${service}.json`))["answers"]);
}

const folders = readdirSync(join(CATALOGUE, "examples"));
const examples = folders.flatMap((folder) => readdirSync(join(CATALOGUE, "examples", folder)).filter((f) => f.endsWith(".json")).map((file) => [folder, file] as const));

test("every kind has examples that must pass, and ones that must fail", () => {
  for (const kind of kinds) {
    const files = examples.filter(([folder]) => folder === kind).map(([, file]) => file);
    expect(files.some((f) => f.startsWith("valid")), kind).toBe(true);
    expect(files.some((f) => f.startsWith("invalid")), kind).toBe(true);
  }
});

test.each(examples)("%s/%s", (folder, file) => {
  const broken = JSON.parse(validate(folder, read("examples", folder, file), schemaOf(folder), common)) as { pointer: string }[];
  if (file.startsWith("valid")) expect(broken).toEqual([]);
  else expect(broken.length).toBeGreaterThan(0);
});

test("what is broken is named by its place, and never by its value", () => {
  const schema = JSON.stringify({ type: "object", properties: { number: { type: "string", pattern: "^[0-9]+$" } }, required: ["number", "day"], additionalProperties: false });
  const said = validate("numbers", JSON.stringify({ number: "secret-value" }), schema, "true");
  // The texts come once; without them nothing is valid.
  expect(validate("numbers", JSON.stringify({ number: "secret-value" }))).toBe(said);
  expect(() => validate("others", "{}")).toThrow();
  expect(said).toContain("/number");
  expect(said).not.toContain("secret-value");
});
