// What a person does with a link: freeze it, write over it, end it, destroy it.

import { PHONE, expect, test } from "../src/test.js";

test("a link is frozen and opened, a note goes over it, it ends, and is destroyed", async ({ arrives, offices }) => {
  const she = await arrives("ru", PHONE);
  await she.begin();
  await she.link(offices, "border");
  await offices.border(she.me);
  await she.go("records");
  await she.fetchUntil(she.page.getByRole("link", { name: she.kind("travel-document") }));
  await she.go("links");
  await she.page.getByRole("link", { name: she.org("border") }).click();
  await expect(she.heading(she.org("border"))).toBeVisible();

  await she.press("portal-freeze");
  await expect(she.button("portal-unfreeze")).toBeVisible();
  await she.press("portal-unfreeze");
  await expect(she.button("portal-freeze")).toBeVisible();

  const words = `Пишите мне по-узбекски, ${she.me.case}`;
  await she.field("portal-note-text").fill(words);
  await she.press("portal-send");
  await expect(she.field("portal-note-text")).toHaveValue("");
  await expect(async () => {
    expect(await offices.gateway("border", "notes")).toContain(words);
  }).toPass({ timeout: 30_000 });

  // The second yes says what it means; the way back is beside it.
  await she.press("portal-link-close");
  await expect(she.page.getByRole("alert")).toContainText(she.t("portal-sure-close", { org: she.org("border") }));
  await she.press("portal-no");
  await expect(she.page.getByRole("alert")).toHaveCount(0);
  await she.press("portal-link-close");
  await she.press("portal-yes");
  await expect(she.says(she.t("portal-link-closed"))).toBeVisible();
  await expect(she.button("portal-freeze")).toHaveCount(0);

  // What came stays hers until she destroys it.
  await she.go("records");
  await expect(she.page.getByRole("link", { name: she.kind("travel-document") })).toBeVisible();
  await she.go("links");
  await she.page.getByRole("link", { name: she.org("border") }).click();
  await she.press("portal-shred");
  await expect(she.page.getByRole("alert")).toContainText(she.t("portal-sure-shred", { org: she.org("border") }));
  await she.press("portal-yes");
  await she.go("records");
  await expect(she.page.getByRole("link", { name: she.kind("travel-document") })).toHaveCount(0);
  await she.go("links");
  await expect(she.page.getByRole("link", { name: she.org("border") })).toHaveCount(0);
});

test("an invitation that was used, or is no invitation, is refused in plain words", async ({ arrives, offices }) => {
  const she = await arrives("en");
  await she.begin();
  const invitation = await offices.invite("clinic", she.me.case);
  await she.go("links");
  await she.press("portal-link-new");
  await she.field("portal-invitation").fill("Hello, I am from the clinic");
  await she.press("portal-invitation-read");
  await expect(she.page.getByRole("alert")).toContainText(she.t("err-invitation-malformed"));
  await she.field("portal-invitation").fill(invitation);
  await she.press("portal-invitation-read");
  await expect(she.says(she.t("portal-quality-authority"))).toBeVisible();
  await she.press("portal-link-accept");
  await she.fetchUntil(she.page.getByText(/^\d{6}$/));

  // Somebody else has the same letter: the clinic takes it once.
  const other = await arrives("ru", PHONE);
  await other.begin();
  await other.go("links");
  await other.press("portal-link-new");
  await other.field("portal-invitation").fill(invitation);
  await other.press("portal-invitation-read");
  await other.press("portal-link-accept");
  await other.fetchUntil(other.page.getByText(other.t("err-pass-used")));
});
