// The page's words for the case that no script runs: in every language, from the catalogue's texts, since
// then nobody could choose one.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";
import { LANGUAGES } from "../packages/i18n/src/index.ts";

const PLACE = "<!-- not-started -->";

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Puts the words in their place. `locales` is the folder with the message files. */
export function notStarted(locales: string): Plugin {
  return {
    name: "denizen-not-started",
    transformIndexHtml(html) {
      if (!html.includes(PLACE)) throw new Error(`index.html has no ${PLACE}`);
      const words = LANGUAGES.map((language) => {
        const texts = JSON.parse(readFileSync(join(locales, `${language}.json`), "utf8")) as Record<string, unknown>;
        const text = texts["portal-not-started"];
        if (typeof text !== "string") throw new Error(`${language} has no text portal-not-started`);
        return `<p lang="${language}">${escaped(text)}</p>`;
      });
      return html.replace(PLACE, words.join("\n        "));
    },
  };
}
