// The words on the screen, from the same files as the page's.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Texts, type Language } from "../../packages/i18n/src/index.js";
import { ROOT } from "./world.js";

export { LANGUAGES, OWN_NAMES, type Language } from "../../packages/i18n/src/index.js";

/** The texts of a language. */
export const textsOf = (language: Language): Texts =>
  new Texts(language, readFileSync(join(ROOT, "catalogue/locales", `${language}.json`), "utf8"));
