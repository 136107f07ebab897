// Every screen in every language, light and dark, at 320 px: by axe with no rule switched off, without
// overflow, without a text that is missing. Screenshots are for people to look at.

import axe from "axe-core";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { OUT } from "../playwright.config.js";
import type { Page } from "@playwright/test";
import { SMALL, Person, expect, test } from "../src/test.js";
import { OWN_NAMES, type Language } from "../src/texts.js";
import type { Offices } from "../src/world.js";

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** English from right to left stands for every language that is written so. */
type Shown = Language | "rtl";
const languageOf = (shown: Shown): Language => (shown === "rtl" ? "en" : shown);

const SHOTS = join(OUT, "screens");

/** What axe finds. It comes into the page by the debugger, which the page's policy does not bind: the
 * policy stays as it is. It stays there until the page is loaded anew, which `AxeBuilder` does not use. */
async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  const found = await page.evaluate(async (tags) => {
    const run = (window as unknown as { axe: typeof axe }).axe.run;
    const results = await run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
    return results.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} (${n.any[0]?.message ?? n.failureSummary ?? ""})`).join(" | ")}`);
  }, WCAG);
  return found;
}

/** How light the page's ground is, 0 to 255. */
const ground = (page: Page): Promise<number> => page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)?.[0]));

/** What is wrong with a screen. */
async function look(she: Person, shown: Shown, name: string): Promise<string[]> {
  const { page } = she;
  const wrong: string[] = [];
  if (shown === "rtl") await page.evaluate(() => (document.documentElement.dir = "rtl"));
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    const light = await ground(page);
    if (scheme === "light" ? light < 200 : light > 60) wrong.push(`${shown} ${scheme} ${name}: the ground is ${light}`);
    for (const broken of await violations(page)) wrong.push(`${shown} ${scheme} ${name}: ${broken}`);
    if (shown === "en" || (shown === "ru" || shown === "rtl") && scheme === "light") {
      mkdirSync(join(SHOTS, shown), { recursive: true });
      await page.screenshot({ path: join(SHOTS, shown, `${name}-${scheme}.png`), fullPage: true });
    }
  }
  const { wide, text } = await page.evaluate(() => ({
    wide: [...document.querySelectorAll("body *")].filter((e) => {
      const box = e.getBoundingClientRect();
      const hidden = e.closest(".ds-skip-link") !== null || getComputedStyle(e).position === "absolute";
      return !hidden && box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
    }).map((e) => `${e.tagName.toLowerCase()}.${e.className.toString()}`).slice(0, 3).concat(document.documentElement.scrollWidth > innerWidth ? ["the page"] : []),
    text: document.body.innerText,
  }));
  if (wide.length > 0) wrong.push(`${shown} ${name}: wider than the screen: ${wide.join(", ")}`);
  const missing = text.match(/(?<![\w:.-])(portal|cli|err|rec|kind|claim|value|category|service|month)-[a-z_-]+|\{\w+\}|undefined|\[object|NaN|urn:denizen:\S+/g);
  if (missing !== null) wrong.push(`${shown} ${name}: no text: ${[...new Set(missing)].join(", ")}`);
  return wrong;
}

/** A profile in which everything is: papers, something against her, an objection, an application. */
async function fill(she: Person, offices: Offices): Promise<void> {
  await she.begin();
  for (const office of ["border", "clinic", "centre", "immigration", "police"] as const) await she.link(offices, office);
  await Promise.all([offices.border(she.me), offices.clinic(she.me), offices.centre(she.me), offices.police(she.me)]);
  await she.go("records");
  for (const kind of ["administrative-offence", "travel-document", "medical-certificate", "language-certificate", "border-crossing"]) {
    await she.fetchUntil(she.page.getByRole("link", { name: she.kind(kind) }));
  }
  await she.openRecord(she.kind("border-crossing"));
  await she.press("portal-dispute");
  await she.page.getByRole("checkbox").first().check();
  await she.field("portal-dispute-text").fill("I came a day later");
  await she.press("portal-dispute-send");
  await she.go("services");
  await she.openService("work-permit");
  await she.answer("region", "RU-TVE");
  await she.answer("occupation", "Seamstress");
  await she.answer("months", "12");
  await she.press("portal-next");
  await she.page.getByRole("region", { name: she.kind("medical-certificate") }).getByRole("checkbox").check();
  await she.press("portal-apply-send");
  await she.press("portal-sent-follow");
  // A person at the office opens the case, the police write to her, and the clinic destroys what it may.
  await offices.gateway("immigration", "show", await she.filed());
  await offices.gateway("police", "note", she.me.case, "Please bring your passport");
  await she.go("links");
  await she.page.getByRole("link", { name: she.org("clinic") }).click();
  await she.press("portal-erase");
  await she.press("portal-yes-erase");
  await she.go("history");
  for (const key of ["portal-history-opened", "portal-history-note"]) {
    const [before = ""] = she.t(key, { org: "ORG", role: "" }).split("ORG");
    await she.fetchUntil(she.page.getByText(before));
  }
  await she.fetchUntil(she.page.getByText(she.t("cli-kept-by-law", { what: "WHAT", law: "", date: "" }).split("WHAT")[0] ?? ""));
}

