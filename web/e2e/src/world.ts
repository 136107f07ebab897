// A hub and organisations as real processes, with their folders in a temporary place.

import { spawn, execFile, type ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../../..");
const BINARY = process.env["DENIZEN_BIN"] ?? join(ROOT, "target/debug/denizen");
const LIAR = process.env["DENIZEN_LIAR"] ?? join(ROOT, "target/debug/lying-hub");
export const BUNDLE = process.env["DENIZEN_PORTAL"] ?? join(ROOT, "web/dist/portal");

const PATIENCE_MS = 30_000;
const vct = (kind: string) => `urn:denizen:kind:${kind}:1`;
const service = (name: string) => `urn:denizen:service:${name}`;

/** Columns of the border service's file. */
const CROSSINGS = "Номер дела;ФИО;ФИО латиницей;Строка МЧЗ;Одно имя;Дата рождения;Документ;Государство документа;Направление;Дата;Код пункта;Пункт пропуска;Вид сообщения;Цель;Миграционная карта;Срок пребывания";

/** What an organisation is. */
interface Plan { name: string; names: Record<string, string>; kinds: string[]; services: string[]; purpose: string; /** It is no authority: what it issues is its own claim. */ private?: boolean }

const PLANS = {
  border: { name: "Border Service", names: { ru: "Пограничная служба" }, kinds: ["travel-document", "border-crossing"], services: [], purpose: "Your border crossings and travel document" },
  clinic: { name: "City Clinic No. 4", names: { ru: "Городская поликлиника № 4" }, kinds: ["medical-certificate"], services: [], purpose: "Your medical certificates" },
  centre: { name: "Language Test Centre", names: { ru: "Центр тестирования" }, kinds: ["language-certificate"], services: [], purpose: "Your language certificate" },
  immigration: {
    name: "Immigration Office", names: { ru: "Миграционная служба" }, kinds: ["application-filed", "decision", "work-permit"],
    services: ["work-permit"], purpose: "Your applications to the immigration office",
  },
  police: { name: "Police", names: { ru: "Полиция" }, kinds: ["administrative-offence"], services: [], purpose: "What is held against you" },
  guardianship: { name: "Guardianship Office", names: { ru: "Орган опеки" }, kinds: ["mandate"], services: [], purpose: "Who acts for the child" },
  employer: { name: "Sewing Workshop", names: { ru: "Ателье «Игла»" }, kinds: ["employment"], services: [], purpose: "Your employment", private: true },
  telecom: { name: "Mobile Operator", names: { ru: "Мобильный оператор" }, kinds: ["phone"], services: [], purpose: "Your telephone numbers", private: true },
  traffic: { name: "Traffic Police", names: { ru: "ГИБДД" }, kinds: ["application-filed", "decision"], services: ["driving-licence-exchange"], purpose: "Your driving licence" },
  landlord: { name: "Housing Company", names: { ru: "Жилищная компания" }, kinds: ["application-filed", "decision"], services: ["tenancy-check"], purpose: "Your right to rent a room" },
} satisfies Record<string, Plan>;

export type Office = keyof typeof PLANS;
export const OFFICES = Object.keys(PLANS) as Office[];
/** An organisation's name in a language. */
export const nameOf = (office: Office, language: string): string => (PLANS[office].names as Record<string, string>)[language] ?? PLANS[office].name;

/** Somebody invented: her case reference at every organisation, and what her papers say. */
export interface Subject { case: string; original: string; latin: string; birth: string; passport: string }

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const at = server.address();
      server.close(() => (typeof at === "object" && at !== null ? done(at.port) : failed(new Error("no port"))));
    });
  });
}

/** Looks until something is so. */
export async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    await new Promise((wake) => setTimeout(wake, 250));
  }
}

/** A day so many days from today, in a form of `YMD`. */
export function day(days: number, form: "Y-M-D" | "D.M.Y" = "Y-M-D"): string {
  const [y, m, d] = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10).split("-") as [string, string, string];
  return form === "Y-M-D" ? `${y}-${m}-${d}` : `${d}.${m}.${y}`;
}

/** What another process of the tests needs to use a world. */
export interface Known { folder: string; url: string; hubId: string }

/** The organisations of a world, as their clerks use the command line. */
export class Offices {
  constructor(readonly known: Known) {}

  readonly binary = BINARY;
  get url(): string { return this.known.url; }
  protected path(...names: string[]): string { return join(this.known.folder, ...names); }

