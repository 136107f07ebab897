// The only place that has the root secret. One call after the other; whatever changes the profile is
// kept before anything is sent, and again after.

import init, { Files, GivenFile, Session, setValidate, unwrapPassphrase, unwrapPrf, wrapPassphrase, wrapPrf } from "../wasm/denizen.js";
import wasmUrl from "../wasm/denizen_bg.wasm?url";
import type { Answer, Api, Call, KeptHere, Start } from "./protocol.js";
import { forget, read, readPages, remove, replaceProfile, write, writePacked, type Kept, type PasskeyWrap } from "./store.js";
import { goThrough, send } from "./send.js";
import { validate } from "./validate.js";

declare const __WASM_INTEGRITY__: string;

let started: (Start & { files: Files }) | undefined;
/** Her own profile. */
let session: Session | undefined;
/** The child's profile that is shown, while one is. */
let ward: { id: string; name: string; session: Session } | undefined;
/** The profile with new keys, until there is a way to open it: then it takes her own one's place. */
let renewing: Session | undefined;
/** The file of a person whom she helps, while it is open. */
let given: GivenFile | undefined;

const problem = (code: string) => ({ code, what: "", next: "", details: [] });
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
const begun = (): Start & { files: Files } => {
  if (started === undefined) throw problem("internal");
  return started;
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

/** Ends what is open of a child's profile. */
function leaveWard(): void {
  ward?.session.free();
  ward = undefined;
}

/** Keeps, then sends; a hub that is away is no error: it is sent at the next sync. */
async function keepAndSend(): Promise<void> {
  await keep();
  try {
    await opened().sync();
    await keep();
    await opened().send();
  } catch (error) {
    await obey(error).catch(() => undefined);
    if ((error as { code?: string }).code !== "hub-unreachable") throw error;
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
    profile: await read("profile") !== undefined,
    passphrase: await read("passphrase") !== undefined,
    passkeys: passkeys.map(({ id, credentialId }) => ({ id, credentialId })),
    staySignedIn: await read("staySignedIn") !== undefined,
    kitConfirmed: await read("kitConfirmed") ?? false,
  };
}

async function open(secret: Uint8Array): Promise<void> {
  await hold();
  const { files, language } = begun();
  const head = await read("profile");
  if (head === undefined) throw problem("profile");
  const pages = await readPages();
  leaveWard();
  session?.free();
  session = Session.open(secret, head, pages, language, files, send);
  secret.fill(0);
  const earlier = await read("earlier");
  if (earlier !== undefined) session.openEarlier(earlier, files);
}

async function sealRoot(): Promise<void> {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const secret = root();
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, secret as BufferSource);
  secret.fill(0);
  await write("staySignedIn", { key, nonce, sealed });
}

type Async = { [M in keyof Api]: (...args: Parameters<Api[M]>) => Promise<ReturnType<Api[M]>> };

const api: Async = {
  async start(with_) {
    const module = await fetch(wasmUrl, { integrity: __WASM_INTEGRITY__ });
    await init({ module_or_path: module });
    setValidate(validate);
    goThrough(with_.hub.through ?? []);
    started = { ...with_, files: new Files(with_.catalogue, with_.language, with_.texts) };
    return keptHere();
  },
  async setLanguage(language, texts) {
    const { catalogue } = begun();
    const files = new Files(catalogue, language, texts);
    started = { ...begun(), language, texts, files };
    await write("language", language);
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
    const { hub, language, files } = begun();
    session?.free();
    session = Session.make({ hubId: hub.hubId, hubUrl: hub.hubUrl, language }, files, send);
  },
  async restore(kit, beside) {
    await hold();
    const { language, files } = begun();
    session?.free();
    session = await Session.restore(kit, language, beside, files, send);
    await write("kitConfirmed", true);
  },
  async offerDevice(passphrase, page) { return own().offerDevice(passphrase, page); },
  async takeDevice(link, passphrase) {
    await hold();
    const { language, files } = begun();
    if (await read("profile") !== undefined) throw problem("device-there");
    session?.free();
    session = await Session.takeDevice(link, passphrase, language, files, send);
    // The link is used up: the profile is kept at once, under the passphrase that she just typed.
    await api.keepPassphrase(passphrase);
    await write("kitConfirmed", true);
  },
  async keepPassphrase(passphrase) {
    const profile = entering();
    const { wrapped, deviceSecret } = wrapPassphrase(profile.dangerRoot(), passphrase);
    nameHere(profile);
    const id = profile.addWay("", "passphrase", undefined);
    await settle(profile, { passphrase: { id, wrapped: Uint8Array.from(wrapped), deviceSecret: Uint8Array.from(deviceSecret) } });
  },
  async keepPasskey(credentialId, prf, name, everywhere) {
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
    const { hub, language, files } = begun();
    if (await read("profile") !== undefined) throw problem("device-there");
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
    const { files } = begun();
    // What came until now goes along.
    await api.sync();
    renewing?.free();
    renewing = own().renewed(files, send);
    return renewing.kit();
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
    await open(unwrapPassphrase(kept.wrapped, passphrase, kept.deviceSecret));
    own().useWay(kept.id);
  },
  async unlockPasskey(credentialId, prf) {
    const all = await read("passkeys") ?? [];
    const same = (p: PasskeyWrap) => p.credentialId.length === credentialId.length && p.credentialId.every((b, i) => b === credentialId[i]);
    const kept = all.find(same);
    if (kept === undefined) throw problem("profile");
    const secret = unwrapPrf(kept.wrapped, prf);
    prf.fill(0);
    await open(secret);
    own().useWay(kept.id);
  },
  async unlockKept() {
    const kept = await read("staySignedIn");
    if (kept === undefined) throw problem("locked");
    const secret = await crypto.subtle.decrypt({ name: "AES-GCM", iv: kept.nonce as BufferSource }, kept.key, kept.sealed);
    await open(new Uint8Array(secret));
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
    leaveWard();
    session?.free();
    session = undefined;
    await forget();
  },

  async kit() { return opened().kit(); },
  async overview(newest) { return opened().overview(newest); },
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
    const { files } = begun();
    const row = own().people().wards.find((w) => w.name === name);
    if (row === undefined) throw problem("ward-unknown");
    const kept = (await read("wards"))?.[row.id];
    const child = kept === undefined ? await own().restoreWard(name, files, send) : own().openWard(name, kept, files, send);
    ward = { id: row.id, name, session: child };
    await keep();
    if (kept === undefined) await child.send();
  },
  async addWard(name) {
    const { files } = begun();
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
  async askAt(caseReference) { return own().askAt(helped(), caseReference); },

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

let queue: Promise<void> = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<Call>) => {
  queue = queue.then(() => answer(data));
};

async function answer({ id, method, args }: Call): Promise<void> {
  let said: Answer;
  try {
    const call = api[method] as (...args: unknown[]) => Promise<unknown>;
    said = { id, value: await call(...args) };
  } catch (error) {
    const known = typeof error === "object" && error !== null && "code" in error && "details" in error;
    // What is no problem of ours is not repeated: it could hold anything.
    said = { id, problem: known ? (error as ReturnType<typeof problem>) : problem("internal") };
  }
  self.postMessage(said);
}
