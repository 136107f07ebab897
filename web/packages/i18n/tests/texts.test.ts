// Plurals and dates of our own, in five languages.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LANGUAGES, Texts, type Language } from "../src/index.js";

const LOCALES = join(import.meta.dirname, "../../../../catalogue/locales");
const all = Object.fromEntries(LANGUAGES.map((language) => [language, new Texts(language, readFileSync(join(LOCALES, `${language}.json`), "utf8"))]));
const of = (language: Language): Texts => all[language]!;

test.each([
  [0, "many"], [1, "one"], [2, "few"], [4, "few"], [5, "many"], [11, "many"], [12, "many"], [14, "many"], [21, "one"], [22, "few"], [25, "many"],
  [101, "one"], [111, "many"], [112, "many"], [122, "few"],
] as const)("Russian counts %i as %s", (count, form) => {
  const texts = new Texts("ru", JSON.stringify({ n: { one: "one", few: "few", many: "many", other: "other" } }));
  expect(texts.text("n", { count })).toBe(form);
});

test("Tajik has one form, the others two", () => {
  const forms = JSON.stringify({ n: { one: "one", other: "other" } });
  for (const [language, one] of [["en", "one"], ["uz", "one"], ["ky", "one"], ["tg", "other"]] as const) {
    expect(new Texts(language, forms).text("n", { count: 1 }), language).toBe(one);
    expect(new Texts(language, forms).text("n", { count: 2 }), language).toBe("other");
  }
});

test("a date is written as people write it", () => {
  const written = LANGUAGES.map((language) => of(language).date("2026-03-08"));
  expect(written[0]).toBe("8 March 2026");
  expect(written[1]).toBe("8 марта 2026 г.");
  expect(new Set(written).size).toBe(LANGUAGES.length);
  for (const text of written) expect(text).toMatch(/8.*2026|2026.*8/);
  for (const language of LANGUAGES) expect(of(language).date("2026"), "a part of a date stays").toBe("2026");
});

test("a sentence that ends with a date has one full stop", () => {
  const until = (date: string) => new Texts("ru", JSON.stringify({ u: "До {date}. Дальше {date}" })).text("u", { date });
  expect(until("8 марта 2026 г.")).toBe("До 8 марта 2026 г. Дальше 8 марта 2026 г.");
  expect(until("8 March 2026")).toBe("До 8 March 2026. Дальше 8 March 2026");
});

test("a key without a text is seen, and a slot that is not given stays", () => {
  expect(of("en").text("no-such-key")).toBe("no-such-key");
  expect(new Texts("en", JSON.stringify({ k: "{a} and {b}" })).text("k", { a: 1 })).toBe("1 and {b}");
});

test("every text of the page is in every language, with the same slots and its forms", () => {
  const keys = Object.keys(JSON.parse(readFileSync(join(LOCALES, "en.json"), "utf8")) as object);
  const slots = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join();
  for (const language of LANGUAGES) {
    const texts = of(language);
    for (const key of keys.filter((k) => k.startsWith("portal-"))) {
      expect(texts.has(key), `${language} ${key}`).toBe(true);
      for (const count of [1, 2, 5, 21]) {
        const said = texts.text(key, { count });
        expect(said, `${language} ${key} ${count}`).not.toBe(key);
        expect(slots(said), `${language} ${key}`).toBe(slots(of("en").text(key, { count })));
      }
    }
  }
});