  /** Runs a command to its end; gives what it printed. */
  async denizen(...given: string[]): Promise<string> {
    return new Promise((done, failed) => {
      execFile(BINARY, given, { maxBuffer: 1 << 24, encoding: "buffer" }, (error, out, err) => {
        if (error !== null) failed(new Error(`denizen ${given.join(" ")}:\n${err.toString()}`));
        else done(out.toString("utf8"));
      });
    });
  }

  /** What somebody who lies says instead of `truth`: a hub's operator signs it with the hub's own keys. */
  async lie(truth: Buffer | string, lie: "leave-out-first" | "state-other-keys" | "rewrite-invitation", ...about: string[]): Promise<Buffer> {
    const given = lie === "rewrite-invitation" ? [lie] : [lie, this.path("hub"), ...about];
    return new Promise((done, failed) => {
      const liar = execFile(LIAR, given, { maxBuffer: 1 << 24, encoding: "buffer" }, (error, out, err) => (error === null ? done(out) : failed(new Error(err.toString()))));
      liar.stdin?.end(truth);
    });
  }

  /** A command of an organisation's gateway. */
  async gateway(office: Office, command: string, ...rest: string[]): Promise<string> {
    const ends = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.denizen("gateway", command, this.path(office), ...rest);
      } catch (error) {
        // Another test has a file taken in by the same office: one waits for the other, as the program says.
        if (!String(error).includes("another process takes in rows") || Date.now() > ends) throw error;
        await new Promise((done) => setTimeout(done, 200));
      }
    }
  }

  /** An invitation for whoever has a case reference. */
  async invite(office: Office, reference: string): Promise<string> {
    return (await this.invitePrinted(office, reference)).text;
  }

  /** An invitation with its QR code, as the office prints it. */
  async invitePrinted(office: Office, reference: string): Promise<{ text: string; printed: string }> {
    const { kinds, services, purpose } = PLANS[office] as Plan;
    const send = kinds.length > 0 ? ["--send", ...kinds.map(vct)] : [];
    const ask = services.length > 0 ? ["--ask", ...services.map(service)] : [];
    const said = await this.gateway(office, "invite", "--purpose", purpose, ...send, ...ask, "--case", reference, "--qr");
    const text = /denizen:invite\S*/.exec(said)?.[0];
    if (text === undefined) throw new Error("gateway invite printed no invitation");
    return { text, printed: said };
  }

  /** The six digits that the organisation's own screen shows beside a case. */
  async digits(office: Office, reference: string): Promise<string> {
    return until(`${office} has the digits of ${reference}`, async () => {
      const said = await this.gateway(office, "links");
      const line = said.split("\n").find((l) => l.includes(reference));
      return line?.replace(reference, "").match(/(?<!\d)\d{6}(?!\d)/)?.[0];
    });
  }

  async confirm(office: Office, reference: string, digits: string): Promise<void> {
    await this.gateway(office, "confirm", reference, digits);
  }

  /** Takes in rows of the office's own file. */
  async intake(office: Office, file: string, mapping: string, rows: string, unique?: string[]): Promise<void> {
    const folder = this.path("files");
    await mkdir(folder, { recursive: true });
    const [at, map] = [join(folder, `${crypto.randomUUID()}-${file}`), join(folder, `${crypto.randomUUID()}.toml`)];
    // The demo's mappings, for files in UTF-8.
    const text = await readFile(join(ROOT, "demo", mapping), "utf8");
    await writeFile(map, text.replace(/^encoding = .*$/m, 'encoding = "utf-8"').replace(/^unique = .*$/m, (line) => (unique === undefined ? line : `unique = ${JSON.stringify(unique)}`)));
    await writeFile(at, rows);
    const said = await this.gateway(office, "intake", at, "--mapping", map);
    if (!/^\s*0 bad/m.test(said)) throw new Error(`a row is bad:\n${said}`);
  }

  /** The border service's passport and crossings of hers. */
  async border(s: Subject): Promise<void> {
    const document = {
      номерДела: s.case,
      лицо: { имя: s.original, латиницей: s.latin, рождение: s.birth, пол: "Ж", гражданство: "UZB", странаРождения: "UZB" },
      документ: { вид: "ПАСПОРТ", номер: s.passport, государство: "UZB", орган: "MIA 26283", выдан: day(-500, "D.M.Y"), действителен: day(3000, "D.M.Y") },
    };
    await this.intake("border", "documents.ndjson", "border/documents-mapping.toml", `${JSON.stringify(document)}\n`);
    const row = (way: string, on: number, rest: string) => [s.case, s.original, s.latin, "", "", s.birth, s.passport, "UZB", way, `${day(on, "D.M.Y")} 06:40+0300`, "10002010", "Домодедово", "воздушный", rest].join(";");
    const rows = [CROSSINGS, row("въезд", -60, `работа;4626 1187350;${day(30, "D.M.Y")}`), row("выезд", -20, ";;"), row("въезд", -10, `работа;4626 1187351;${day(80, "D.M.Y")}`)];
    await this.intake("border", "crossings.csv", "border/mapping.toml", `${rows.join("\n")}\n`);
  }

  /** A new passport of hers, which names the number of the one before. */
  async renewedPassport(s: Subject, number: string): Promise<void> {
    const document = {
      номерДела: s.case,
      лицо: { имя: s.original, латиницей: s.latin, рождение: s.birth, пол: "Ж", гражданство: "UZB", странаРождения: "UZB" },
      документ: { вид: "ПАСПОРТ", номер: number, прежний: s.passport, государство: "UZB", орган: "MIA 26283", выдан: day(-2, "D.M.Y"), действителен: day(3600, "D.M.Y") },
    };
    await this.intake("border", "documents.ndjson", "border/documents-mapping.toml", `${JSON.stringify(document)}\n`);
  }

  /** She left: the one crossing that the border service has of her. */
  async left(s: Subject): Promise<void> {
    const header = "Номер дела;ФИО;ФИО латиницей;Строка МЧЗ;Одно имя;Дата рождения;Документ;Государство документа;Направление;Дата;Код пункта;Пункт пропуска;Вид сообщения;Цель;Миграционная карта;Срок пребывания";
    const row = [s.case, s.original, s.latin, "", "", s.birth, s.passport, "UZB", "выезд", `${day(-20, "D.M.Y")} 06:40+0300`, "10002010", "Домодедово", "воздушный", "", "", ""].join(";");
    await this.intake("border", "crossings.csv", "border/mapping.toml", `${header}\n${row}\n`);
  }

  /** What the employer says of her work: that it ended by agreement. */
  async employer(s: Subject): Promise<void> {
    const header = "Таб. №;Сотрудник;Дата рождения;Организация;ОГРН;Вид договора;Договор;Должность;Код занятия;Ставка;Оклад;Принят;Срок;Статус;Уволен;Причина";
    const row = [s.case, s.original, s.birth, "Ателье «Игла»", "1026900512340", "срочный", `31/${s.case}`, "Швея", "7533", "1", "41 000,00", day(-300, "D.M.Y"), day(-20, "D.M.Y"), "Уволен", day(-20, "D.M.Y"), "по соглашению"].join(";");
    await this.intake("employer", "staff.csv", "employer/mapping.toml", `${header}\n${row}\n`);
  }

  /** Crossings of hers, as many as are asked for: one record, and one envelope, each. */
  async crossings(s: Subject, count: number): Promise<void> {
    const row = (at: number) => [s.case, s.original, s.latin, "", "", s.birth, s.passport, "UZB", at % 2 === 0 ? "въезд" : "выезд", `${day(-10 * (count - at), "D.M.Y")} 06:40+0300`, "10002010", "Домодедово", "воздушный", at % 2 === 0 ? `работа;4626 ${1_000_000 + at};${day(30, "D.M.Y")}` : ";;"].join(";");
    await this.intake("border", "crossings.csv", "border/mapping.toml", `${[CROSSINGS, ...Array.from({ length: count }, (_, at) => row(at))].join("\n")}\n`);
  }

  /** How many envelopes of an office wait for the hub. */
  async waiting(office: Office): Promise<number> {
    const said = await this.gateway(office, "sync");
    return Number(/(\d+) envelope\(s\) for the hub/.exec(said)?.[1] ?? Number.NaN);
  }

  /** The clinic's certificate. */
  async clinic(s: Subject): Promise<void> {
    const row = { карта: s.case, пациент: { фио: s.original, латиница: s.latin, датаРождения: s.birth }, справка: { номер: `МО-${s.case}`, заключение: "годен", для: "патент", осмотр: day(-14, "D.M.Y"), до: day(350, "D.M.Y") } };
    await this.intake("clinic", "certificates.ndjson", "clinic/mapping.toml", `${JSON.stringify(row)}\n`);
  }

  /** The test centre's certificate. */
  async centre(s: Subject): Promise<void> {
    const header = "Дело,ФИО,ФИО (лат.),Одно имя,Дата рождения,№ сертификата,Уровень,Цель,Русский язык,История,Основы права,Экзамен,Выдан,Действителен до";
    const row = [s.case, s.original, s.latin, "", s.birth, `ТЦ-${s.case}`, "А2", "трудовая деятельность", "сдан", "сдан", "сдан", day(-15, "D.M.Y"), day(-12, "D.M.Y"), day(40, "D.M.Y")].join(",");
    await this.intake("centre", "certificates.csv", "test-centre/mapping.toml", `${header}\n${row}\n`);
  }

  /** A telephone number of hers, which another line of the operator may have too; with whom she shares it, as the operator writes it. */
  async phone(s: Subject, number: string, sharedWith = ""): Promise<void> {
    const header = "Лицевой счёт;Абонент;Дата рождения;Номер;Тариф;Договор на;Проверен;Как;Общий;С кем";
    const row = [s.case, s.original, s.birth, number, "личный", "абонента", day(-24, "D.M.Y").replace(/\d\d(\d\d)$/, "$1"), "договор", sharedWith === "" ? "0" : "1", sharedWith].join(";");
    await this.intake("telecom", "subscribers.csv", "telecom/phones-mapping.toml", `${header}\n${row}\n`, ["Номер", "Лицевой счёт"]);
  }

  /** An offence, as the police have it. */
  async police(s: Subject): Promise<void> {
    const header = "Производство;Лицо;Латиница;Дата рождения;Документ;Орган;Постановление;Вынесено;Статья;Наказание;Штраф, руб.;Валюта;Уплатить до;Состояние;На;Жалоба до;Жалоба в;Порядок;Погашено";
    const row = [s.case, s.original, s.latin, s.birth, s.passport, "Отдел полиции № 3, Тверь", `69 АП ${s.case}`, day(-4, "D.M.Y"), "КоАП РФ, статья 18.8, часть 1.1", "штраф", "2000", "RUB", day(60, "D.M.Y"), "не вступило", day(-4, "D.M.Y"), day(6, "D.M.Y"), "Пролетарский районный суд города Твери", "Письменно, в течение десяти дней", ""].join(";");
    await this.intake("police", "offences.csv", "police/mapping.toml", `${header}\n${row}\n`);
  }

  /** The mandate of whoever has a key to act for a child, to a day that may be over. */
  async mandate(s: Subject, key: string, untilDays: number): Promise<void> {
    const header = "Дело;Подопечный;Латиница;Дата рождения;Роль;Кто действует;Ключ;Полномочия;Услуги;Основание;Документ;Кем выдан;Передоверие;С;По";
    const row = [s.case, "Асанов Айбек Нурланович", "Asanov Aibek", "2017-10-02", "законный представитель", "Асанова Гүлмира Токтосуновна", key, "читать, получать, подавать", "все", "родитель", `II-МЮ ${s.case}`, "", "нет", day(-100, "D.M.Y"), day(untilDays, "D.M.Y")].join(";");
    await this.intake("guardianship", "mandates.csv", "guardianship/mapping.toml", `${header}\n${row}\n`);
  }

  /** Keeps a text as a file of the offices'; gives its path. */
  async kept(name: string, text: string): Promise<string> {
    const folder = this.path("files");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), text);
    return join(folder, name);
  }

  /** Claims of the offence with another penalty: what the police answer when she was right. */
  async correctedOffence(s: Subject): Promise<string> {
    const at = this.path("files", `${crypto.randomUUID()}.json`);
    await writeFile(at, JSON.stringify({
      subject: { names: { original: s.original, latin: s.latin }, birth_date: s.birth, document_number: s.passport },
      authority: "Отдел полиции № 3, Тверь", decision_number: `69 АП ${s.case}`, decided_on: day(-4), article: "КоАП РФ, статья 18.8, часть 1.1",
      penalty: { type: "warning" }, state: "not-in-force", state_on: day(-4),
      appeal: { until: day(6), to: "Пролетарский районный суд города Твери", how: "Письменно, в течение десяти дней" },
    }));
    return at;
  }

  async grant(office: Office, reference: string, file?: string): Promise<void> {
    await this.gateway(office, "show", reference);
    await this.gateway(office, "decide", reference, "--grant", ...(file === undefined ? [] : [file]));
  }

  /** The permit that the immigration office grants. */
  permit(): string { return join(ROOT, "demo/immigration/work-permit.json"); }

  /** The one dispute whose text has a word. */
  async dispute(office: Office, word: string): Promise<string> {
    return until(`the dispute is at ${office}`, async () => {
      const list = await this.gateway(office, "disputes");
      for (const number of list.match(/^\s*(\d+)\b/gm) ?? []) {
        const said = await this.gateway(office, "dispute", number.trim());
        if (said.includes(word)) return number.trim();
      }
      return undefined;
    });
  }
}

