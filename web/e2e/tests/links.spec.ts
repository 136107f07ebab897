// What a person does with a link: freeze it, write over it, end it, destroy it.

import { PHONE, expect, test, type Person } from "../src/test.js";

/** The home screen that her browser keeps, sealed; nothing if it keeps none. */
const keptHome = (she: Person): Promise<string | undefined> => she.page.evaluate(async () => {
  const asked = indexedDB.open("denizen");
  await new Promise((done) => (asked.onsuccess = done));
  const kept = asked.result.transaction("kept").objectStore("kept").get("home");
  await new Promise((done) => (kept.onsuccess = done));
  asked.result.close();
  return kept.result === undefined ? undefined : [...(kept.result as Uint8Array)].join();
});

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

  // What is destroyed there does not come back: it is asked for only after a second yes.
  await she.press("portal-erase");
  await expect(she.page.getByRole("alert")).toContainText(she.t("portal-sure-erase", { org: she.org("border") }));
  await expect(she.says(she.t("portal-history-erased", { org: she.org("border") }))).toHaveCount(0);
  await she.press("portal-yes-erase");
  await expect(she.says(she.t("portal-history-erased", { org: she.org("border") }))).toBeVisible();

  // The second yes says what it means; the way back is beside it.
  await she.press("portal-link-close");
  await expect(she.page.getByRole("alert")).toContainText(she.t("portal-sure-close", { org: she.org("border") }));
  await she.press("portal-no");
  await expect(she.page.getByRole("alert")).toHaveCount(0);
  await she.press("portal-link-close");
  await she.press("portal-yes-close");
  await expect(she.says(she.t("portal-link-closed"))).toBeVisible();
  await expect(she.button("portal-freeze")).toHaveCount(0);

  // What came stays hers until she destroys it.
  await she.go("records");
  await expect(she.page.getByRole("link", { name: she.kind("travel-document") })).toBeVisible();
  await she.go("links");
  await she.page.getByRole("link", { name: she.org("border") }).click();
  await she.press("portal-shred");
  await expect(she.page.getByRole("alert")).toContainText(she.t("portal-sure-shred", { org: she.org("border") }));
  await expect.poll(() => keptHome(she)).toBeDefined();
  const before = await keptHome(she);
  // The hub's answer is held back: from the first moment on there is no home screen with what goes.
  let go = (): void => undefined;
  let asked = 0;
  const answered = new Promise<void>((done) => (go = done));
  await she.page.context().route(/\/v1\/addresses\//, async (route) => {
    if (route.request().method() !== "DELETE") return route.fallback();
    asked += 1;
    await answered;
    await route.continue();
  });
  await she.button("portal-yes-shred").click();
  await expect.poll(() => asked).toBeGreaterThan(0);
  expect(await keptHome(she)).toBeUndefined();
  go();
  await she.calm();
  await she.page.context().unrouteAll({ behavior: "wait" });
  await she.go("records");
  await expect(she.page.getByRole("link", { name: she.kind("travel-document") })).toHaveCount(0);
  expect(await keptHome(she)).not.toBe(before);
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
  other.answers.add(403);
  await other.begin();
  await other.go("links");
  await other.press("portal-link-new");
  await other.field("portal-invitation").fill(invitation);
  await other.press("portal-invitation-read");
  await other.press("portal-link-accept");
  await other.fetchUntil(other.page.getByText(other.t("err-pass-used")));
});

/** Says a call to her worker as the page does; gives the code of its problem, or nothing if it went. */
const says = async (she: Person, method: string, ...args: unknown[]): Promise<string | undefined> => {
  const [worker] = she.page.workers();
  if (worker === undefined) throw new Error("there is no worker");
  return worker.evaluate(([called, given]) => new Promise<string | undefined>((done) => {
    const scope = globalThis as unknown as { onmessage(event: object): void; postMessage(said: { id: number; problem?: { code: string } }): void };
    const post = scope.postMessage;
    scope.postMessage = (said) => {
      if (said.id !== -1) return post.call(scope, said);
      scope.postMessage = post;
      done(said.problem?.code);
    };
    scope.onmessage({ data: { id: -1, method: called, args: given } });
  }), [method, args] as const);
};

test("an invitation that she went away from, or read another one after, is not accepted any more", async ({ arrives, offices }) => {
  const she = await arrives("en");
  await she.begin();
  const [clinic, border] = [await offices.invite("clinic", she.me.case), await offices.invite("border", she.me.case)];
  const reads = async (invitation: string) => {
    await she.field("portal-invitation").fill(invitation);
    await she.press("portal-invitation-read");
    await expect(she.button("portal-link-accept")).toBeVisible();
  };
  await she.go("links");
  await she.press("portal-link-new");
  await reads(clinic);
  await she.press("portal-back");
  expect(await says(she, "acceptInvitation"), "left with the button").toBe("invitation-malformed");
  await reads(clinic);
  await she.go("home");
  expect(await says(she, "acceptInvitation"), "left for another place").toBe("invitation-malformed");

  expect(await says(she, "readInvitation", clinic)).toBeUndefined();
  expect(await says(she, "readInvitation", "no invitation")).toBe("invitation-malformed");
  expect(await says(she, "acceptInvitation"), "one that is refused takes its place too").toBe("invitation-malformed");

  await she.go("links");
  await she.press("portal-link-new");
  await reads(border);
  await she.press("portal-link-accept");
  await expect(she.heading(she.org("border"))).toBeVisible();
  expect(await says(she, "acceptInvitation"), "used").toBe("invitation-malformed");
  await she.go("links");
  await expect(she.page.getByRole("link", { name: she.org("border") })).toHaveCount(1);
  await expect(she.page.getByRole("link", { name: she.org("clinic") })).toHaveCount(0);
});
