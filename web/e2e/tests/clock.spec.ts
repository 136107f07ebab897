// The clock of her device is wrong: she sees what she has, one notice says so, and nothing is called valid.

import { PHONE, expect, test, type Person } from "../src/test.js";

/** From now on the worker's clock stands elsewhere: it is not the page's, and opens anew with the page. */
async function clockStands(she: Person, ms: string): Promise<void> {
  // What the service worker keeps would come without a request.
  await she.page.evaluate(async () => {
    for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
  });
  const worker = /\/assets\/worker-[^/]*\.js$/;
  await she.page.context().unroute(worker);
  await she.page.context().route(worker, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: `Date.now = () => ${ms};\n${await answer.text()}` });
  });
}

for (const [what, ms, code] of [
  ["1970", "0", "clock-behind"],
  ["forty years ahead", `${40 * 365 * 86_400_000} + performance.timeOrigin + performance.now()`, "clock-or-keys"],
] as const) {
  test(`with a clock of ${what} she sees what she has and one notice`, async ({ arrives, offices }) => {
    const she = await arrives("en", PHONE);
    await she.begin();
    await she.link(offices, "border");
    await offices.border(she.me);
    await she.openRecord(she.kind("travel-document"));
    await she.go("home");
    await expect(she.page.getByText(she.t(`err-${code}`))).toHaveCount(0);

    await clockStands(she, ms);
    she.cut = true;
    await she.page.reload();
    await she.unlock();
    const notice = she.page.getByRole("alert").filter({ hasText: she.t(`rec-${code}`) }).first();
    await expect(notice).toContainText(she.t(`err-${code}`));
    await she.press("portal-fetch");
    await expect(she.page.getByText(she.t(`err-${code}`)), "it is said once").toHaveCount(1);
    await she.go("records");
    const card = she.page.getByRole("link", { name: she.kind("travel-document") }).first();
    await expect(card).toBeVisible();
    if (code === "clock-behind") {
      await expect(card).toContainText(she.t("cli-record-status-unknown"));
      await expect(card.getByText(she.t("cli-record-status-valid"), { exact: true })).toHaveCount(0);
    }
    await she.press("portal-fetch");
    await expect(she.page.getByRole("alert"), "and here to her who asks").toContainText(she.t(`err-${code}`));
    await expect(she.page.getByText(she.t("err-other-log"))).toHaveCount(0);
    // The service worker fetches its copy of the worker anew, and may still do so.
    await she.page.context().unrouteAll({ behavior: "ignoreErrors" });
  });
}