/** A world that this process started. */
export class World extends Offices {
  readonly #running: ChildProcess[] = [];
  readonly #by = new Map<string, ChildProcess>();

  /** Starts a hub and organisations. `listen` is where the hub really listens if something stands before it. */
  static async start(offices: readonly Office[] = OFFICES, at: { port?: number; listen?: number } = {}): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), "denizen-e2e-"));
    const port = at.port ?? await freePort();
    // Passkeys need `localhost`.
    const url = `http://localhost:${port}`;
    const world = new World({ folder, url, hubId: "" });
    try {
      await world.#begin(offices, at.listen ?? port);
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  async #begin(offices: readonly Office[], listen: number): Promise<void> {
    const said = await this.denizen("hub", "init", this.path("hub"), "--name", "Example Hub", "--url", this.url);
    const id = /id:\s*(\S+)/.exec(said)?.[1];
    if (id === undefined) throw new Error("hub init printed no id");
    this.known.hubId = id;
    await this.serveBundle(BUNDLE, listen);
    await Promise.all(offices.map((office) => this.#office(office)));
    await writeFile(this.path("known.json"), JSON.stringify(this.known));
  }

  async #office(office: Office): Promise<void> {
    const { name, names, kinds, services, ...more } = PLANS[office] as Plan;
    const quality = more.private === true ? "=claim" : "";
    const other = Object.entries(names).flatMap(([language, text]) => ["--name-in", `${language}=${text}`]);
    await this.gateway(office, "init", "--name", name, ...other, "--hub-id", this.known.hubId, "--hub-url", this.url);
    const statement = this.path(`${office}.statement`);
    await new Promise<void>((done, failed) => {
      execFile(BINARY, ["gateway", "statement", this.path(office)], { encoding: "buffer" }, (error, out) => {
        if (error !== null) failed(error);
        else writeFile(statement, out).then(done, failed);
      });
    });
    await this.denizen("hub", "admit", this.path("hub"), statement, ...kinds.flatMap((kind) => ["--kind", `${vct(kind)}${quality}`]));
    this.#serve(office, ["gateway", "serve", this.path(office)]);
    for (const one of services) await this.gateway(office, "publish", join(ROOT, "catalogue/services", `${one}.json`));
  }

  /** The operator names the bundle in the public directory. */
  async nameBundle(): Promise<string> {
    return this.denizen("hub", "bundle", this.path("hub"), "--config", this.path("hub.toml"));
  }

  /** Serves the same pages from a person's own machine; they reach this world's hub and another one. */
  async startPortal(other: string): Promise<string> {
    const port = await freePort();
    const url = `http://localhost:${port}`;
    // The test run builds a program that carries the same bundle.
    const folder = process.env["DENIZEN_EMBEDDED"] === undefined ? ["--folder", BUNDLE] : [];
    this.#serve("portal", ["portal", "--hub-id", this.known.hubId, "--hub-url", this.url, "--other-hub", other, "--port", String(port), "--synthetic", ...folder]);
    await until("the pages are served", async () => ((await fetch(url).catch(() => undefined))?.ok === true ? true : undefined));
    return url;
  }

  /** The hub starts, with these pages. */
  async serveBundle(folder: string, listen = Number(new URL(this.url).port)): Promise<void> {
    await writeFile(this.path("hub.toml"), `listen = "127.0.0.1:${listen}"\n[portal]\nfolder = ${JSON.stringify(folder)}\nsynthetic = true\n[log]\nlevel = "warn"\n`);
    this.startHub();
    await until("the hub answers", async () => ((await fetch(`http://127.0.0.1:${listen}/healthz`).catch(() => undefined))?.ok === true ? true : undefined));
  }

  startHub(): void {
    this.#serve("the hub", ["hub", "serve", this.path("hub"), "--config", this.path("hub.toml")]);
  }

  async stopHub(): Promise<void> {
    await end(this.#by.get("the hub"));
  }

  #serve(name: string, given: string[]): void {
    const child = spawn(BINARY, given, { stdio: ["ignore", "pipe", "pipe"] });
    const log = createWriteStream(this.path(`${name}.log`), { flags: "a" });
    log.on("error", () => undefined);
    child.stdout.pipe(log);
    child.stderr.pipe(log, { end: false });
    this.#running.push(child);
    this.#by.set(name, child);
  }

  /** Stops what it started, newest first, each by its process id; removes its folder. */
  async stop(): Promise<void> {
    for (const child of this.#running.reverse()) await end(child);
    if (process.env["DENIZEN_KEEP"] === undefined) await rm(this.known.folder, { recursive: true, force: true });
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
  await ended;
  clearTimeout(late);
}
