// What page and worker say to each other.

import type {
  ApplicationPage, CardPage, ConfirmedApplication, DraftGiven, DraftPage, FileRows, GivenPage, HelperCardPage, HelperTermsGiven, History, InvitationPage, LeavePage, LeavingPage, Overview as Lists, People, Problem, RecordPage, RecordRow, Services, WaysPage,
} from "../wasm/denizen.js";

export type * from "../wasm/denizen.js";

/** A QR code: the path of its dark modules, of one unit each, and modules on a side. */
export interface Square { qrPath: string; qrSize: number }
/** The kit, as it is printed. */
export interface KitPage extends Square { text: string }
/** The page's address with a link for a second device behind `#`, which is never sent. */
export interface DevicePage extends Square { link: string }
/** A question to show at an office. */
export interface AskPage extends Square { ask: string }

/** How far the deletion of everything is, and whether something more may be done now. */
export interface LeaveStep extends LeavePage { more: boolean }

/** The first page's lists. */
export interface Overview extends Lists {
  /** It is the home screen as it was kept: the lists are still to be read. */
  copy?: boolean;
}

/** What the hub that serves the page says of itself. */
export interface Hub {
  hubId: string;
  hubUrl: string;
  name: string;
  synthetic: boolean;
  /** The hubs that are reached through whoever serves the page, where that is no hub. */
  through?: string[];
}

/** What this browser keeps of a profile, before anything is unlocked. */
export interface KeptHere { profile: boolean; passphrase: boolean; passkeys: PasskeyInfo[]; staySignedIn: boolean; kitConfirmed: boolean }
/** A passkey that opens the profile here; what its owner calls it stands in the profile. */
export interface PasskeyInfo { id: string; credentialId: Uint8Array }

/** What was fetched before the worker does anything. */
export interface Start { hub: Hub; language: string; texts: string }

/** Methods of the worker. All of them wait their turn in one queue. */
export interface Api {
  start(with_: Start): KeptHere;
  /** Loads what is not needed until the home screen is shown; whatever needs it does so by itself. */
  whole(): void;
  setLanguage(language: string, texts: string): void;
  /** A new profile, unlocked; nothing is kept before `keepPassphrase` or `keepPasskey`. */
  make(): void;
  restore(kit: string, beside: boolean): void;
  offerDevice(passphrase: string, page: string): DevicePage;
  takeDevice(link: string, passphrase: string): void;
  keepPassphrase(passphrase: string): void;
  /** `everywhere`: it gets her in on other devices too. */
  keepPasskey(credentialId: Uint8Array, prf: Uint8Array, name: string, everywhere: boolean): void;
  /** Brings the profile to this browser with a passkey that gets her in everywhere. */
  takePasskey(credentialId: Uint8Array, prf: Uint8Array): void;

  /** Who can get in. */
  ways(): WaysPage;
  nameDevice(name: string): void;
  removeWay(id: string): void;
  removeDevice(id: string): void;
  /** New keys; nothing has changed before `keepPassphrase` or `keepPasskey`. */
  renew(): KitPage;
  /** Deletes what lies at the old addresses, once everything has moved. */
  abandonEarlier(): void;

  unlockPassphrase(passphrase: string): void;
  unlockPasskey(credentialId: Uint8Array, prf: Uint8Array): void;
  unlockKept(): void;
  staySignedIn(on: boolean): void;
  kitConfirmed(): void;
  keptHere(): KeptHere;
  /** Deletes everything that this browser keeps. */
  forget(): void;

  kit(): KitPage;
  /** What every screen shows; or at first only what takes no look at each record. */
  overview(partial: boolean): Overview;
  /** All records, newest first. */
  rows(): RecordRow[];
  record(kept: string): RecordPage;
  application(id: string): ApplicationPage;
  services(): Services;
  history(): History;
  /** She has looked at the notes, or at one application: home does not list it any more. */
  seen(application: string | undefined): void;
  exportAll(): Map<string, Uint8Array>;
  /** Begins to delete everything, or goes on; `withoutRest` gives up what is left at hubs that are away. */
  beginLeave(withoutRest: boolean): LeaveStep;
  /** Deletes one thing more. Once it is over, this browser keeps nothing. */
  leaveNext(): LeaveStep;
  preview(application: ConfirmedApplication): LeavingPage;

  /** Keeps what she has typed and not sent, sealed; nothing forgets it. */
  keepDraft(name: string, text: string | undefined): void;
  draft(name: string): string | undefined;
  people(): People;
  files(): FileRows;
  fileContent(number: number): Uint8Array;

  /** Whose profile is shown from now on: hers, or that of a child whom she keeps. */
  switchTo(ward: string | undefined): void;
  addWard(name: string): void;
  forgetWard(name: string): void;
  readCard(text: string): HelperCardPage;
  addHelper(terms: HelperTermsGiven): void;
  giveHelper(name: string, records: string[], special: boolean): string;
  tellOffice(name: string, application: string): void;
  endHelper(name: string): void;
  readDraft(text: string): DraftPage;

  /** A card for somebody whom she will help. */
  makeCard(person: string, called: string): CardPage;
  /** Opens the file of a person whom she helps; it is open until `closeGiven`, and nowhere kept. */
  openGiven(text: string): GivenPage;
  closeGiven(): void;
  /** Prepares within the open file; gives the text for the person. */
  draftFor(draft: DraftGiven): string;
  askAt(caseReference: string): AskPage;

  /** Fetches what came and sends what waits; gives how many things are new. */
  sync(): number;
  readInvitation(text: string): InvitationPage;
  /** She went away from the invitation that was read: it cannot be accepted any more. */
  leaveInvitation(): void;
  acceptInvitation(): number;
  apply(application: ConfirmedApplication, files: FileToSend[]): string;
  withdraw(id: string, text: string): void;
  dispute(kept: string, claims: string[][], text: string, files: FileToSend[]): void;
  notMine(kept: string, text: string): void;
  /** An empty text takes the reply back. */
  replyToRecord(kept: string, text: string): void;
  replyToPaper(id: string, query: string, text: string): void;
  freeze(link: number, frozen: boolean): void;
  closeLink(link: number, reason: string): void;
  shred(link: number): void;
  note(link: number, text: string, files: FileToSend[]): void;
  requestErasure(link: number): void;
}

/** A file that goes with a message. */
export interface FileToSend { name: string; mediaType: string; content: Uint8Array }

export type Method = keyof Api;
export interface Call { id: number; method: Method; args: unknown[] }
/** `json`: a value as its text, which crosses faster than many objects. */
export type Answer = { id: number; value: unknown } | { id: number; json: string } | { id: number; problem: Problem };
