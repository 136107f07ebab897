// The only place that has the root secret. One call after the other; whatever changes the profile is
// kept before anything is sent, and again after.

import init, { Files, GivenFile, Session, setCheckAhead, setValidate } from "../wasm/denizen.js";
import wasmUrl from "../wasm/denizen_bg.wasm?url";
import { fetched, kitOf, kitPage, loadDoor, makeRoot, problem, square, unwrapPassphrase, unwrapPrf, wrapPassphrase, wrapPrf } from "./door.js";
import { emptyHome, keepHome, openFresh, openHome, sealFresh, type Fresh } from "./home.js";
import type { Answer, Api, Call, KeptHere, Method, Overview, Start } from "./protocol.js";
import { forget, read, readPages, remove, replaceProfile, write, writeAll, writePacked, type Kept, type PassphraseWrap, type PasskeyWrap } from "./store.js";
import { checkAhead } from "./ahead.js";
import { goThrough, send } from "./send.js";
import { validate } from "./validate.js";

declare const __WASM_INTEGRITY__: string;
declare const __CATALOGUE_INTEGRITY__: string;

/** What the whole module has read. */
interface Whole { catalogue: string; files: Files }

let started: Start | undefined;
let loaded: Whole | undefined;
/** What is unlocked while the whole module is not there: a root, and what is known without it. */
interface Entered {
  root: Uint8Array;
  /** Beside a kept profile: the way by which she came. */
  way?: string;
  /** The profile is still to be made. */
  fresh?: Fresh;
  /** The home screen, if it is known. */
  home?: Overview;
}
let entered: Entered | undefined;
/** Her own profile. */
let session: Session | undefined;
/** The child's profile that is shown, while one is. */
let ward: { id: string; name: string; session: Session } | undefined;
/** The profile with new keys, until there is a way to open it: then it takes her own one's place. */
let renewing: Session | undefined;
/** The file of a person whom she helps, while it is open. */
let given: GivenFile | undefined;

const own = (): Session => {
  if (session === undefined) throw problem("locked");
  return session;
};
/** The profile that is shown. */
const opened = (): Session => ward?.session ?? own();
const helped = (): GivenFile => {
  if (given === undefined) throw problem("helper-file");
  return given;
};
const begun = (): Start => {
  if (started === undefined) throw problem("internal");
  return started;
};
const all = (): Start & Whole => {
  if (loaded === undefined) throw problem("internal");
  return { ...begun(), ...loaded };
};
const root = (): Uint8Array => own().dangerRoot();
/** The profile to which a new way in leads. */
const entering = (): Session => renewing ?? own();

/** Two tabs would write over each other: the second one waits until the first is closed. */
let holding: Promise<unknown> | undefined;
async function hold(): Promise<void> {
  if (holding !== undefined) return;
  const got = await new Promise<boolean>((resolve) => {
    holding = navigator.locks.request("denizen-profile", { ifAvailable: true }, async (lock) => {
      resolve(lock !== null);
      // Held until the worker ends.
      if (lock !== null) await new Promise<never>(() => undefined);
    });
  });
  if (!got) {
    holding = undefined;
    throw problem("other-tab");
  }
}

/** Keeps the profile. Nothing leaves that this browser would not know after it was closed. */
async function keep(): Promise<void> {
  const kept = await read("passphrase") !== undefined || (await read("passkeys") ?? []).length > 0;
  // Before there is a way to unlock it, a kept profile would be lost bytes.
  if (!kept) return;
  const profile = own();
  const packed = profile.pack();
  await writePacked(packed.head, packed.pages as Map<number, Uint8Array>, packed.count);
  profile.kept(packed);
  const earlier = profile.sealEarlier();
  if (earlier !== undefined) await write("earlier", earlier);
  if (ward !== undefined) await keepWard(ward.id, ward.session);
}

async function keepWard(id: string, child: Session): Promise<void> {
  await write("wards", { ...(await read("wards") ?? {}), [id]: child.encrypt() });
}

/** A value as JSON, which the page reads. */
class Text {
  constructor(readonly json: string) {}
}

