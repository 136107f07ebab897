// With the keyboard alone: Tab, Enter, Space, and typing.

import { DESK, PASSPHRASE, expect, test, type Person } from "../src/test.js";
import type { Locator } from "@playwright/test";
import type { Offices } from "../src/world.js";

/** Presses Tab until something has the focus; it must be seen there. */
async function tabTo(she: Person, wanted: Locator): Promise<void> {
  for (let pressed = 0; pressed < 120; pressed += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement).catch(() => false)) {
      const ring = await wanted.evaluate((element) => {
        // A small box has its ring around the line that it stands in.
        const line = element.matches("[type=checkbox], [type=radio]") ? (element.parentElement ?? element) : element;
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(line);
        return (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
      });
      expect(ring, "the focus is seen").toBe(true);
      return;
    }
    await she.page.keyboard.press("Tab");
  }
  throw new Error("Tab does not come there");
}

async function hit(she: Person, key: string, how: "Enter" | "Space" = "Enter", slots = {}): Promise<void> {
  await tabTo(she, she.button(key, slots));
  await she.page.keyboard.press(how);
  await she.calm();
}

async function type(she: Person, field: Locator, text: string): Promise<void> {
  await tabTo(she, field);
  await she.page.keyboard.insertText(text);
}

async function follow(she: Person, link: Locator): Promise<void> {
  await tabTo(she, link);
  await she.page.keyboard.press("Enter");
}

async function fetchUntil(she: Person, seen: Locator): Promise<void> {
  await expect(async () => {
    if (!(await seen.first().isVisible())) await hit(she, "portal-fetch");
    await expect(seen.first()).toBeVisible({ timeout: 700 });
  }).toPass({ timeout: 60_000 });
}

const place = (she: Person, name: string): Locator => she.page.getByRole("navigation").getByRole("link", { name: she.t(`portal-place-${name}`), exact: true });

/** A profile is made. */
async function begins(she: Person): Promise<void> {
  await she.page.goto(she.url);
  await tabTo(she, she.page.getByRole("button", { name: "English", exact: true }));
  await she.page.keyboard.press("Enter");
  await she.sees("portal-welcome-title");
  await hit(she, "portal-begin", "Space");
  await expect(she.button("portal-kit-have")).toBeVisible({ timeout: 30_000 });
  const { words } = await she.readKit();
  await hit(she, "portal-kit-have");
  await she.sees("portal-kit-confirm-title");
  for (let number = 1; number <= words.length; number += 1) {
    const field = she.field("portal-kit-word", { number });
    if (await field.count() === 1) await type(she, field, words[number - 1] ?? "");
  }
  await she.page.keyboard.press("Enter");
  await she.sees("portal-way-title");
  await type(she, she.field("portal-pass"), PASSPHRASE);
  await type(she, she.field("portal-pass-again"), PASSPHRASE);
  await she.page.keyboard.press("Enter");
  await she.sees("portal-home-title");
  // The heading of a new screen has the focus, so that it is read from there.
  await expect(she.heading(she.t("portal-home-title"))).toBeFocused();
}

/** She links with the offices of the work permit. */
async function linksAll(she: Person, offices: Offices): Promise<void> {
  for (const office of ["border", "clinic", "centre", "immigration"] as const) {
    const invitation = await offices.invite(office, she.me.case);
    await follow(she, place(she, "links"));
    await hit(she, "portal-link-new");
    await type(she, she.field("portal-invitation"), invitation);
    await hit(she, "portal-invitation-read");
    await hit(she, "portal-link-accept");
    const digits = she.page.getByText(/^\d{6}$/);
    await fetchUntil(she, digits);
    await offices.confirm(office, she.me.case, await digits.innerText());
  }
}

test("the whole way with the keyboard alone", async ({ arrives, offices }) => {
  const she = await arrives("en", DESK);
  await begins(she);
  await linksAll(she, offices);
  await Promise.all([offices.border(she.me), offices.clinic(she.me), offices.centre(she.me)]);
  const paper = (kind: string) => she.page.getByRole("link", { name: she.kind(kind) });
  await follow(she, place(she, "records"));
  for (const kind of ["travel-document", "medical-certificate", "language-certificate"]) await fetchUntil(she, paper(kind));
  await follow(she, paper("travel-document").first());
  await hit(she, "portal-receipt-check");
  await expect(she.says(she.t("portal-receipt-good"))).toBeVisible();

  await follow(she, place(she, "services"));
  await follow(she, she.page.getByRole("link", { name: she.t("service-work-permit-title") }));
  she.service = "work-permit";
  await type(she, she.question("months"), "12");
  await type(she, she.question("occupation"), "Seamstress");
  await type(she, she.question("region"), "RU-TVE");
  await hit(she, "portal-next");
  await she.sees("portal-leaving-title", { org: she.org("immigration") });
  await tabTo(she, she.page.getByRole("region", { name: she.kind("medical-certificate") }).getByRole("checkbox"));
  await she.page.keyboard.press("Space");
  await hit(she, "portal-apply-send");
  await she.sees("portal-sent-title");
  await hit(she, "portal-sent-follow");
  await expect(she.says(she.t("portal-state-sent"))).toBeVisible();

  // It is decided, and she reads it.
  const number = she.page.getByText(/^A-[0-9A-Z]{8}$/);
  await fetchUntil(she, number);
  await offices.grant("immigration", await number.first().innerText(), offices.permit());
  const decision = she.page.getByRole("link", { name: new RegExp(`^${she.kind("work-permit")}`) });
  await follow(she, place(she, "records"));
  await fetchUntil(she, decision);
  await follow(she, decision.first());
  await expect(she.heading(she.kind("work-permit"))).toBeFocused();
  await expect(she.page.getByRole("main")).toContainText("69 2600418831");
  await follow(she, place(she, "applications"));
  await follow(she, she.page.getByRole("link", { name: she.t("service-work-permit-title") }));
  await expect(she.says(she.t("portal-state-decided"))).toBeVisible();

  // The menu is skipped with one key: what has the focus is the screen's heading, and the next Tab is in it.
  await she.page.reload();
  await type(she, she.field("portal-pass"), PASSPHRASE);
  await she.page.keyboard.press("Enter");
  await expect(she.button("portal-lock")).toBeVisible();
  await follow(she, place(she, "records"));
  await expect(she.heading(she.t("portal-place-records"))).toBeFocused();
  await follow(she, she.page.getByRole("link", { name: she.t("portal-skip"), exact: true }));
  await expect(she.heading(she.t("portal-place-records"))).toBeFocused();
  await she.page.keyboard.press("Tab");
  expect(await she.page.evaluate(() => document.activeElement?.closest("main") !== null)).toBe(true);
  await hit(she, "portal-lock");
  await she.sees("portal-unlock-title");
});
