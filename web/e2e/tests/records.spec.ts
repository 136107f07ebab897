// What is wrong with a record: a decision against her, an objection with a paper, a record of somebody else.

import { PHONE, day, expect, test } from "../src/test.js";

/** A photo, as small as they come. */
const PAPER = { name: "билет.png", mimeType: "image/png", buffer: Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=", "base64") };

test("a decision against her comes first; she objects with a paper, and the office corrects it", async ({ arrives, offices }) => {
  const she = await arrives("ru", PHONE);
  const title = she.kind("administrative-offence");
  await she.begin();
  await she.link(offices, "police");
  await offices.police(she.me);

  // On the home page it stands before everything that she has.
  await she.go("home");
  const now = she.page.getByRole("region", { name: she.t("portal-now") });
  await she.fetchUntil(now.getByRole("link", { name: title }));
  const against = she.t("portal-now-adverse", { org: she.org("police") });
  await expect(now.getByText(against)).toBeVisible();
  // Its title and the sentence are read out one after the other, not as one.
  await expect(now.getByRole("listitem").filter({ hasText: title }).first().getByRole("paragraph")).toHaveText([
    title, against,
    // What it rests on, what it does and until when it can be appealed stand here already.
    /^Основание: КоАП РФ, статья 18\.8/, she.t("cli-notice-effect", { value: she.t("value-administrative-offence-penalty-type-fine") }), new RegExp(`^${she.t("cli-notice-appeal-until", { value: "" }).trim()} ${Number(day(6).slice(8))} `),
  ]);
  await now.getByRole("link", { name: title }).first().click();
  await expect(she.heading(title)).toBeVisible();

  // Ground, effect and appeal stand before the claims.
  const notice = she.page.getByRole("region", { name: she.t("portal-tag-adverse") });
  await expect(notice).toContainText("Пролетарский районный суд");
  const [above, below] = await Promise.all([notice.boundingBox(), she.page.getByRole("term").first().boundingBox()]);
  expect(above?.y).toBeLessThan(below?.y ?? 0);

  // Without words it does not go.
  await she.press("portal-dispute");
  await she.sees("portal-dispute");
  await she.press("portal-dispute-send");
  await expect(she.page.getByRole("alert")).toHaveText(she.t("portal-dispute-missing"));
  await she.page.getByRole("checkbox", { name: new RegExp(`^${she.t("claim-administrative-offence-penalty-amount")}`) }).check();
  await she.field("portal-dispute-text").fill(`Меня не было в городе, вот билет ${she.me.case}`);
  await she.field("portal-dispute-papers").setInputFiles(PAPER);
  await she.press("portal-dispute-send");
  await expect(she.heading(title)).toBeVisible();
  await expect(she.page.getByRole("region", { name: she.t("portal-disputes") })).toContainText(she.me.case);
  await expect(she.page.getByRole("region", { name: she.t("portal-as-i-say") })).toBeVisible();

  // The office has it: from now on the record is contested for everybody.
  const number = await offices.dispute("police", she.me.case);
  await she.fetchUntil(she.page.locator("main").getByText(she.t("cli-record-status-contested"), { exact: true }));
  await offices.gateway("police", "answer", number, "--uphold", await offices.correctedOffence(she.me));
  await she.fetchUntil(she.page.getByRole("region", { name: she.t("portal-disputes") }).getByText(she.t("cli-dispute-upheld")));
  await expect(she.says(she.t("cli-superseded"))).toBeVisible();

  // The police opened her objection: she was told why, and which claims, in words.
  await she.go("history");
  const opened = she.page.getByRole("listitem").filter({ hasText: she.t("portal-history-for-dispute") }).first();
  await expect(opened).toContainText(she.org("police"));
  await opened.locator("summary").click();
  await expect(opened).toContainText(`${title}: `);
  await expect(opened).toContainText(she.t("claim-administrative-offence-article"));
  await expect(opened).not.toContainText(/record: |dispute|penalty/);
  const said = she.page.getByRole("listitem").filter({ hasText: she.t("portal-history-disputed", { org: she.org("police") }) }).first();
  await expect(said).toContainText(she.me.case);
});

test("a record of somebody else is returned, and its sender is frozen", async ({ arrives, offices }) => {
  const she = await arrives("en");
  await she.begin();
  await she.link(offices, "border");
  await offices.border({ ...she.me, original: "Каримова Азиза Хамидовна", latin: "Karimova Aziza Hamidovna", birth: "1969-05-02" });
  await she.openRecord(she.kind("travel-document"));
  await expect(she.says("1969")).toBeVisible();
  await she.press("portal-not-mine");
  await she.sees("portal-not-mine");
  await she.field("portal-words-optional").fill("Another Aziza Karimova");
  await she.press("portal-not-mine-send");
  await expect(she.heading(she.kind("travel-document"))).toBeVisible();
  await expect(she.button("portal-not-mine")).toBeDisabled();
  await she.go("links");
  await expect(she.says(she.t("cli-link-frozen"))).toBeVisible();
  // It is no longer among what counts, and is still there when she looks for it.
  await she.go("records");
  await expect(she.page.getByRole("link", { name: she.kind("travel-document") })).toHaveCount(0);
  await she.page.getByRole("checkbox", { name: she.t("portal-show-old") }).check();
  await expect(she.page.getByRole("link", { name: she.kind("travel-document") })).toContainText(she.t("portal-tag-returned"));
});

test("a message is on the home page until she has read it, also after a lock", async ({ arrives, offices }) => {
  const she = await arrives("ru", PHONE);
  await she.begin();
  await she.link(offices, "police");
  await offices.gateway("police", "note", she.me.case, "Приходите с паспортом");
  await she.go("home");
  const message = she.page.getByRole("region", { name: she.t("portal-now") }).getByRole("link", { name: she.t("portal-history-note", { org: she.org("police") }) });
  await she.fetchUntil(message);
  await expect(she.page.getByText(she.t("portal-now-nothing"))).toHaveCount(0);
  await she.lock();
  await she.unlock();
  await message.click();
  await she.sees("portal-place-history");
  await expect(she.says("Приходите с паспортом")).toBeVisible();
  await she.go("home");
  await expect(she.says(she.t("portal-now-nothing"))).toBeVisible();
  await expect(message).toHaveCount(0);
  await she.lock();
  await she.unlock();
  await expect(she.says(she.t("portal-now-nothing"))).toBeVisible();
  await expect(message).toHaveCount(0);
});

test("searching and picking happen in the browser: nothing is asked of anybody", async ({ arrives, offices }) => {
  const she = await arrives("en");
  await she.begin();
  await she.link(offices, "border");
  await offices.border(she.me);
  await she.go("records");
  await she.fetchUntil(she.page.getByRole("link", { name: she.kind("border-crossing") }));
  await she.fetchUntil(she.page.getByText(she.t("portal-found", { count: 4 })));
  const asked: string[] = [];
  she.page.on("request", (request) => asked.push(request.url()));
  await she.page.getByRole("searchbox").fill("travel");
  await expect(she.page.getByRole("main").getByRole("status")).toHaveText(she.t("portal-found", { count: 1 }));
  await she.page.getByRole("searchbox").fill("");
  await she.field("portal-category").selectOption({ label: she.t("category-border") });
  await expect(she.page.getByRole("main").getByRole("status")).toHaveText(she.t("portal-found", { count: 3 }));
  await expect(she.page.getByRole("link", { name: she.kind("travel-document") })).toHaveCount(0);
  expect(asked).toEqual([]);
});

test("a long list begins with the newest; the others are read when she looks for them, and paper has all", async ({ arrives, offices }) => {
  const she = await arrives("ru", PHONE);
  await she.begin();
  await she.link(offices, "border");
  await offices.crossings(she.me, 45);
  await she.go("records");
  await she.fetchUntil(she.page.getByText(she.t("portal-found", { count: 45 }), { exact: true }));
  const rows = she.page.locator("ul.cards > li");
  await expect(rows).toHaveCount(20);

  // Whoever prints from the browser's menu gets what is there, and is told so.
  const part = she.page.getByText(she.t("portal-print-part", { count: 20 }));
  await expect(part).toBeHidden();
  await she.page.emulateMedia({ media: "print" });
  await expect(part).toBeVisible();
  await she.page.emulateMedia({ media: "screen" });

  // The button prints all of them.
  await she.page.evaluate(() => {
    window.print = () => {
      window.dispatchEvent(new Event("beforeprint"));
      document.body.dataset["printed"] = String(document.querySelectorAll("ul.cards > li").length);
    };
  });
  await she.press("portal-print");
  await expect(she.page.locator("body")).toHaveAttribute("data-printed", "45");
  await expect(part).toHaveCount(0);

  // Another visit begins with the newest again; more of them come by twenties, and searching looks through all.
  await she.go("home");
  await she.go("records");
  await expect(rows).toHaveCount(20);
  await she.page.getByRole("button", { name: she.t("portal-more", { count: 25 }) }).click();
  await expect(rows).toHaveCount(40);
  // At her width what she can look for stands behind its name, so that the first record comes before it.
  await expect(she.page.getByRole("searchbox")).toBeHidden();
  await she.page.getByText(she.t("portal-search")).click();
  await she.page.getByRole("searchbox").fill(she.kind("border-crossing").slice(0, 6).toUpperCase());
  await expect(she.page.getByRole("main").getByRole("status")).toHaveText(she.t("portal-found", { count: 45 }));
  await she.page.getByRole("searchbox").fill("nothing of the kind");
  await expect(she.page.getByRole("main").getByRole("status")).toHaveText(she.t("portal-found", { count: 0 }));
  await she.page.getByRole("searchbox").fill("");
  await expect(rows).toHaveCount(20);
});

test("what was asked for on a screen that she left is not kept for another", async ({ arrives, offices }) => {
  const she = await arrives("en");
  interface Held { rowsAsked: number; letGo(): void }
  await she.page.addInitScript(() => {
    const post = Worker.prototype.postMessage as (this: Worker, ...given: unknown[]) => void;
    const waiting: (() => void)[] = [];
    let holds = true;
    const held = globalThis as unknown as Held;
    held.rowsAsked = 0;
    held.letGo = () => {
      holds = false;
      for (const go of waiting) go();
    };
    Worker.prototype.postMessage = function (this: Worker, ...given: unknown[]): void {
      const isRows = (given[0] as { method?: string }).method === "rows";
      if (isRows) held.rowsAsked += 1;
      if (isRows && holds) waiting.push(() => post.apply(this, given));
      else post.apply(this, given);
    };
  });
  const asked = () => she.page.evaluate(() => (globalThis as unknown as Held).rowsAsked);
  await she.begin();
  await she.link(offices, "border");
  await offices.border(she.me);
  await she.go("records");
  await she.fetchUntil(she.page.getByText(she.t("portal-found", { count: 4 })));
  await she.page.getByRole("searchbox").fill("travel");
  await expect.poll(asked).toBe(1);
  await expect(she.page.getByRole("main").getByRole("status")).toHaveText(she.t("portal-busy-read"));

  // It is answered after she went away: whose rows they were, nobody knows by then.
  await she.go("home");
  await she.page.evaluate(() => (globalThis as unknown as Held).letGo());
  await she.go("history");
  await she.go("records");
  await she.page.getByRole("searchbox").fill("travel");
  await expect(she.page.getByRole("main").getByRole("status")).toHaveText(she.t("portal-found", { count: 1 }));
  expect(await asked()).toBe(2);
});