/** What is done once the answer is on its way, before the next call. */
let afterwards: (() => Promise<void>) | undefined;

/** Keeps what the home screen shows, for the next time. */
async function noteHome(lists: Overview): Promise<void> {
  const head = await read("profile");
  if (head === undefined) return;
  const secret = root();
  await keepHome(secret, head, begun().language, lists);
  secret.fill(0);
}

/** Ends what is open of a child's profile. */
function leaveWard(): void {
  ward?.session.free();
  ward = undefined;
}

/** What goes by itself later. */
const PASSING: ReadonlySet<string> = new Set(["hub-unreachable", "hub-busy"]);

/** Keeps, then sends; a hub that is away or busy is no error: it is sent at the next sync. */
async function keepAndSend(): Promise<void> {
  await keep();
  try {
    await opened().sync();
    await keep();
    await opened().send();
  } catch (error) {
    await obey(error).catch(() => undefined);
    if (!PASSING.has((error as { code?: string }).code ?? "")) throw error;
  } finally {
    await keep();
  }
}

/** Another device of hers took this one out: it forgets the profile. */
async function obey(error: unknown): Promise<never> {
  if ((error as { code?: string }).code === "device-ended" && ward === undefined) await api.forget();
  throw error;
}

/** What this browser opens for a way that ended elsewhere goes, but never the last of them. */
async function dropEnded(): Promise<void> {
  const here = own().ways().devices.find((device) => device.here);
  const ids = new Set(here?.ways.map((way) => way.id));
  const [passkeys, passphrase] = [await read("passkeys") ?? [], await read("passphrase")];
  const left = passkeys.filter((passkey) => ids.has(passkey.id));
  const opens = passphrase !== undefined && ids.has(passphrase.id);
  if (left.length === 0 && !opens) return;
  if (left.length < passkeys.length) await write("passkeys", left);
  if (passphrase !== undefined && !opens) await remove("passphrase");
}

/** What she finds this device under on her others, until she names it. */
function nameHere(profile: Session): void {
  const { texts } = begun();
  const named = profile.ways().devices.find((device) => device.here)?.name ?? "";
  const kind = /Android|iPhone|iPad|Mobile/.test(navigator.userAgent) ? "portal-device-phone" : "portal-device-computer";
  if (named === "") profile.nameDevice((JSON.parse(texts) as Record<string, string>)[kind] ?? "");
}

/** Keeps what opens a profile. One with new keys takes the place of the one before, all of it or nothing. */
async function settle(profile: Session, opens: Partial<Pick<Kept, "passphrase" | "passkeys">>): Promise<void> {
  if (profile === renewing) {
    const packed = profile.pack();
    const earlier = profile.sealEarlier();
    await replaceProfile(packed.head, packed.pages as Map<number, Uint8Array>, { ...opens, ...(earlier && { earlier }), kitConfirmed: true });
    profile.kept(packed);
    leaveWard();
    session?.free();
    [session, renewing] = [profile, undefined];
  } else {
    if (opens.passphrase !== undefined) await write("passphrase", opens.passphrase);
    if (opens.passkeys !== undefined) await write("passkeys", [...(await read("passkeys") ?? []), ...opens.passkeys]);
  }
  await keepAndSend();
}

async function keptHere(): Promise<KeptHere> {
  const passkeys = await read("passkeys") ?? [];
  return {
    profile: await keptProfile(),
    passphrase: await read("passphrase") !== undefined,
    passkeys: passkeys.map(({ id, credentialId }) => ({ id, credentialId })),
    staySignedIn: await read("staySignedIn") !== undefined,
    kitConfirmed: await read("kitConfirmed") ?? false,
  };
}

const keptProfile = async (): Promise<boolean> => (await read("profile") ?? await read("fresh")) !== undefined;

/** Ends what is open, whichever module has it. */
function leave(): void {
  leaveWard();
  session?.free();
  session = undefined;
  entered?.root.fill(0);
  entered = undefined;
}

