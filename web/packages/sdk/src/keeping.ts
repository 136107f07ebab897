// What of a profile is unlocked in this browser, and how it is kept: the one place that has the root secret.
// Whatever changes the profile is kept before anything is sent, and again after.

import init, { Files, Session, setCheckAhead, setValidate } from "../wasm/denizen.js";
import wasmUrl from "../wasm/denizen_bg.wasm?url";
import { checkAhead } from "./ahead.js";
import { fetched, problem } from "./door.js";
import { emptyHome, keepHome, openFresh, openHome, sealFresh, type Fresh } from "./home.js";
import type { KeptHere, Overview, Start } from "./protocol.js";
import { send } from "./send.js";
import { forget, read, readPages, readSome, remove, replaceProfile, write, writeAll, writePacked, type Kept } from "./store.js";
import { validate } from "./validate.js";

declare const __WASM_INTEGRITY__: string;
declare const __CATALOGUE_INTEGRITY__: string;

/** What the whole module has read. */
interface Whole { catalogue: string; files: Files }

export let started: Start | undefined;
export let loaded: Whole | undefined;
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
export let entered: Entered | undefined;
/** Her own profile. */
export let session: Session | undefined;
/** The child's profile that is shown, while one is. */
export let ward: { id: string; name: string; session: Session } | undefined;
/** The profile with new keys, until there is a way to open it: then it takes her own one's place. */
export let renewing: Session | undefined;

export const own = (): Session => {
  if (session === undefined) throw problem("locked");
  return session;
};
/** The profile that is shown. */
export const opened = (): Session => ward?.session ?? own();
export const begun = (): Start => {
  if (started === undefined) throw problem("internal");
  return started;
};
export const all = (): Start & Whole => {
  if (loaded === undefined) throw problem("internal");
  return { ...begun(), ...loaded };
};
export const root = (): Uint8Array => own().dangerRoot();
/** The profile to which a new way in leads. */
export const entering = (): Session => renewing ?? own();

/** What was fetched before anything else; or fetched again, in another language. */
export function startWith(with_: Start): void {
  started = with_;
}

/** The catalogue's files, read again in another language. */
export function readWith(files: Files): void {
  if (loaded !== undefined) loaded = { ...loaded, files };
}

/** A profile that is begun: nothing of it is kept yet. */
export function beginWith(made: Entered): void {
  entered = made;
}

/** Her own profile takes the place of the one that was open. */
export function openOwn(profile: Session): void {
  session = profile;
}

/** A child's profile is shown from now on. */
export function showWard(shown: NonNullable<typeof ward>): void {
  ward = shown;
}

/** The profile with new keys, until there is a way to open it. */
export function renewWith(profile: Session): void {
  renewing = profile;
}

/** Two tabs would write over each other: the second one waits until the first is closed. */
let holding: Promise<unknown> | undefined;
export async function hold(): Promise<void> {
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
export async function keep(): Promise<void> {
  const { there, passkeys = [] } = await readSome("passkeys");
  const kept = there.has("passphrase") || passkeys.length > 0;
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

export async function keepWard(id: string, child: Session): Promise<void> {
  await write("wards", { ...(await read("wards") ?? {}), [id]: child.encrypt() });
}

/** Keeps what the home screen shows, for the next time. */
export async function noteHome(lists: Overview): Promise<void> {
  const head = await read("profile");
  if (head === undefined) return;
  const secret = root();
  await keepHome(secret, head, begun().language, lists);
  secret.fill(0);
}

/** The profile whose contacts were compared with those of the children, as they are kept. */
let compared: Session | undefined;

/** From now on contacts are told that another profile in this browser has too. */
export async function compareContacts(): Promise<void> {
  if (ward !== undefined) {
    ward.session.compareWith(own());
    return;
  }
  const profile = own();
  if (compared === profile) return;
  compared = profile;
  if (profile.people().wards.length > 0) profile.compareWards(new Map(Object.entries(await read("wards") ?? {})), all().files);
}

/** Ends what is open of a child's profile. */
export function leaveWard(): void {
  // What came to it meanwhile is compared anew.
  if (ward !== undefined) compared = undefined;
  ward?.session.free();
  ward = undefined;
}

/** What goes by itself later. */
const PASSING: ReadonlySet<string> = new Set(["hub-unreachable", "hub-busy"]);

/** Keeps, then sends; a hub that is away or busy is no error: it is sent at the next sync. */
export async function keepAndSend(): Promise<void> {
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
export async function obey(error: unknown): Promise<never> {
  if ((error as { code?: string }).code === "device-ended" && ward === undefined) await forgetAll();
  throw error;
}

/** What this browser opens for a way that ended elsewhere goes, but never the last of them. */
export async function dropEnded(): Promise<void> {
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
export function nameHere(profile: Session): void {
  const { texts } = begun();
  const named = profile.ways().devices.find((device) => device.here)?.name ?? "";
  const kind = /Android|iPhone|iPad|Mobile/.test(navigator.userAgent) ? "portal-device-phone" : "portal-device-computer";
  if (named === "") profile.nameDevice((JSON.parse(texts) as Record<string, string>)[kind] ?? "");
}

/** Keeps what opens a profile. One with new keys takes the place of the one before, all of it or nothing. */
export async function settle(profile: Session, opens: Partial<Pick<Kept, "passphrase" | "passkeys">>): Promise<void> {
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

export async function keptHere(): Promise<KeptHere> {
  const { there, passkeys = [], kitConfirmed = false } = await readSome("passkeys", "kitConfirmed");
  return {
    profile: isProfile(there),
    passphrase: there.has("passphrase"),
    passkeys: passkeys.map(({ id, credentialId }) => ({ id, credentialId })),
    staySignedIn: there.has("staySignedIn"),
    kitConfirmed,
  };
}

const isProfile = (there: ReadonlySet<IDBValidKey>): boolean => there.has("profile") || there.has("fresh");
export const keptProfile = async (): Promise<boolean> => isProfile((await readSome()).there);

/** Ends what is open, whichever module has it. */
export function leave(): void {
  leaveWard();
  session?.free();
  session = undefined;
  entered?.root.fill(0);
  entered = undefined;
}

/** Ends what is open, and deletes everything that this browser keeps. */
export async function forgetAll(): Promise<void> {
  leave();
  await forget();
}

/** Unlocks with a root, which is its own from now on. What the home screen shows is enough for now, if it is known. */
export async function enter(root: Uint8Array, way: string | undefined): Promise<void> {
  try {
    await hold();
    const { profile: head, fresh } = await readSome("profile", "fresh");
    const { language, texts } = begun();
    leave();
    if (head !== undefined) {
      // With the whole module there is no waiting for it.
      entered = { root, way, home: loaded === undefined ? await openHome(root, head, language, texts) : undefined };
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
export async function whole(): Promise<void> {
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
  const { profile: head, earlier } = await readSome("profile", "earlier");
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
export async function keepFresh({ root, fresh }: { root: Uint8Array; fresh: Fresh }, opens: Partial<Kept>): Promise<void> {
  await writeAll({ ...opens, fresh: sealFresh(root, fresh) });
}

/** A profile that is begun and has no way in yet. */
export const beginning = async (): Promise<{ root: Uint8Array; fresh: Fresh } | undefined> =>
  (entered?.fresh === undefined || await keptProfile() ? undefined : { root: entered.root, fresh: entered.fresh });

export async function sealRoot(): Promise<void> {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const secret = root();
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, secret as BufferSource);
  secret.fill(0);
  await write("staySignedIn", { key, nonce, sealed });
}
