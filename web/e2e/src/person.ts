// A person in front of the portal: she finds things by their words, and does one step at a time.

import { expect, type Browser, type BrowserContext, type Locator, type Page } from "@playwright/test";
import { textsOf, OWN_NAMES, type Language } from "./texts.js";
import { nameOf, type Office, type Offices, type Subject } from "./world.js";

/** Where the page is looked at. */
export interface Device { width: number; height: number; dark?: boolean }
export const PHONE: Device = { width: 360, height: 740 };
export const SMALL: Device = { width: 320, height: 640 };
export const DESK: Device = { width: 1280, height: 800 };

export const PASSPHRASE = "tall river walks slowly home";

let count = 0;
/** Somebody new. Her papers say that she is Aziza; her case reference is her own. */
export function somebody(): Subject {
  count += 1;
  const tag = `${process.pid}-${count}`;
  return { case: `E-${tag}`, original: "Каримова Азиза Бахтиёровна", latin: "Karimova Aziza Baxtiyorovna", birth: "1994-03-17", passport: `FA${String(1_000_000 + process.pid * 100 + count).slice(-7)}` };
}

/** Asked of the hub by the page; everything else is the page's own file. */
const ROUTES = /^(\/hub\/\d+)?\/(v1|log)\//;

/** The hub's answers that are part of the protocol: nothing lies there yet, another device was first, it is gone. */
const PROTOCOL = [404, 409, 410];

export class Person {
  readonly faults: string[] = [];
  /** The test cuts the network: requests that fail are no fault. */
  cut = false;
  /** What the hub may answer; a test in which it refuses something adds to it. */
  readonly answers = new Set(PROTOCOL);

  private constructor(readonly context: BrowserContext, public page: Page, readonly url: string, public language: Language, readonly me: Subject) {}