/** Unlocks with a root, which is its own from now on. What the home screen shows is enough for now, if it is known. */
async function enter(root: Uint8Array, way: string | undefined): Promise<void> {
  try {
    await hold();
    const [head, fresh] = [await read("profile"), await read("fresh")];
    const { language, texts } = begun();
    leave();
    if (head !== undefined) {
      entered = { root, way, home: await openHome(root, head, language, texts) };
    } else {
      const made = fresh === undefined ? undefined : openFresh(root, fresh);
      if (made === undefined) throw problem("profile");
      entered = { root, fresh: made, home: emptyHome() };
    }
    if (loaded !== undefined || entered.home === undefined) await whole();
  } catch (error) {
    root.fill(0);
    leave();
    throw error;
  }
}

/** Loads the module that has everything else, and gives it what is unlocked. */
async function whole(): Promise<void> {
  const { language, texts } = begun();
  if (loaded === undefined) {
    const files = [fetched(wasmUrl, __WASM_INTEGRITY__), fetched("/catalogue.json", __CATALOGUE_INTEGRITY__)] as const;
    const [module, catalogue] = await Promise.all(files);
    await init({ module_or_path: module });
    setValidate(validate);
    setCheckAhead(checkAhead);
    const text = await catalogue.text();
    loaded = { catalogue: text, files: new Files(text, language, texts) };
  }
  if (entered === undefined) return;
  const { root, way, fresh } = entered;
  session = fresh === undefined ? await openKept(root) : await makeFresh(root, fresh);
  if (way !== undefined) session.useWay(way);
  root.fill(0);
  entered = undefined;
}

/** The profile that is kept, with the root that opens it. */
async function openKept(root: Uint8Array): Promise<Session> {
  const { files, language } = all();
  const [head, earlier] = [await read("profile"), await read("earlier")];
  if (head === undefined) throw problem("profile");
  const opened = Session.open(root, head, await readPages(), language, files, send);
  if (earlier !== undefined) opened.openEarlier(earlier, files);
  return opened;
}

/** The profile that was begun; kept at once, if there is a way to open it. */
async function makeFresh(root: Uint8Array, { hubId, hubUrl, name }: Fresh): Promise<Session> {
  const { files, language } = all();
  const made = Session.make(root, { hubId, hubUrl, language }, files, send);
  if (await read("fresh") === undefined) return made;
  nameHere(made);
  const [passphrase, passkeys] = [await read("passphrase"), await read("passkeys")];
  const opens: Partial<Kept> = {
    ...(passphrase && { passphrase: { ...passphrase, id: made.addWay("", "passphrase", undefined) } }),
    ...(passkeys && { passkeys: passkeys.map((passkey) => ({ ...passkey, id: made.addWay(name, "passkey", undefined) })) }),
  };
  const packed = made.pack();
  await replaceProfile(packed.head, packed.pages as Map<number, Uint8Array>, opens);
  made.kept(packed);
  return made;
}

/** Keeps what opens a profile that is still to be made; not the profile, which needs the whole module. */
async function keepFresh({ root, fresh }: { root: Uint8Array; fresh: Fresh }, opens: Partial<Kept>): Promise<void> {
  await writeAll({ ...opens, fresh: sealFresh(root, fresh) });
}

/** A profile that is begun and has no way in yet. */
const beginning = async (): Promise<{ root: Uint8Array; fresh: Fresh } | undefined> =>
  (entered?.fresh === undefined || await keptProfile() ? undefined : { root: entered.root, fresh: entered.fresh });

async function sealRoot(): Promise<void> {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const secret = root();
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, secret as BufferSource);
  secret.fill(0);
  await write("staySignedIn", { key, nonce, sealed });
}

type Async = { [M in keyof Api]: (...args: Parameters<Api[M]>) => Promise<ReturnType<Api[M]> | Text> };

