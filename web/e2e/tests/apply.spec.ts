// Applications: changed and taken back, two at a time, and a draft that waits for her.

import { DESK, PHONE, day, expect, test } from "../src/test.js";

test("an application is changed, and taken back; the draft of it survives a reload", async ({ arrives, offices }) => {
  const she = await arrives("en", DESK);
  await she.begin();
  await she.papers(offices);

  // Half-answered, then the page is closed and comes again.
  await she.go("services");
  await she.openService("work-permit");
  await she.answer("region", "RU-TVE");
  await she.answer("occupation", "Seamstress");
  await she.page.reload();
  await she.unlock();
  await expect(she.question("occupation")).toHaveValue("Seamstress");
  await expect(she.question("region")).toHaveValue("RU-TVE");
  await she.answer("months", "12");
  await she.press("portal-next");
  await she.page.getByRole("region", { name: she.kind("medical-certificate") }).getByRole("checkbox").check();
  await she.press("portal-apply-send");
  await she.sees("portal-sent-title");
  await she.press("portal-sent-follow");
  await she.filed();

  await she.press("portal-amend");
  await expect(she.heading(she.t("service-work-permit-title"))).toBeVisible();
  await she.answer("region", "RU-TVE");
  await she.answer("occupation", "Cutter");
  await she.answer("months", "6");
  await she.press("portal-next");
  await she.page.getByRole("region", { name: she.kind("medical-certificate") }).getByRole("checkbox").check();
  await she.press("portal-apply-send");
  await she.press("portal-sent-follow");
  await expect(she.says(she.t("portal-amended", { count: 1 }))).toBeVisible();

  await she.press("portal-withdraw");
  await expect(she.page.getByRole("alert")).toContainText(she.t("portal-sure-withdraw"));
  await she.press("portal-yes-withdraw");
  await she.fetchUntil(she.says(she.t("portal-state-withdrawn")));
  await expect(she.button("portal-withdraw")).toHaveCount(0);
});

test("two procedures at the same time do not get in each other's way", async ({ arrives, offices }) => {
  const she = await arrives("ru", PHONE);
  await she.begin();
  await she.papers(offices);
  await she.link(offices, "landlord");
  await she.go("services");
  await she.openService("work-permit");
  await she.answer("region", "RU-TVE");
  await she.answer("occupation", "Швея");
  await she.answer("months", "12");
  await she.press("portal-next");
  await she.page.getByRole("region", { name: she.kind("medical-certificate") }).getByRole("checkbox").check();
  await she.press("portal-apply-send");
  await she.press("portal-sent-follow");
  const permit = await she.filed();

  // The landlord learns one date of hers, and nothing else.
  await she.go("services");
  await she.openService("tenancy-check");
  await she.press("portal-next");
  await she.sees("portal-leaving-title", { org: she.org("landlord") });
  await expect(she.page.getByRole("definition")).toHaveCount(1);
  await expect(she.page.locator("main")).not.toContainText(she.me.passport);
  await expect(she.page.locator("main")).not.toContainText(she.me.original);
  // A border crossing has no one-time copies: she is told what that means, and says yes.
  await she.page.getByRole("checkbox", { name: she.t("portal-linkable") }).check();
  await she.press("portal-apply-send");
  await she.press("portal-sent-follow");
  const room = await she.filed();
  expect(room).not.toBe(permit);

  await offices.grant("landlord", room);
  await she.go("applications");
  await she.fetchUntil(she.page.getByRole("link", { name: she.t("service-tenancy-check-title") }).filter({ hasText: she.t("portal-state-decided") }));
  await expect(she.page.getByRole("link", { name: she.t("service-work-permit-title") })).not.toContainText(she.t("portal-state-decided"));
  await offices.gateway("immigration", "ask-more", permit, "Пришлите договор", "--due", day(20));
  await she.fetchUntil(she.page.getByRole("link", { name: she.t("service-work-permit-title") }).filter({ hasText: she.t("portal-state-more-needed") }));
});
