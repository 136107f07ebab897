import type { DraftPage, Question } from "@denizen/sdk";

/** What a question is answered with: a text, a yes, or several texts. */
export type Answer = string | boolean | string[];
/** What is typed or chosen, by the name of its question. */
export type Answers = Record<string, Answer>;

/** What is kept of an application that is not sent yet: what was typed, and what a helper prepared. */
export interface KeptDraft {
  readonly v: 2;
  readonly answers: Answers;
  readonly from: DraftPage | undefined;
}

/** Answers as they were kept or given: an object, whatever else came. */
export const answersOf = (read: unknown): Answers => (typeof read === "object" && read !== null && !Array.isArray(read) ? (read as Answers) : {});

/** Reads what was kept; at first that was the answers alone. */
export function keptDraft(text: string): Pick<KeptDraft, "answers" | "from"> {
  const read = JSON.parse(text) as Partial<KeptDraft> | null;
  if (read?.v !== 2) return { answers: answersOf(read), from: undefined };
  return { answers: answersOf(read.answers), from: read.from };
}

/** JSON text of the answers: what is empty is not given. */
export const answersText = (questions: readonly Question[], answers: Answers): string => JSON.stringify(Object.fromEntries(questions.flatMap((q): [string, Answer | number][] => {
  const value = answers[q.name];
  if (q.form === "yes-no") return [[q.name, value === true]];
  if (Array.isArray(value)) {
    const several = value.map((v) => v.trim()).filter((v) => v !== "");
    return several.length === 0 ? [] : [[q.name, several]];
  }
  if (value === undefined || value === "") return [];
  return [[q.name, q.form === "number" ? Number(value) : value]];
})));

/** Which questions a refusal is about: what has no answer, and what does not fit. */
export function refusedAnswers(questions: readonly Question[], details: readonly [string, string][]): Record<string, "missing" | "wrong"> {
  const names = new Set(questions.map((q) => q.name));
  return Object.fromEntries(details.flatMap(([pointer, rule]) => {
    // What is missing is named by the rule; anything else by its place.
    const missing = /^claim "(.*)" is missing$/.exec(rule)?.[1];
    const name = missing ?? pointer.split("/")[1] ?? "";
    return names.has(name) ? [[name, missing === undefined ? "wrong" : "missing"] as const] : [];
  }));
}
