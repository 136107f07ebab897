// Texts of one language, from the catalogue's message files: the same that the command line uses.

export const LANGUAGES = ["en", "ru", "uz", "tg", "ky"] as const;
export type Language = (typeof LANGUAGES)[number];

/** What each language calls itself. */
export const OWN_NAMES: Record<Language, string> = {
  en: "English", ru: "Русский", uz: "Oʻzbekcha", tg: "Тоҷикӣ", ky: "Кыргызча",
};

type Form = "one" | "few" | "many" | "other";
type Text = string | Partial<Record<Form, string>>;

/** Source: CLDR 46 plural rules for whole numbers. */
function form(language: string, n: number): Form {
  if (language === "tg") return "other";
  if (language !== "ru") return n === 1 ? "one" : "other";
  const [units, hundreds] = [n % 10, n % 100];
  if (units === 1 && hundreds !== 11) return "one";
  if (units >= 2 && units <= 4 && !(hundreds >= 12 && hundreds <= 14)) return "few";
  return "many";
}

export class Texts {
  readonly #texts: Record<string, Text>;
  constructor(readonly language: string, json: string) {
    this.#texts = JSON.parse(json) as Record<string, Text>;
  }

  has(key: string): boolean {
    return key in this.#texts;
  }

  /** A text with its slots filled; the key itself if there is none. */
  text(key: string, slots: Record<string, string | number> = {}): string {
    const found = this.#texts[key];
    const text = typeof found === "object"
      ? (found[form(this.language, Number(slots["count"] ?? 0))] ?? found.other ?? key)
      : (found ?? key);
    // A date may end with a full stop, like `2026 г.`: the sentence needs no second one.
    return text.replace(/\{(\w+)\}(\.?)/g, (whole, name: string, stop: string) => (name in slots ? String(slots[name]).replace(/\.$/, stop === "" ? "." : "") + stop : whole));
  }

  /** A date as people write it here, from `2026-11-24`. */
  date(day: string): string {
    const [year, month, date] = day.slice(0, 10).split("-");
    if (year === undefined || month === undefined || date === undefined) return day;
    return this.text("date-long", { day: Number(date), month: this.text(`month-${Number(month)}`), year });
  }
}
