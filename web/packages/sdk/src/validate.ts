// JSON Schema for the module: no code is made from a schema, so it runs under the page's policy.

import { Validator, type Schema } from "@cfworker/json-schema";

interface Broken { pointer: string; keyword: string; detail: string }

const COMMON = "urn:denizen:schema:common";
/** Keywords that only say that something below them does not fit. */
const OUTER = new Set(["$ref", "properties", "items", "allOf", "if", "then", "else", "prefixItems", "false"]);
const compiled = new Map<string, Validator>();

/** Validates an instance: texts in, JSON out, as the module asks for it. `name` stands for the schema, whose
 *  texts come with the first instance. */
export function validate(name: string, instance: string, schema?: string, common?: string): string {
  let validator = compiled.get(name);
  if (schema !== undefined && common !== undefined) {
    validator = new Validator(JSON.parse(schema) as Schema, "2020-12", false);
    const shared = JSON.parse(common) as Schema | true;
    if (shared !== true) validator.addSchema(shared, COMMON);
    compiled.set(name, validator);
  }
  if (validator === undefined) throw new Error("a schema that did not come");
  const result = validator.validate(JSON.parse(instance));
  if (result.valid) return "[]";
  const all = result.errors.map(({ keyword, instanceLocation, error }): Broken => ({
    pointer: instanceLocation.replace(/^#/, ""),
    keyword,
    detail: detail(keyword, error),
  }));
  const inner = all.filter((e) => !OUTER.has(e.keyword));
  return JSON.stringify(inner.length > 0 ? inner : all);
}

/** The name of a missing claim, or of a format; never a value. */
function detail(keyword: string, error: string): string {
  if (keyword === "required" || keyword === "format") return /"[^"]*"/.exec(error)?.[0] ?? "";
  return keyword === "additionalProperties" ? "1" : "";
}