const api: Async = {
  async start(with_) {
    await loadDoor();
    goThrough(with_.hub.through ?? []);
    started = with_;
    return keptHere();
  },
  whole,
  async setLanguage(language, texts) {
    if (entered !== undefined) await whole();
    started = { ...begun(), language, texts };
    await write("language", language);
    if (loaded === undefined) return;
    const files = new Files(loaded.catalogue, language, texts);
    loaded = { ...loaded, files };
    const shown = ward?.name;
    leaveWard();
    if (session !== undefined) {
      const secret = session.dangerRoot();
      const [bytes, earlier] = [session.encrypt(), session.sealEarlier()];
      session.free();
      session = Session.open(secret, bytes, new Map(), language, files, send);
      if (earlier !== undefined) session.openEarlier(earlier, files);
      await keep();
      if (shown !== undefined) await api.switchTo(shown);
    }
  },
  async make() {
    await hold();
    const { hub: { hubId, hubUrl } } = begun();
    if (await keptProfile()) throw problem("device-there");
    leave();
    entered = { root: makeRoot(), fresh: { hubId, hubUrl, name: "" }, home: emptyHome() };
  },
  async restore(kit, beside) {
    await hold();
    const { language, files } = all();
    session?.free();
    session = await Session.restore(kit, language, beside, files, send);
    await write("kitConfirmed", true);
  },
  async offerDevice(passphrase, page) {
    const link = await own().offerDevice(passphrase, page);
    return { link, ...square(link) };
  },
  async takeDevice(link, passphrase) {
    await hold();
    const { language, files } = all();
    if (await keptProfile()) throw problem("device-there");
    session?.free();
    session = await Session.takeDevice(link, passphrase, language, files, send);
    // The link is used up: the profile is kept at once, under the passphrase that she just typed.
    await api.keepPassphrase(passphrase);
    await write("kitConfirmed", true);
  },
  async keepPassphrase(passphrase) {
    const begins = await beginning();
    if (begins !== undefined) {
      const passphraseWrap: PassphraseWrap = { id: "", ...wrapPassphrase(begins.root, passphrase) };
      await keepFresh(begins, { passphrase: passphraseWrap });
      return;
    }
    await whole();
    const profile = entering();
    const wrapped = wrapPassphrase(profile.dangerRoot(), passphrase);
    nameHere(profile);
    const id = profile.addWay("", "passphrase", undefined);
    await settle(profile, { passphrase: { id, ...wrapped } });
  },
  async keepPasskey(credentialId, prf, name, everywhere) {
    const begins = await beginning();
    if (begins !== undefined && !everywhere) {
      begins.fresh.name = name;
      const passkey: PasskeyWrap = { id: "", credentialId, wrapped: wrapPrf(begins.root, prf) };
      prf.fill(0);
      await keepFresh(begins, { passkeys: [passkey] });
      return;
    }
    await whole();
    const profile = entering();
    const wrapped = wrapPrf(profile.dangerRoot(), prf);
    nameHere(profile);
    const id = profile.addWay(name, "passkey", everywhere ? prf : undefined);
    await settle(profile, { passkeys: [{ id, credentialId, wrapped }] });
    try {
      // Kept before: nothing lies at the hub that this browser does not know of.
      if (everywhere) await profile.leaveRoot(id, prf);
    } finally {
      prf.fill(0);
      await keepAndSend();
    }
  },
  async takePasskey(credentialId, prf) {
    await hold();
    const { hub, language, files } = all();
    if (await keptProfile()) throw problem("device-there");
    session?.free();
    session = await Session.takePasskey(prf, { hubId: hub.hubId, hubUrl: hub.hubUrl, language }, files, send);
    const wrapped = wrapPrf(root(), prf);
    prf.fill(0);
    nameHere(session);
    await settle(session, { passkeys: [{ id: session.newestWay() ?? "", credentialId, wrapped }] });
  },
  async ways() { return own().ways(); },
  async nameDevice(name) { own().nameDevice(name); await keepAndSend(); },
  async removeWay(id) {
    await keep();
    await own().endWay(id);
    await dropEnded();
    await keepAndSend();
  },
  async removeDevice(id) {
    await keep();
    await own().endDevice(id);
    await keepAndSend();
  },
  async renew() {
    const { files } = all();
    // What came until now goes along.
    await api.sync();
    renewing?.free();
    renewing = own().renewed(files, send);
    return kitPage(renewing.kitText());
  },
  async abandonEarlier() {
    await keep();
    await own().abandonEarlier();
    await remove("earlier");
    await keep();
  },
  async unlockPassphrase(passphrase) {
    const kept = await read("passphrase");
    if (kept === undefined) throw problem("profile");
    await enter(unwrapPassphrase(kept.wrapped, passphrase, kept.deviceSecret), kept.id);
  },
  async unlockPasskey(credentialId, prf) {
    const all = await read("passkeys") ?? [];
    const same = (p: PasskeyWrap) => p.credentialId.length === credentialId.length && p.credentialId.every((b, i) => b === credentialId[i]);
    const kept = all.find(same);
    if (kept === undefined) throw problem("profile");
    const secret = unwrapPrf(kept.wrapped, prf);
    prf.fill(0);
    await enter(secret, kept.id);
  },
  async unlockKept() {
    const kept = await read("staySignedIn");
    if (kept === undefined) throw problem("locked");
    const secret = await crypto.subtle.decrypt({ name: "AES-GCM", iv: kept.nonce as BufferSource }, kept.key, kept.sealed);
    await enter(new Uint8Array(secret), undefined);
  },
  async staySignedIn(on) {
    if (on) await sealRoot();
    else await remove("staySignedIn");
  },
  async kitConfirmed() {
    await write("kitConfirmed", true);
  },
  keptHere,
  async forget() {
    leave();
    await forget();
  },

  async kit() {
    if (entered?.fresh !== undefined) return kitOf(entered.root, entered.fresh);
    await whole();
    return kitPage(opened().kitText());
  },
  async overview(newest) {
    if (newest !== undefined && entered?.home !== undefined) return entered.home;
    await whole();
    const json = opened().overview(newest);
    if (ward === undefined) {
      afterwards = async () => {
        const lists = JSON.parse(json) as Overview;
        if (!lists.partial) await noteHome(lists);
      };
    }
    return new Text(json);
  },
  async record(kept) { return opened().record(kept); },
  async application(id) { return opened().application(id); },
  async services() { return opened().services(); },
  async history() { return opened().history(); },
  async exportAll() { return opened().export() as Map<string, Uint8Array>; },
  async preview(application) { return opened().preview(application); },
  async keepDraft(name, text) {
    const { [name]: _before, ...others } = await read("drafts") ?? {};
    await write("drafts", text === undefined ? others : { ...others, [name]: opened().sealDraft(name, text) });
  },
  async draft(name) {
    const sealed = (await read("drafts"))?.[name];
    return sealed === undefined ? undefined : opened().openDraft(name, sealed);
  },
  async people() { return own().people(); },
  async files() { return opened().files(); },
  async fileContent(number) { return opened().fileContent(number); },

  async switchTo(name) {
    await keep();
    leaveWard();
    if (name === undefined) return;
    const { files } = all();
    const row = own().people().wards.find((w) => w.name === name);
    if (row === undefined) throw problem("ward-unknown");
    const kept = (await read("wards"))?.[row.id];
    const child = kept === undefined ? await own().restoreWard(name, files, send) : own().openWard(name, kept, files, send);
    ward = { id: row.id, name, session: child };
    await keep();
    if (kept === undefined) await child.send();
  },
  async addWard(name) {
    const { files } = all();
    leaveWard();
    const child = own().addWard(name, files, send);
    const row = own().people().wards.find((w) => w.name === name);
    if (row === undefined) throw problem("internal");
    // Both are kept before anything of either is sent.
    await keepWard(row.id, child);
    await keepAndSend();
    ward = { id: row.id, name, session: child };
    try {
      await child.begin();
    } finally {
      await keep();
    }
  },
  async forgetWard(name) {
    const row = own().people().wards.find((w) => w.name === name);
    leaveWard();
    await keep();
    await own().forgetWard(name);
    const { [row?.id ?? ""]: _gone, ...left } = await read("wards") ?? {};
    await write("wards", left);
    await keepAndSend();
  },
  async readCard(text) { return own().readCard(text); },
  async addHelper(terms) { own().addHelper(terms); await keepAndSend(); },
  async giveHelper(name, records, special) {
    const text = own().giveHelper(name, records, special);
    await keepAndSend();
    return text;
  },
  async tellOffice(name, application) { own().tellOffice(name, application); await keepAndSend(); },
  async endHelper(name) { own().endHelper(name); await keepAndSend(); },
  async readDraft(text) {
    const draft = own().readDraft(text);
    await keepAndSend();
    return draft;
  },
  async makeCard(person, called) {
    const card = own().makeCard(person, called);
    await keepAndSend();
    return card;
  },
  async openGiven(text) {
    await api.closeGiven();
    given = own().openGiven(text);
    await keepAndSend();
    return own().showGiven(given);
  },
  async closeGiven() {
    given?.free();
    given = undefined;
  },
  async draftFor(draft) { return own().draftFor(helped(), draft); },
  async askAt(caseReference) {
    const ask = own().askAt(helped(), caseReference);
    return { ask, ...square(ask) };
  },

  async sync() {
    await keep();
    try {
      const fresh = await opened().sync();
      await keep();
      await opened().send();
      if (ward === undefined) await dropEnded();
      return fresh;
    } catch (error) {
      return await obey(error);
    } finally {
      await keep();
    }
  },
  async readInvitation(text) { return opened().readInvitation(text); },
  async leaveInvitation() { for (const one of [session, ward?.session]) one?.leaveInvitation(); },
  async acceptInvitation() {
    const link = opened().acceptInvitation();
    await keepAndSend();
    return link;
  },
  async apply(application, files) {
    opened().attach({ files });
    const id = opened().apply(application);
    await keepAndSend();
    return id;
  },
  async withdraw(id, text) { opened().withdraw(id, text); await keepAndSend(); },
  async dispute(kept, claims, text, files) {
    opened().attach({ files });
    opened().dispute(kept, JSON.stringify(claims), text);
    await keepAndSend();
  },
  async replyToRecord(kept, text) { opened().replyToRecord(kept, text); await keepAndSend(); },
  async replyToPaper(id, query, text) { opened().replyToPaper(id, query, text); await keepAndSend(); },
  async notMine(kept, text) { opened().notMine(kept, text); await keepAndSend(); },
  async freeze(link, frozen) { opened().freeze(link, frozen); await keepAndSend(); },
  async closeLink(link, reason) { opened().closeLink(link, reason); await keepAndSend(); },
  async shred(link) { await keep(); await opened().shred(link); await keep(); },
  async note(link, text, files) {
    opened().attach({ files });
    opened().note(link, text);
    await keepAndSend();
  },
  async requestErasure(link) { opened().requestErasure(link); await keepAndSend(); },
};

