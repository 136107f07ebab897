// The pages from her own machine: no code is taken from a hub, and organisations at two hubs are reached.

import { join } from "node:path";
import { OUT } from "../playwright.config.js";
import { PHONE, Person, expect, test } from "../src/test.js";
import { World } from "../src/world.js";

test("with `denizen portal` she begins, links at two hubs, and unlocks; no hub serves her a page", async ({ browser }) => {
  test.setTimeout(240_000);
  const here = await World.start(["border"]);
  const there = await World.start(["clinic"]);
  try {
    const url = await here.startPortal(there.url);
    const she = await Person.at(browser, url, "en", PHONE);
    const origins = new Set<string>();
    she.page.on("request", (request) => origins.add(new URL(request.url()).origin));
    await she.begin();
    await she.link(here, "border");
    await she.link(there, "clinic");
    await here.border(she.me);
    await there.clinic(she.me);
    await she.go("records");
    for (const kind of ["travel-document", "medical-certificate"]) await she.fetchUntil(she.page.getByRole("link", { name: she.kind(kind) }));
    await she.lock();
    await she.unlock();
    await she.openRecord(she.kind("travel-document"));
    await expect(she.says(she.me.passport)).toBeVisible();
    expect([...origins].filter((origin) => origin.startsWith("http"))).toEqual([url]);

    // One of the two does not answer: what the other has for her comes, and she is told since when.
    const [away = ""] = she.t("portal-hub-away", { orgs: "City Clinic No. 4", date: "|" }).split("|");
    await there.stopHub();
    // So says what serves her the pages.
    she.answers.add(502);
    await here.left(she.me);
    await she.go("home");
    await she.fetchUntil(she.says(away));
    await she.go("records");
    await she.fetchUntil(she.page.getByRole("link", { name: she.kind("border-crossing") }));
    there.startHub();
    await she.go("home");
    await expect(she.says(away)).toBeVisible();
    await expect(async () => {
      await she.press("portal-fetch");
      await expect(she.says(away)).toBeHidden({ timeout: 700 });
    }).toPass({ timeout: 75_000 });

    // The policy of both is one: nothing is widened here.
    const policy = async (at: string) => (await fetch(at)).headers.get("content-security-policy");
    expect(await policy(url)).toBe(await policy(here.url));

    // A hub that was not named is not reached, and the page says how.
    const stranger = await World.start(["centre"]);
    try {
      await she.go("links");
      await she.press("portal-link-new");
      await she.field("portal-invitation").fill(await stranger.invite("centre", she.me.case));
      await she.press("portal-invitation-read");
      await expect(she.says(she.t("portal-invitation-through", { hubs: `${here.url}, ${there.url}` }))).toBeVisible();
    } finally {
      await stranger.stop();
    }
    await she.close();
  } finally {
    await there.stop();
    await here.stop();
  }
});

test("everything is deleted at two hubs: what is at the one that does not answer is told, and goes once it does", async ({ browser }) => {
  test.setTimeout(240_000);
  const here = await World.start(["border"]);
  const there = await World.start(["clinic"]);
  try {
    const she = await Person.at(browser, await here.startPortal(there.url), "ru", PHONE);
    await she.begin();
    await she.link(here, "border");
    await she.link(there, "clinic");
    await there.stopHub();
    // The portal says that the hub behind it does not answer.
    she.answers.add(502);
    await she.go("ways");
    await she.press("portal-leave");
    await she.field("portal-leave-sure").check();
    await she.press("portal-leave-yes");
    await expect(she.says(she.t("portal-leave-progress", { done: 1, all: 3 }))).toBeVisible();
    await expect(she.says(she.t("portal-leave-left", { orgs: she.org("clinic"), hub: there.url }))).toBeVisible();
    await expect(she.button("portal-leave-without-yes")).toBeVisible();
    await she.fine();
    await she.page.screenshot({ path: join(OUT, "leave", "away.png"), fullPage: true });

    there.startHub();
    await expect(async () => {
      if (await she.button("portal-leave-again").isVisible()) await she.press("portal-leave-again");
      await expect(she.heading(she.t("portal-leave-gone"))).toBeVisible({ timeout: 700 });
    }).toPass({ timeout: 75_000 });
    await she.close();
  } finally {
    await there.stop();
    await here.stop();
  }
});
