// What a page asks for, one call after the other. What is unlocked, and how it is kept, is in `keeping.ts`.

import { Files, Session, type GivenFile } from "../wasm/denizen.js";
import { kitOf, kitPage, loadDoor, makeRoot, problem, square, unwrapPassphrase, unwrapPrf, wrapPassphrase, wrapPrf } from "./door.js";
import { emptyHome } from "./home.js";
import {
  all, beginWith, beginning, begun, compareContacts, dropEnded, enter, entered, entering, forgetAll, hold, keep, keepAndSend,
  keepFresh, keepWard, keptHere, keptProfile, leave, leaveWard, loaded, nameHere, noteHome, obey, openOwn, opened,
  own, readWith, renewWith, renewing, root, sealRoot, session, settle, showWard, startWith, ward, whole,
} from "./keeping.js";
import type { Answer, Api, Call, LeaveStep, Method, Overview } from "./protocol.js";
import { goThrough, send } from "./send.js";
import { read, remove, write, type PassphraseWrap, type PasskeyWrap } from "./store.js";

/** A value as JSON, which the page reads. */
class Text {
  constructor(readonly json: string) {}
}

const leaveStep = (more: boolean): LeaveStep => {
  const page = own().leaving();
  if (page === undefined) throw problem("internal");
  return { ...page, more };
};

/** The file of a person whom she helps, while it is open. */
let given: GivenFile | undefined;
const helped = (): GivenFile => {
  if (given === undefined) throw problem("helper-file");
  return given;
};

/** What is done once the answer is on its way, before the next call. */
let afterwards: (() => Promise<void>) | undefined;

type Async = { [M in keyof Api]: (...args: Parameters<Api[M]>) => Promise<ReturnType<Api[M]> | Text> };

const api: Async = {
  async start(with_) {
    await loadDoor();
    goThrough(with_.hub.through ?? []);
    startWith(with_);
    return keptHere();
  },
  whole,
  async setLanguage(language, texts) {
    if (entered !== undefined) await whole();
    startWith({ ...begun(), language, texts });
    await write("language", language);
    if (loaded === undefined) return;
    const files = new Files(loaded.catalogue, language, texts);
    readWith(files);
    const shown = ward?.name;
    leaveWard();
    if (session !== undefined) {
      const secret = session.dangerRoot();
      const [bytes, earlier] = [session.encrypt(), session.sealEarlier()];
      session.free();
      const again = Session.open(secret, bytes, new Map(), language, files, send);
      openOwn(again);
      if (earlier !== undefined) again.openEarlier(earlier, files);
      await keep();
      if (shown !== undefined) await api.switchTo(shown);
    }
  },
  async make() {
    await hold();
    const { hub: { hubId, hubUrl } } = begun();
    if (await keptProfile()) throw problem("device-there");
    leave();
    beginWith({ root: makeRoot(), fresh: { hubId, hubUrl, name: "" }, home: emptyHome() });
  },
  async restore(kit, beside) {
    await hold();
    const { language, files } = all();
    session?.free();
    openOwn(await Session.restore(kit, language, beside, files, send));
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
    openOwn(await Session.takeDevice(link, passphrase, language, files, send));
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
    const taken = await Session.takePasskey(prf, { hubId: hub.hubId, hubUrl: hub.hubUrl, language }, files, send);
    openOwn(taken);
    const wrapped = wrapPrf(root(), prf);
    prf.fill(0);
    nameHere(taken);
    await settle(taken, { passkeys: [{ id: taken.newestWay() ?? "", credentialId, wrapped }] });
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
    const fresh = own().renewed(files, send);
    renewWith(fresh);
    return kitPage(fresh.kitText());
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
  forget: forgetAll,

  async kit() {
    if (entered?.fresh !== undefined) return kitOf(entered.root, entered.fresh);
    await whole();
    return kitPage(opened().kitText());
  },
  async overview(partial) {
    if (partial && entered?.home !== undefined) return entered.home;
    await whole();
    await compareContacts();
    const json = opened().overview(partial);
    if (ward === undefined) {
      afterwards = async () => {
        const lists = JSON.parse(json) as Overview;
        if (!lists.partial) await noteHome(lists);
      };
    }
    return new Text(json);
  },
  async rows() { return new Text(opened().rows()); },
  async record(kept) { return opened().record(kept); },
  async application(id) { return opened().application(id); },
  async services() { return opened().services(); },
  async history() { return opened().history(); },
  async seen(application) { opened().seen(application); await keep(); },
  async exportAll() { return opened().export() as Map<string, Uint8Array>; },
  async beginLeave(withoutRest) {
    leaveWard();
    await keep();
    try {
      await own().beginLeave(withoutRest);
    } finally {
      await keep();
    }
    return leaveStep(true);
  },
  async leaveNext() {
    let more: boolean;
    try {
      more = await own().leaveNext();
    } finally {
      await keep();
    }
    const step = leaveStep(more);
    if (step.over) await forgetAll();
    return step;
  },
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
    showWard({ id: row.id, name, session: child });
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
    showWard({ id: row.id, name, session: child });
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
