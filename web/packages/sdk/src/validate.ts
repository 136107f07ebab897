// JSON Schema for the module: no code is made from a schema, so it runs under the page's policy. For the
// kinds of the catalogue it was made when the bundle was built.

import { Validator, type Schema } from "@cfworker/json-schema";
import { fits } from "virtual:denizen-fits";

interface Broken { pointer: string; keyword: string; detail: string }

const COMMON = "urn:denizen:schema:common";
/** Keywords that only say that something below them does not fit. */
const OUTER = new Set(["$ref", "properties", "items", "allOf", "if", "then", "else", "prefixItems", "false"]);
const given = new Map<string, { schema: string; common: string }>();
const compiled = new Map<string, Validator>();

/** Validates an instance: texts in, JSON out, as the module asks for it. `name` stands for the schema (it is
 *  the hash of its texts), which come with the first instance. */
export function validate(name: string, instance: string, schema?: string, common?: string): string {
  if (schema !== undefined && common !== undefined) given.set(name, { schema, common });
  if (!given.has(name)) throw new Error("a schema that did not come");
  const value: unknown = JSON.parse(instance);
  if (surelyFits(name, value)) return "[]";
  return broken(validatorOf(name), value);
}

/** Whether the code that was made of the schema says yes; whatever else comes of it is for the validator. */
function surelyFits(name: string, value: unknown): boolean {
  try {
    return fits().get(name)?.(value) === true;
  } catch {
    return false;
  }
}

/** The validator of a schema, made when it is first needed: reading the texts takes as long as many instances. */
function validatorOf(name: string): Validator {
  let validator = compiled.get(name);
  const texts = given.get(name);
  if (validator === undefined && texts !== undefined) {
    validator = new Validator(JSON.parse(texts.schema) as Schema, "2020-12", false);
    const shared = JSON.parse(texts.common) as Schema | true;
    if (shared !== true) validator.addSchema(shared, COMMON);
    compiled.set(name, validator);
  }
  if (validator === undefined) throw new Error("a schema that did not come");
  return validator;
}

/** What does not fit, as JSON. */
export function broken(validator: Validator, value: unknown): string {
  const result = validator.validate(value);
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
