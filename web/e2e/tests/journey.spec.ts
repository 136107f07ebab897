// The whole way: link, receive, read, apply, be decided on. In Russian on a narrow phone, in English at a
// desk, and once with the keyboard alone.

import { DESK, PHONE, expect, test, type Device, type Person } from "../src/test.js";
import type { Language } from "../src/texts.js";
import type { Offices } from "../src/world.js";

/** Links with the offices that a work permit needs, which then send what they have. */
async function receive(she: Person, offices: Offices): Promise<void> {
  for (const office of ["border", "clinic", "centre", "immigration"] as const) await she.link(offices, office);
  await Promise.all([offices.border(she.me), offices.clinic(she.me), offices.centre(she.me)]);
  await she.go("records");
  for (const kind of ["travel-document", "border-crossing", "medical-certificate", "language-certificate"]) {
    await she.fetchUntil(she.page.getByRole("link", { name: she.kind(kind) }));
  }
}

/** Answers the questions of the work permit, and goes on to what would leave. */
async function answer(she: Person): Promise<void> {
  await she.go("services");
  await she.openService("work-permit");
  await she.answer("region", "RU-TVE");
  await she.answer("occupation", "Швея");
  await she.answer("months", "12");
  await she.press("portal-next");
  await she.sees("portal-leaving-title", { org: she.org("immigration") });
}

const ways: [Language, Device][] = [["ru", PHONE], ["en", DESK]];
for (const [language, device] of ways) {
  test(`from nothing to a granted work permit, in ${language} at ${device.width} px`, async ({ arrives, offices }) => {
    const she = await arrives(language, device);
    await she.begin();
    await receive(she, offices);

    // The record page: in her language, with the original beside it; the receipt can be checked.
    await she.openRecord(she.kind("travel-document"));
    await expect(she.says(she.me.original)).toBeVisible();
    await expect(she.says(she.me.passport)).toBeVisible();
    await expect(she.page.getByRole("term").filter({ hasText: she.t("claim-travel-document-document_number") }).first()).toBeVisible();
    // Codes are in her words; the issuer's own stand beside them when she asks.
    const terms = she.page.getByText(she.t("portal-original", { value: "UZB" }));
    await expect(terms.first()).toBeHidden();
    await she.press("portal-originals");
    await expect(terms.first()).toBeVisible();
    await she.press("portal-receipt-check");
    await expect(she.says(she.t("portal-receipt-good"))).toBeVisible();

    // Exactly what leaves, and a second yes for the medical certificate.
    await answer(she);
    await expect(she.page.getByRole("region", { name: she.kind("travel-document") })).toContainText(she.me.passport);
    await expect(she.page.getByRole("region", { name: she.kind("border-crossing") })).toHaveCount(0);
    const send = she.button("portal-apply-send");
    await expect(send).toBeDisabled();
    const yes = she.page.getByRole("region", { name: she.kind("medical-certificate") }).getByRole("checkbox");
    await yes.check();
    await expect(send).toBeEnabled();
    await send.click();
    await she.calm();
    await she.sees("portal-sent-title");
    await she.press("portal-sent-follow");
    await expect(she.heading(she.t("service-work-permit-title"))).toBeVisible();

    // Filed, with a record that proves it; then decided, with a new record.
    const reference = await she.filed();
    await she.openRecord(she.kind("application-filed"));
    await expect(she.says(she.t("claim-application-filed-effect"))).toBeVisible();
    await offices.grant("immigration", reference, offices.permit());
    // The decision is on the home page until she has opened it.
    await she.go("home");
    const decided = she.page.getByRole("region", { name: she.t("portal-now") }).getByRole("listitem").filter({ hasText: `${she.t("portal-state-decided")}, ${she.org("immigration")}` });
    await she.fetchUntil(decided);
    await decided.getByRole("link").click();
    await expect(she.says(she.t("portal-state-decided"))).toBeVisible();
    await she.go("home");
    await expect(decided).toHaveCount(0);
    await she.openRecord(she.kind("work-permit"));
    await expect(she.says("69 2600418831")).toBeVisible();

    // Everything that was shown and opened is in the history.
    await she.go("history");
    await expect(she.says(she.t("portal-history-shown", { org: she.org("immigration") }))).toBeVisible();
    const opened = she.page.getByRole("listitem").filter({ hasText: she.t("portal-history-opened", { org: she.org("immigration"), role: "ROLE" }).split("ROLE")[0] ?? "" }).first();
    const shown = she.page.getByRole("listitem").filter({ hasText: she.t("portal-history-shown", { org: she.org("immigration") }) }).first();
    // Why, and claim by claim: in her words, not in the codes of a query.
    for (const line of [opened, shown]) {
      await expect(line).toContainText(she.t("service-work-permit-title"));
      await line.locator("summary").click();
      await expect(line).toContainText(`${she.kind("travel-document")}: `);
      await expect(line).toContainText(she.t("claim-travel-document-document_number"));
      await expect(line).toContainText(`${she.kind("medical-certificate")}: `);
      await expect(line).not.toContainText(/_|subject|urn:/);
    }
  });
}
