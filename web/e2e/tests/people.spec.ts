// A helper with her own browser, and a guardian in a child's profile.

import { readFile } from "node:fs/promises";
import { DESK, PHONE, day, expect, test, type Person } from "../src/test.js";

/** What a step saves as a file. */
async function saved(person: Person, step: () => Promise<void>): Promise<string> {
  const [download] = await Promise.all([person.page.waitForEvent("download"), step()]);
  return readFile(await download.path(), "utf8");
}

/** The helper's card, compared by its digits; the mandate that begins with it. */
async function begin(aziza: Person, nargis: Person): Promise<void> {
  await nargis.go("people");
  await nargis.press("portal-helping-open");
  await nargis.sees("portal-helping");
  await nargis.field("portal-helping-person").fill("Азиза");
  await nargis.field("portal-helping-called").fill("Наргис");
  await nargis.press("portal-helping-card-make");
  const digits = await nargis.page.locator(".read-out").innerText();
  const card = await saved(nargis, () => nargis.press("portal-helping-card-save"));

  await aziza.go("people");
  await aziza.field("portal-helper-card").fill(card);
  await aziza.press("portal-helper-card-read");
  await expect(aziza.says("Наргис")).toBeVisible();
  for (const may of ["prepare", "receive"]) await aziza.page.getByRole("checkbox", { name: aziza.t(`value-mandate-scope-${may}`) }).check();
  await aziza.field("portal-helper-until").fill(day(30));
  await aziza.field("portal-helper-digits").fill("1".repeat(24));
  await aziza.press("portal-helper-begin");
  await expect(aziza.page.getByRole("alert")).toContainText(aziza.t("err-helper-digits"));
  await aziza.field("portal-helper-digits").fill(digits);
  await aziza.press("portal-helper-begin");
  await expect(aziza.page.getByRole("heading", { name: "Наргис" })).toBeVisible();
}

/** The file for the helper, with one paper to read. */
async function give(aziza: Person): Promise<string> {
  await aziza.go("people");
  await aziza.press("portal-helper-give");
  await aziza.page.getByRole("checkbox", { name: new RegExp(`^${aziza.kind("travel-document")}`) }).check();
  return saved(aziza, () => aziza.press("portal-helper-save"));
}

async function open(nargis: Person, file: string): Promise<void> {
  await nargis.go("people");
  await nargis.press("portal-helping-open");
  await nargis.field("portal-helping-given-text").fill(file);
  await nargis.press("portal-helping-given-open");
}

async function draft(nargis: Person): Promise<string> {
  nargis.service = "work-permit";
  await nargis.press("portal-helping-prepare-this", { service: nargis.t("service-work-permit-title") });
  await nargis.answer("region", "RU-TVE");
  await nargis.answer("occupation", "Seamstress");
  await nargis.answer("months", "12");
  return saved(nargis, () => nargis.press("portal-helping-draft"));
}

async function readDraft(aziza: Person, text: string): Promise<void> {
  await aziza.go("people");
  await aziza.field("portal-helper-draft").fill(text);
  await aziza.press("portal-helper-draft-read");
}

test("a helper reads what was chosen, prepares, asks at the office, and it ends when it is ended", async ({ arrives, offices }) => {
  test.setTimeout(240_000);
  const aziza = await arrives("en", DESK);
  await aziza.begin();
  await aziza.papers(offices);
  const nargis = await arrives("ru", PHONE);
  await nargis.begin();
  await begin(aziza, nargis);

  // What goes over is nothing that the helper could show as a paper.
  const first = await give(aziza);
  await open(nargis, first);
  await expect(nargis.says(nargis.t("cli-helper-no-proof"))).toBeVisible();
  await expect(nargis.says(nargis.t("value-mandate-services-urn:denizen:service:all"))).toBeVisible();
  await nargis.page.getByText(nargis.kind("travel-document")).first().click();
  await expect(nargis.says(aziza.me.passport)).toBeVisible();
  await expect(nargis.page.getByText(nargis.kind("medical-certificate"))).toHaveCount(0);
  const prepared = await draft(nargis);
  // Closed with the page: nothing of it is in her own profile.
  await nargis.go("records");
  await expect(nargis.page.getByText(aziza.me.passport)).toHaveCount(0);

  // Nothing was filed; she looks at it, and files it herself.
  await aziza.go("applications");
  await expect(aziza.page.getByRole("link", { name: aziza.t("service-work-permit-title") })).toHaveCount(0);
  await readDraft(aziza, prepared);
  aziza.service = "work-permit";
  await expect(aziza.question("occupation")).toHaveValue("Seamstress");
  await expect(aziza.says(aziza.t("portal-draft-from", { name: "Наргис" }))).toBeVisible();
  await aziza.press("portal-next");
  await aziza.page.getByRole("region", { name: aziza.kind("medical-certificate") }).getByRole("checkbox").check();
  await aziza.press("portal-apply-send");
  await aziza.press("portal-sent-follow");
  const reference = await aziza.filed();

  // A draft counts once.
  await readDraft(aziza, prepared);
  await expect(aziza.page.getByRole("alert")).toContainText(aziza.t("err-not-open"));

  // The office is told, and then answers the helper's question: the state, and nothing that is in it.
  await aziza.go("people");
  await aziza.press("portal-helper-tell", { service: aziza.t("service-work-permit-title"), org: aziza.org("immigration") });
  const second = await give(aziza);
  await open(nargis, first);
  await open(nargis, second);
  await nargis.press("portal-helping-ask-make", { case: reference });
  // 85 modules and a margin of four on each side: on a screen the code has level L.
  await expect(nargis.page.getByRole("img", { name: nargis.t("portal-kit-qr") })).toHaveAttribute("viewBox", "-4 -4 93 93");
  const ask = offices.kept(`${reference}.ask`, await saved(nargis, () => nargis.press("portal-helping-ask-save")));
  await expect(async () => {
    expect(await offices.gateway("immigration", "helper", reference, await ask)).toContain(reference);
  }).toPass({ timeout: 30_000 });
  await open(nargis, first);
  await expect(nargis.page.getByRole("alert")).toContainText(nargis.t("err-helper-file-old"));

  // Ended: the file on the helper's device prepares what nobody takes any more.
  await aziza.go("people");
  await aziza.press("portal-helper-end");
  await expect(aziza.says(aziza.t("portal-helper-over"))).toBeVisible();
  await open(nargis, second);
  await readDraft(aziza, await draft(nargis));
  await expect(aziza.page.getByRole("alert")).toContainText(aziza.t("err-mandate-over"));
});

