// What the pages share. All decisions are the worker's; here is only what is on the screen.

import { tick, untrack } from "svelte";
import { LANGUAGES, Texts, type Language } from "@denizen/i18n";
import { Client, Refused, scriptUrl, type AlarmRow, type Hub, type KeptHere, type Overview, type Problem, type RecordRow } from "@denizen/sdk";

/** Seconds between two fetches while the page is open; spread, so that pages do not come together. */
const FETCH_EVERY_S = 60;

/** Codes after which nothing more is to be sent: somebody may be lying to her. */
const ALARMS: ReadonlySet<string> = new Set(["changed-key", "invitation-changed-key", "older-state", "other-log", "other-salt", "receipt-refused", "restore-older", "withheld"]);

/** Codes that pass by themselves: what is shown meanwhile. */
const AWAY: ReadonlyMap<string, string> = new Map([["hub-unreachable", "portal-away"], ["hub-busy", "portal-hub-busy"]]);

/** Seconds without a touch or a key after which the profile locks, unless she stays signed in here. */
const LOCK_AFTER_S = 15 * 60;

/** What tells one alarm from another: one may be over while another comes. */
const nameOf = ({ code, org, day }: AlarmRow): string => JSON.stringify([code, org, day]);

const routeOf = (hash: string): string[] => hash.replace(/^#\/?/, "").split("/").filter((part) => part !== "").map(decodeURIComponent);

/** Resolves when what has changed is on the screen; at once while the page is not looked at. */
async function shown(): Promise<void> {
  await tick();
  if (document.hidden) return;
  await new Promise<void>((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

class App {
  readonly client = new Client();
  texts = $state.raw<Texts>();
  hub = $state.raw<Hub>();
  kept = $state.raw<KeptHere>();
  overview = $state.raw<Overview>();
  /** All records, while a screen looks through them. */
  rows = $state.raw<RecordRow[]>();
  #listing = 0;
  #turn = 0;
  unlocked = $state(false);
  /** It unlocks by itself, because she stays signed in here: nothing is asked meanwhile. */
  opening = $state(false);
  /** The child whose profile is shown. */
  ward = $state<string>();
  /** The text of the long step that runs. */
  busy = $state<string>();
  problem = $state.raw<Problem>();
  route = $state.raw<string[]>(routeOf(location.hash));
  /** The hub did not answer the last time, or had no time: the text that says so. */
  away = $state<string>();
  /** When something was last fetched, as the clock shows it. */
  fetched = $state<string>();
  /** A newer bundle waits for her yes. */
  update = $state.raw<ServiceWorker>();
  /** Nothing goes on: a file is missing, or is another one than was built. */
  failed = $state(false);
  #idle: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #offline: Promise<void> | undefined;
  /** It locks: the page is about to be loaded anew, and nothing is asked for any more. */
  #ended = false;

  get language(): Language {
    return (this.texts?.language ?? "en") as Language;
  }

  t = (key: string, slots: Record<string, string | number> = {}): string => this.texts?.text(key, slots) ?? key;
  has = (key: string): boolean => this.texts?.has(key) ?? false;
  date = (day: string | undefined): string => (day === undefined ? "" : (this.texts?.date(day) ?? day));

  /** Values of a record: a moment and a day as people write them, a service by its name, anything else as it is. */
  value = (text: string): string => text
    .replace(/\b(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})/g, (_, day: string, time: string) => `${this.date(day)}, ${time}`)
    .replace(/(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])/g, (day) => this.date(day))
    .replace(/urn:denizen:service:([\w-]+)/g, (urn, name: string) => (this.has(`service-${name}-title`) ? this.t(`service-${name}-title`) : urn));

  async begin(): Promise<void> {
    addEventListener("hashchange", () => this.#moved());
    for (const sign of ["pointerdown", "keydown"]) addEventListener(sign, () => this.#awake(), { passive: true });
    this.hub = (await (await fetch("/portal.json")).json()) as Hub;
    const chosen = localStorage.getItem("language");
    if (chosen !== null && (LANGUAGES as readonly string[]).includes(chosen)) await this.choose(chosen as Language);
    // Who has been here has it already; for whoever comes now it is loaded when there is something to show.
    if ("serviceWorker" in navigator && navigator.serviceWorker.controller !== null) await this.#keepPages();
  }

  /** Chooses the language; before anything else. */
  async choose(language: Language): Promise<void> {
    const json = await (await fetch(`/locales/${language}.json`)).text();
    const first = this.texts === undefined;
    if (first && this.hub !== undefined) {
      this.kept = await this.client.call("start", { hub: this.hub, language, texts: json });
    } else {
      await this.client.call("setLanguage", language, json);
      if (this.unlocked) await this.look();
    }
    this.texts = new Texts(language, json);
    localStorage.setItem("language", language);
    document.documentElement.lang = language;
    if (first && this.kept?.staySignedIn === true) {
      this.opening = true;
      await this.unlock(() => this.client.call("unlockKept"));
    }
  }

  /** Whether the problem on the screen is an alarm. */
  get alarmed(): boolean {
    return ALARMS.has(this.problem?.code ?? "");
  }

  /** Runs one step, shows that it runs, and what did not go. Gives whether it went. */
  async run(text: string, step: () => Promise<void>): Promise<boolean> {
    this.busy = text;
    this.problem = undefined;
    try {
      await step();
      return true;
    } catch (error) {
      this.problem = this.#words(error);
      return false;
    } finally {
      this.opening = false;
      this.busy = undefined;
    }
  }

  #words(error: unknown): Problem {
    const problem = error instanceof Refused ? error.problem : { code: "internal", what: "", next: "", details: [] };
    if (problem.code === "changed-file") this.failed = true;
    if (problem.what !== "") return problem;
    const known = this.has(`err-${problem.code}`);
    const slots = { code: problem.code, number: problem.details[0]?.[0] ?? "" };
    return {
      ...problem,
      what: this.t(known ? `err-${problem.code}` : "err-other", slots),
      next: this.t(known && this.has(`rec-${problem.code}`) ? `rec-${problem.code}` : "rec-other", slots),
    };
  }

  /** Unlocks, shows what is kept, then loads what is not needed for that, and fetches. */
  async unlock(step: () => Promise<void>): Promise<void> {
    const done = await this.run("portal-busy-unlock", async () => {
      // Another place than home is shown only by the whole.
      if (this.inside() && this.#elsewhere()) await this.client.call("whole");
      await step();
      await this.look(true);
      this.unlocked = true;
    });
    this.#awake();
    if (done) {
      if (this.route.length === 0 || !this.inside()) this.go("home");
      await shown();
      if (this.overview?.partial === true || this.overview?.copy === true) await this.#lookOn();
      if (this.failed || !this.unlocked || this.#ended) return;
      if (this.overview?.copy !== true) void this.#keepPages();
      void this.fetchNow();
    }
  }

  /** Reads all lists, once the first are on the screen. */
  async #lookOn(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      const problem = this.#words(error);
      // Without a connection what is shown stays; it is tried again with the next fetch.
      if (problem.code !== "hub-unreachable" && problem.code !== "locked") this.problem = problem;
    }
  }

  /** Whether the address names another place than home. */
  #elsewhere(): boolean {
    return (this.route[0] ?? "home") !== "home";
  }

  /** Whether the address names a place of an unlocked profile. */
  inside(): boolean {
    return !["begin", "in", "unlock", "restore", "device", "language", "deleted"].includes(this.route[0] ?? "");
  }

  /** Shows a child's profile, or her own again. */
  async switchTo(ward: string | undefined): Promise<void> {
    const done = await this.run("portal-busy-unlock", async () => {
      await this.client.call("switchTo", ward);
      this.ward = ward;
      this.#dropRows();
      await this.look();
    });
    if (done) {
      this.go("home");
      void this.fetchNow();
    }
  }

  /** She has looked at what home lists as new: the notes, or one decision. */
  async seen(application?: string): Promise<void> {
    if (this.overview?.news?.some((news) => news.thread === application) !== true) return;
    await this.client.call("seen", application);
    await this.look();
  }

  /** Reads the lists anew; or at first only what is there soonest. */
  async look(partial = false): Promise<void> {
    const [overview, kept] = await Promise.all([this.client.call("overview", partial), this.client.call("keptHere")]);
    this.overview = overview;
    if (this.#listing > 0 && !partial) await this.#readRows();
    this.kept = kept;
  }

  /** Reads all records, and anew with each look, until what is given back is called: most screens need only the newest. */
  listAll(): () => void {
    this.#listing += 1;
    // Whoever shows them looks for them once; they come anew by themselves.
    untrack(() => void this.readAll());
    return () => {
      this.#listing -= 1;
      if (this.#listing === 0) this.#dropRows();
    };
  }

  /** Reads all records, if they are not there. */
  async readAll(): Promise<void> {
    try {
      if (this.rows === undefined) await this.#readRows();
    } catch (error) {
      this.problem = this.#words(error);
    }
  }

  /** What was asked for before another profile was shown, or for a screen that was left, is not taken. */
  async #readRows(): Promise<void> {
    const turn = this.#turn;
    const rows = await this.client.call("rows");
    if (this.#listing > 0 && turn === this.#turn) this.rows = rows;
  }

  #dropRows(): void {
    this.#turn += 1;
    this.rows = undefined;
  }

  /** Fetches what came and sends what waits, without holding anything up; because she asked for it, or by itself. */
  async fetchNow(asked = false): Promise<void> {
    clearTimeout(this.#timer);
    if (!this.unlocked || this.#ended) return;
    const known = new Set((this.overview?.alarms ?? []).map(nameOf));
    try {
      await this.client.call("sync");
      this.away = undefined;
      this.fetched = new Date().toTimeString().slice(0, 5);
    } catch (error) {
      const problem = this.#words(error);
      this.away = AWAY.get(problem.code);
      if (problem.code === "device-ended") {
        // Another device of hers took this one out: nothing of the profile is here any more.
        this.unlocked = false;
        this.overview = undefined;
        this.#dropRows();
        this.kept = await this.client.call("keptHere");
        this.problem = problem;
        return;
      }
      // A clock that is wrong has its own notice on home; elsewhere it is said to her who asks.
      const told = problem.code === "locked" || (problem.code === this.overview?.clock?.code && !(asked && this.#elsewhere()));
      if (this.away === undefined && !told) this.problem = problem;
    }
    if (!this.unlocked || this.failed || this.#ended) return;
    if (this.away === undefined || this.overview?.copy !== true) {
      await this.#lookOn();
      if (this.#ended) return;
      this.#tell(known);
      void this.#keepPages();
    }
    const spread = FETCH_EVERY_S * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => void this.fetchNow(), spread * 1000);
  }

  /** An alarm that is new is seen on whatever screen she is. */
  #tell(known: ReadonlySet<string>): void {
    const alarm = this.overview?.alarms.find((a) => ALARMS.has(a.code) && !known.has(nameOf(a)));
    if (this.problem !== undefined || alarm === undefined) return;
    const { code, what, next, org } = alarm;
    this.problem = { code, what: org === undefined ? what : `${org}: ${what}`, next, details: [] };
  }

  /** Everything is deleted: this browser has nothing more of her. */
  async gone(): Promise<void> {
    clearTimeout(this.#timer);
    clearTimeout(this.#idle);
    this.go("deleted");
    this.unlocked = false;
    this.overview = undefined;
    this.#dropRows();
    this.kept = await this.client.call("keptHere");
    localStorage.clear();
  }

  /** A library's computer is left without a word: the profile locks by itself. */
  #awake(): void {
    clearTimeout(this.#idle);
    if (!this.unlocked || this.kept?.staySignedIn === true) return;
    this.#idle = setTimeout(() => this.lock(), LOCK_AFTER_S * 1000);
  }

  /** Locks: the memory that had the keys is gone. */
  lock(): void {
    clearTimeout(this.#timer);
    this.#ended = true;
    this.client.lock();
    location.hash = "";
    location.reload();
  }

  go(...route: string[]): void {
    location.hash = `/${route.map(encodeURIComponent).join("/")}`;
  }

  #moved(): void {
    this.route = routeOf(location.hash);
    this.problem = undefined;
    scrollTo(0, 0);
  }

  /** Keeps the pages for the time without a connection, and hears of newer ones. */
  #keepPages(): Promise<void> {
    this.#offline ??= this.#register().catch(() => {
      // Without a connection: another time.
      this.#offline = undefined;
    });
    return this.#offline;
  }

  async #register(): Promise<void> {
    if (!("serviceWorker" in navigator)) return;
    const workers = navigator.serviceWorker;
    const registration = await workers.register(scriptUrl("/service-worker.js"));
    workers.addEventListener("message", ({ data }) => {
      // She said yes, here or in another tab.
      if (data === "taken-over") location.reload();
      // The worker that runs is of a newer bundle than this page.
      if (data === "newer") this.update ??= workers.controller ?? undefined;
    });
    registration.addEventListener("updatefound", () => {
      const fresh = registration.installing;
      fresh?.addEventListener("statechange", () => {
        if (fresh.state === "installed" && workers.controller !== null) this.update = fresh;
      });
    });
    if (registration.waiting !== null && workers.controller !== null) this.update = registration.waiting;
    workers.controller?.postMessage("newer?");
  }

  /** Takes the newer bundle: its worker loads all pages anew. */
  takeUpdate(): void {
    this.update?.postMessage("take-over");
  }
}

export const app = new App();
