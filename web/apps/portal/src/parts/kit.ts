// The words of a kit's text: rows that begin with a number. The list of words has a word `hub` too, so
// the line with the hub is the one that begins with it.

const rows = (text: string): string[] => text.split("\n");

export const wordsOf = (text: string): string[] =>
  rows(text).filter((row) => /^\s*\d+\s/.test(row)).flatMap((row) => row.trim().split(/\s+/).slice(1));

export const hubOf = (text: string): string => rows(text).find((row) => row.startsWith("hub ")) ?? "";
