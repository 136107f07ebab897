import type { Question } from "@denizen/sdk";

/** What is typed or chosen, by the name of its question. */
export type Answers = Record<string, string | boolean>;

/** JSON text of the answers: what is empty is not given. */
export const answersText = (questions: readonly Question[], answers: Answers): string => JSON.stringify(Object.fromEntries(questions.flatMap((q) => {
  const value = answers[q.name];
  if (q.form === "yes-no") return [[q.name, value === true]];
  if (value === undefined || value === "") return [];
  return [[q.name, q.form === "number" ? Number(value) : value]];
})));