/** What goes without the whole module, or asks for it by itself. */
const FIRST: ReadonlySet<Method> = new Set([
  "start", "whole", "setLanguage", "make", "kit", "kitConfirmed", "keepPassphrase", "keepPasskey", "unlockPassphrase", "unlockPasskey", "unlockKept",
  "keptHere", "overview", "forget", "leaveInvitation",
] satisfies Method[]);

let queue: Promise<void> = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<Call>) => {
  queue = queue.then(() => answer(data));
};

async function answer({ id, method, args }: Call): Promise<void> {
  let said: Answer;
  try {
    if (!FIRST.has(method)) await whole();
    const call = api[method] as (...args: unknown[]) => Promise<unknown>;
    const value = await call(...args);
    said = value instanceof Text ? { id, json: value.json } : { id, value };
  } catch (thrown) {
    const error: unknown = typeof thrown === "string" ? problem(thrown) : thrown;
    const known = typeof error === "object" && error !== null && "code" in error && "details" in error;
    // What is no problem of ours is not repeated: it could hold anything.
    said = { id, problem: known ? (error as ReturnType<typeof problem>) : problem("internal") };
  }
  self.postMessage(said);
  const work = afterwards;
  afterwards = undefined;
  // If it does not go, the next home screen is read anew.
  await work?.().catch(() => undefined);
}
