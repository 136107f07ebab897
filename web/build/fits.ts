// Code that says of claims that they fit their kind, made from the catalogue's schemas when the bundle is
// built. It is quick and says no more than yes or no; whoever wants to know what does not fit asks the
// page's validator, which also decides whatever this one does not say yes to.

import { validator, type Schema, type ValidatorOptions } from "@exodus/schemasafe";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

/** The module that has them. */
const NAME = "virtual:denizen-fits";

/** What the code leaves to the validator, whose opinion of them is a specification's: never a yes. */
const LEFT = ["email", "uri"];

/** What turns a no into a yes, or counts them: what is left must not stand below it. */
const TURNING = ["not", "if", "oneOf", "contains", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems"];

/** Keywords that the code knows, and those that say nothing of an instance. */
const KNOWN = new Set([
  "$schema", "$id", "$ref", "$defs", "title", "description", "type", "enum", "const", "properties", "required", "additionalProperties",
  "minProperties", "items", "minItems", "maxItems", "uniqueItems", "contains", "pattern", "format", "minLength", "maxLength", "minimum",
  "maximum", "allOf", "anyOf", "not", "if", "then", "else",
]);

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** The text of a value with its members in order, as the module (`crates/model`) writes it. */
function ordered(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(ordered).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${ordered(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

/** What the module calls a schema: the hash of its text and of the text of what schemas share. */
const nameOf = (schema: Json, common: Json): string => createHash("sha256").update(`${ordered(schema)}\n${ordered(common)}`).digest("base64url");

/** Refuses a schema of which the code could say yes where the validator says no. */
function check(schema: Json, place: string, turned: boolean): void {
  if (schema === null || typeof schema !== "object" || Array.isArray(schema)) return;
  for (const [keyword, value] of Object.entries(schema)) {
    if (!KNOWN.has(keyword)) throw new Error(`${place}: the keyword ${keyword} is not known to web/build/fits.ts`);
    const at = `${place}/${keyword}`;
    if (keyword === "format" && turned && LEFT.includes(String(value))) throw new Error(`${at}: ${String(value)} is left to the validator, and stands where a no becomes a yes`);
    // What is referred to may be referred to from anywhere.
    const below = turned || keyword === "$defs" || TURNING.includes(keyword);
    if (["properties", "$defs"].includes(keyword)) for (const [name, one] of Object.entries(value as object)) check(one as Json, `${at}/${name}`, below);
    else if (Array.isArray(value) && ["allOf", "anyOf"].includes(keyword)) for (const one of value) check(one, at, below);
    else if (["items", "contains", "not", "if", "then", "else", "additionalProperties"].includes(keyword)) check(value, at, below);
  }
}

/** The module's code: `fits()`, from the name of a schema to what says yes or no. `catalogue` is the folder. */
export function codeOf(catalogue: string): string {
  const read = (path: string): Json => JSON.parse(readFileSync(join(catalogue, path), "utf8")) as Json;
  const common = read("schema/common.schema.json");
  const kinds = readdirSync(join(catalogue, "kinds")).filter((file) => file.endsWith(".schema.json")).sort().map((file) => read(`kinds/${file}`));
  for (const schema of [common, ...kinds]) check(schema, String((schema as { $id?: string }).$id), false);
  // `multi`, many schemas whose parts are shared, is not in the library's types.
  const options = {
    multi: true,
    schemas: { "urn:denizen:schema:common": common as Schema },
    includeErrors: false,
    isJSON: true,
    unmodifiedPrototypes: true,
    allowUnusedKeywords: true,
    formatAssertion: true,
    formats: Object.fromEntries(LEFT.map((format) => [format, () => false])),
  };
  const checks = validator(kinds as unknown as Schema, options as ValidatorOptions);
  const names = kinds.map((kind) => nameOf(kind, common));
  // Made when it is first asked: a profile that is opened again asks nothing.
  return `const make = () => new Map(${checks.toModule().replace(/;\s*$/, "")}.map((fit, at) => [${JSON.stringify(names)}[at], fit]));
let made;
export const fits = () => (made ??= make());
`;
}

/** Gives it to whoever imports `virtual:denizen-fits`. */
export function fits(catalogue: string): Plugin {
  return {
    name: "denizen-fits",
    resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
    load: (id) => (id === `\0${NAME}` ? codeOf(catalogue) : undefined),
  };
}