for (const [until, over] of [[300, false], [-1, true]] as const) {
  test(`a guardian sees in the child's profile what the mandate allows and until when${over ? ", and that it is over" : ""}`, async ({ arrives, offices }) => {
    const mother = await arrives("ky", PHONE);
    await mother.begin();
    await mother.go("people");
    await mother.field("portal-child-name").fill("Айбек");
    await mother.press("portal-child-add");
    await mother.sees("portal-place-ways");
    await expect(mother.says(mother.t("portal-ward-no-mandate"))).toBeVisible();
    await mother.go("people");
    const key = await mother.page.getByText(/^[\w-]{43}$/).innerText();
    await mother.link(offices, "guardianship");
    await offices.mandate(mother.me, key, until);
    const may = ["read", "receive", "file"].map((scope) => mother.t(`value-mandate-scope-${scope}`)).join(", ");
    await mother.fetchUntil(mother.says(may));
    await expect(mother.page.getByText(mother.t("err-mandate-over"))).toHaveCount(over ? 1 : 0);

    // Her own profile has nothing of it.
    await mother.press("portal-ward-leave");
    await mother.sees("portal-home-title");
    await expect(mother.page.getByText(may)).toHaveCount(0);
    await mother.go("records");
    await expect(mother.page.getByRole("link", { name: mother.kind("mandate") })).toHaveCount(0);
    await mother.go("people");
    await mother.press("portal-ward-open", { name: "Айбек" });
    await mother.sees("portal-home-title");
    await mother.go("records");
    await expect(mother.page.getByRole("link", { name: mother.kind("mandate") }).first()).toBeVisible();
  });
}

test("a number that somebody else uses is told: by the record, and because another profile here has it", async ({ arrives, offices }) => {
  const mother = await arrives("ru", PHONE);
  const cards = mother.page.getByRole("link", { name: mother.kind("phone") });
  const same = mother.t("cli-contact-same");
  await mother.begin();
  await mother.link(offices, "telecom");
  await offices.phone(mother.me, "+79990004410");
  await mother.openRecord(mother.kind("phone"));
  await expect(mother.page.getByText(mother.t("cli-contact-next"))).toHaveCount(0);
  await offices.phone(mother.me, "+79990004411", "семья");
  await mother.go("records");
  const family = mother.t("cli-contact-shared", { with: mother.t("value-phone-shared_with-family") });
  await mother.fetchUntil(cards.filter({ hasText: family }));
  await expect(cards.filter({ hasText: "4410" })).not.toContainText(same);
  await cards.filter({ hasText: family }).click();
  await expect(mother.says(family)).toBeVisible();
  await expect(mother.says(mother.t("cli-contact-next"))).toBeVisible();

  // The child's profile gets the number that is hers alone so far.
  await mother.go("people");
  await mother.field("portal-child-name").fill("Айбек");
  await mother.press("portal-child-add");
  const his = { ...mother.me, case: `${mother.me.case}-child`, original: "Асанов Айбек Нурланович", birth: "2017-10-02" };
  await mother.link(offices, "telecom", his.case);
  await offices.phone(his, "+79990004410");
  await mother.go("records");
  await mother.fetchUntil(cards.filter({ hasText: same }));
  await expect(cards).toHaveCount(1);
  await mother.press("portal-ward-leave");
  await mother.go("records");
  await expect(cards.filter({ hasText: "4410" })).toContainText(same);
  await expect(cards.filter({ hasText: "4411" })).not.toContainText(same);
  await cards.filter({ hasText: "4410" }).click();
  await expect(mother.says(mother.t("cli-contact-next"))).toBeVisible();
});