/** Every screen of an open profile, one after the other. */
async function inside(she: Person, offices: Offices, shown: Shown): Promise<string[]> {
  const wrong: string[] = [];
  const see = async (name: string) => {
    await she.calm();
    wrong.push(...await look(she, shown, name));
  };
  const { page } = she;
  await page.goto(`${she.url}/#/language`);
  await expect(page.getByRole("button", { name: OWN_NAMES[she.language], exact: true })).toBeVisible();
  await see("language");
  await page.getByRole("button", { name: OWN_NAMES[she.language], exact: true }).click();
  await she.sees("portal-home-title");
  await see("home");
  const menu = she.button("portal-menu");
  await menu.click();
  await see("menu");
  for (const place of ["records", "services", "applications", "links", "people", "history", "ways"]) {
    await she.go(place);
    if (place === "history") for (const line of await page.locator("main summary").all()) await line.click();
    await see(place);
  }
  await she.press("portal-leave");
  await she.sees("portal-leave");
  await see("leave");
  await she.go("records");
  await page.getByText(she.t("portal-search")).click();
  await see("records-search");
  await she.go("people");
  await she.press("portal-helping-open");
  await she.sees("portal-helping");
  await see("helping");
  for (const kind of ["administrative-offence", "border-crossing", "travel-document", "application-filed"]) {
    await she.go("records");
    await page.getByRole("link", { name: she.kind(kind) }).first().click();
    await expect(she.heading(she.kind(kind))).toBeVisible();
    if (kind === "travel-document") await she.press("portal-receipt-check");
    await see(`record-${kind}`);
  }
  await she.go("records");
  await page.getByRole("link", { name: she.kind("travel-document") }).click();
  await she.press("portal-dispute");
  await she.press("portal-dispute-send");
  await see("dispute-missing");
  await page.goBack();
  await she.press("portal-not-mine");
  await see("not-mine");
  await she.go("services");
  await she.openService("work-permit");
  await see("apply-questions");
  await she.answer("months", "99");
  await she.press("portal-next");
  await expect(page.getByRole("alert")).toBeVisible();
  await see("apply-refused");
  await she.answer("region", "RU-TVE");
  await she.answer("occupation", "Seamstress");
  await she.answer("months", "12");
  await she.press("portal-next");
  await she.sees("portal-leaving-title", { org: she.org("immigration") });
  await see("apply-leaving");
  await she.press("portal-back");
  await she.go("services");
  await she.openService("tenancy-check");
  await see("apply-not-linked");
  await she.go("applications");
  await page.getByRole("link", { name: she.t("service-work-permit-title") }).click();
  await she.press("portal-withdraw");
  await see("application-withdraw");
  await she.go("links");
  await page.getByRole("link", { name: she.org("border") }).click();
  await she.press("portal-link-close");
  await see("link-close");
  await she.go("links");
  await she.press("portal-link-new");
  await see("invitation");
  await she.press("portal-scan");
  await see("scan");
  await she.field("portal-invitation").fill("denizen:invite#nothing");
  await she.press("portal-invitation-read");
  await see("invitation-refused");
  await she.field("portal-invitation").fill(await offices.invite("landlord", `${she.me.case}-${shown}`));
  await she.press("portal-invitation-read");
  await see("invitation-read");
  await she.go("ways");
  await she.press("portal-kit-show");
  await she.press("portal-forget");
  await she.press("portal-way-add");
  await see("ways-open");
  await she.page.getByRole("region", { name: she.t("portal-renew"), exact: true }).getByRole("button", { name: she.t("portal-renew-begin"), exact: true }).click();
  await see("renew");
  await page.emulateMedia({ colorScheme: "light" });
  return wrong;
}

/** Every screen before a profile is open. */
async function outside(she: Person, shown: Shown): Promise<string[]> {
  const wrong: string[] = [];
  const see = async (name: string) => {
    await she.calm();
    wrong.push(...await look(she, shown, name));
  };
  await she.arrive();
  await see("welcome");
  await she.press("portal-in");
  await see("in");
  await she.press("portal-restore");
  await see("restore");
  await she.field("portal-restore-kit").fill("abandon abandon");
  await she.page.getByRole("main").getByRole("button", { name: she.t("portal-restore"), exact: true }).click();
  await see("restore-refused");
  await she.press("portal-back");
  await she.sees("portal-in-title");
  await she.press("portal-back");
  await she.press("portal-begin");
  await expect(she.button("portal-kit-have")).toBeVisible({ timeout: 30_000 });
  await see("kit");
  const { words } = await she.readKit();
  await she.press("portal-kit-have");
  await she.press("portal-next");
  await see("kit-wrong");
  await she.typeWords(words);
  await she.press("portal-next");
  await she.press("portal-pass-keep");
  await see("way-short");
  await she.choosePassphrase();
  await she.sees("portal-home-title");
  await see("home-empty");
  await she.lock();
  await she.unlock("not the passphrase");
  await see("unlock-refused");
  return wrong;
}

const groups: Shown[][] = [["en", "ru", "rtl"], ["uz", "tg", "ky"]];
for (const group of groups) {
  test(`every screen reads well in ${group.join(", ")}`, async ({ browser, arrives, offices }) => {
    test.setTimeout(240_000);
    const wrong: string[] = [];
    const first = await arrives(languageOf(group[0] ?? "en"), SMALL);
    await fill(first, offices);
    for (const shown of group) {
      first.language = languageOf(shown);
      wrong.push(...await inside(first, offices, shown));
      const she = await Person.at(browser, offices.url, languageOf(shown), SMALL);
      wrong.push(...await outside(she, shown));
      await she.close();
    }
    expect(wrong).toEqual([]);
  });
}