  /** A new browser of hers: nothing of another one is in it. */
  static async at(browser: Browser, url: string, language: Language = "en", device: Device = DESK, me: Subject = somebody(), more: { bypassCSP?: boolean } = {}): Promise<Person> {
    const context = await browser.newContext({
      viewport: { width: device.width, height: device.height },
      colorScheme: device.dark === true ? "dark" : "light",
      locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce", acceptDownloads: true, ...more,
    });
    const person = new Person(context, await context.newPage(), url, language, me);
    person.#watch(person.page);
    context.on("page", (page) => person.#watch(page));
    return person;
  }

  #watch(page: Page): void {
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      const at = URL.canParse(message.location().url) ? new URL(message.location().url).pathname : "";
      // Chromium prints each answer that is not good; which of them may be, is asked below.
      const answered = /^Failed to load resource: the server responded with a status of \d/.test(message.text());
      if (this.cut || (answered && ROUTES.test(at))) return;
      this.faults.push(`console: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.faults.push(`page error: ${error.message}`));
    page.on("requestfailed", (request) => {
      // A reload or a lock ends what is under way.
      if (!this.cut && request.failure()?.errorText !== "net::ERR_ABORTED") this.faults.push(`failed: ${new URL(request.url()).pathname} ${request.failure()?.errorText ?? ""}`);
    });
    page.on("response", (answer) => {
      const path = new URL(answer.url()).pathname;
      const expected = ROUTES.test(path) && this.answers.has(answer.status());
      if (!this.cut && !expected && answer.status() >= 400) this.faults.push(`${answer.status()} for ${path}`);
    });
  }

  /** Ends this browser; nothing may have gone wrong in it. */
  async close(): Promise<void> {
    await this.context.close();
    expect(this.faults, "the browser's console and network").toEqual([]);
  }

  // Words and things.
  t = (key: string, slots: Record<string, string | number> = {}): string => {
    const texts = textsOf(this.language);
    if (!texts.has(key)) throw new Error(`no text ${key} in ${this.language}`);
    return texts.text(key, slots);
  };
  org = (office: Office): string => nameOf(office, this.language);
  button = (key: string, slots = {}): Locator => this.page.getByRole("button", { name: this.t(key, slots), exact: true });
  field = (key: string, slots = {}): Locator => this.page.getByLabel(this.t(key, slots), { exact: true });
  heading = (text: string): Locator => this.page.getByRole("heading", { level: 1, name: text, exact: true });
  says = (text: string | RegExp): Locator => this.page.getByText(text).first();

  /** Presses a button, and waits until the step that it started is over. */
  async press(key: string, slots = {}): Promise<void> {
    await this.button(key, slots).click();
    await this.calm();
  }

  /** Waits until no long step runs. */
  async calm(): Promise<void> {
    await expect(this.page.locator("main")).not.toHaveAttribute("aria-busy", "true", { timeout: 60_000 });
  }

  /** The heading with a text is there. */
  async sees(key: string, slots = {}): Promise<void> {
    await expect(this.heading(this.t(key, slots))).toBeVisible({ timeout: 30_000 });
  }

  /** No step was refused. */
  async fine(): Promise<void> {
    await expect(this.page.getByRole("alert").getByText(this.t("portal-problem"), { exact: true })).toHaveCount(0);
  }

  // Ways.

  /** Opens the page and chooses the language. */
  async arrive(): Promise<void> {
    await this.page.goto(this.url);
    await this.page.getByRole("button", { name: OWN_NAMES[this.language], exact: true }).click();
    await this.calm();
  }

  /** Closes all tabs, and comes again in a new one. */
  async comesAgain(url = this.url): Promise<void> {
    for (const page of this.context.pages()) await page.close();
    this.page = await this.context.newPage();
    await this.page.goto(url);
  }

  /** The words on the kit that is shown, and the whole text that she would copy from the paper. */
  async readKit(): Promise<{ words: string[]; text: string }> {
    const kit = this.page.getByRole("region", { name: this.t("portal-kit-title") });
    const words = await kit.getByRole("listitem").allInnerTexts();
    const hub = await kit.getByText(/^hub /).innerText();
    return { words: words.map((w) => w.trim()), text: `${words.join(" ")}\n${hub}` };
  }

  /** Types the words that are asked for. */
  async typeWords(words: string[]): Promise<void> {
    for (let number = 1; number <= words.length; number += 1) {
      const field = this.field("portal-kit-word", { number });
      if (await field.count() === 1) await field.fill(words[number - 1] ?? "");
    }
  }

  async choosePassphrase(passphrase = PASSPHRASE): Promise<void> {
    // On the page of the ways in, the words for another device have a passphrase too, further down.
    await this.field("portal-pass").first().fill(passphrase);
    await this.field("portal-pass-again").fill(passphrase);
    await this.press("portal-pass-keep");
  }

  /** Makes a profile with a passphrase; gives the kit. */
  async begin(): Promise<string> {
    await this.arrive();
    await this.press("portal-begin");
    await expect(this.button("portal-kit-have")).toBeVisible({ timeout: 30_000 });
    const { words, text } = await this.readKit();
    await this.press("portal-kit-have");
    await this.typeWords(words);
    await this.press("portal-next");
    await this.sees("portal-way-title");
    await this.choosePassphrase();
    await this.sees("portal-home-title");
    return text;
  }

  /** Goes to a place of the menu. */
  async go(place: string): Promise<void> {
    const menu = this.button("portal-menu");
    if (await menu.isVisible() && await menu.getAttribute("aria-expanded") !== "true") await menu.click();
    await this.page.getByRole("navigation").getByRole("link", { name: this.t(`portal-place-${place}`), exact: true }).click();
    if (place === "home") await this.sees("portal-home-title");
    else await this.sees(`portal-place-${place}`);
  }

  /** A device with passkeys in front of her: whatever it is asked, it has her finger. */
  async authenticator(): Promise<void> {
    const session = await this.context.newCDPSession(this.page);
    await session.send("WebAuthn.enable");
    await session.send("WebAuthn.addVirtualAuthenticator", {
      options: { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, hasPrf: true, isUserVerified: true, automaticPresenceSimulation: true },
    });
  }

  /** A new telephone, to which its maker brought her passkeys: nothing else of hers is in it. */
  async newTelephone(): Promise<void> {
    const session = await this.context.newCDPSession(this.page);
    await this.page.goto("about:blank");
    await session.send("Storage.clearDataForOrigin", { origin: new URL(this.url).origin, storageTypes: "all" });
    await this.arrive();
    await this.sees("portal-welcome-title");
  }

  async lock(): Promise<void> {
    await this.button("portal-lock").click();
    await this.sees("portal-unlock-title");
  }

  async unlock(passphrase = PASSPHRASE): Promise<void> {
    await this.field("portal-pass").fill(passphrase);
    await this.press("portal-unlock");
  }

  /** Fetches what came, as often as it takes until something is seen. */
  async fetchUntil(seen: Locator): Promise<void> {
    await expect(async () => {
      if (!(await seen.first().isVisible())) {
        await this.button("portal-fetch").click();
        await this.calm();
      }
      await expect(seen.first()).toBeVisible({ timeout: 700 });
    }).toPass({ timeout: 75_000, intervals: [100, 300, 600] });
  }

  /** Gets the profile back with the kit, beside another device or instead of a lost one. */
  async restore(kit: string, which: "beside" | "lost", passphrase = PASSPHRASE): Promise<void> {
    await this.press("portal-in");
    await this.sees("portal-in-title");
    await this.press("portal-restore");
    await this.sees("portal-restore-title");
    await this.field("portal-restore-kit").fill(kit);
    await this.page.getByRole("radio", { name: this.t(`portal-restore-${which}`), exact: true }).check();
    await this.press("portal-restore");
    await this.sees("portal-restored-title");
    await this.choosePassphrase(passphrase);
    await this.sees("portal-home-title");
  }

  /** Links with an organisation: invitation, yes, six digits, the clerk's confirmation. */
  async link(offices: Offices, office: Office, reference = this.me.case): Promise<void> {
    const invitation = await offices.invite(office, reference);
    await this.go("links");
    await this.press("portal-link-new");
    await this.field("portal-invitation").fill(invitation);
    await this.press("portal-invitation-read");
    await expect(this.page.getByRole("heading", { name: this.org(office), exact: true })).toBeVisible();
    await this.press("portal-link-accept");
    const digits = this.page.getByText(/^\d{6}$/);
    await this.fetchUntil(digits);
    const hers = await digits.first().innerText();
    expect(await offices.digits(office, reference), "both sides have the same digits").toBe(hers);
    await offices.confirm(office, reference, hers);
    await this.fetchUntil(this.page.getByText(this.t("portal-link-confirmed"), { exact: true }));
  }

  /** Links with the offices of the work permit, and has its papers. */
  async papers(offices: Offices): Promise<void> {
    for (const office of ["border", "clinic", "centre", "immigration"] as const) await this.link(offices, office);
    await Promise.all([offices.border(this.me), offices.clinic(this.me), offices.centre(this.me)]);
    await this.go("records");
    for (const kind of ["travel-document", "medical-certificate", "language-certificate"]) {
      await this.fetchUntil(this.page.getByRole("link", { name: this.kind(kind) }));
    }
  }

  /** Opens a record by its title. */
  async openRecord(title: string): Promise<void> {
    await this.go("records");
    await this.fetchUntil(this.page.getByRole("link", { name: title }));
    await this.page.getByRole("link", { name: title }).first().click();
    await expect(this.heading(title)).toBeVisible();
  }

  /** Opens a service from the list of services. */
  async openService(name: string): Promise<void> {
    this.service = name;
    await this.page.getByRole("link", { name: this.t(`service-${name}-title`) }).click();
    await expect(this.heading(this.t(`service-${name}-title`))).toBeVisible();
  }
  /** The service whose questions are on the screen. */
  service = "";
  /** A question of the service, by its words. */
  question = (name: string): Locator => this.field(`service-${this.service}-answer-${name}`);
  async answer(name: string, value: string): Promise<void> {
    await this.question(name).fill(value);
  }

  /** Waits, on an application's page, until it is filed; gives the office's number for it. */
  async filed(): Promise<string> {
    const number = this.page.getByText(/^A-[0-9A-Z]{8}$/);
    await this.fetchUntil(number);
    return number.first().innerText();
  }

  kind = (kind: string): string => this.t(`kind-${kind}`);
}
