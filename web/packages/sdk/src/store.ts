// What this browser keeps: one small database, in which nothing of the profile lies in clear.

const NAME = "denizen";
const STORE = "kept";

/** A root wrapped under a passphrase, with the secret of this device that it needs as well. `id`: the way's. */
export interface PassphraseWrap { id: string; wrapped: Uint8Array; deviceSecret: Uint8Array }
/** A root wrapped under a passkey's PRF output. */
export interface PasskeyWrap { id: string; credentialId: Uint8Array; wrapped: Uint8Array }

/** Everything that may be kept, by its key. */
export interface Kept {
  profile: Uint8Array;
  passphrase: PassphraseWrap;
  passkeys: PasskeyWrap[];
  /** A key that cannot be taken out of the browser, and the root under it; only if she asked for it. */
  staySignedIn: { key: CryptoKey; nonce: Uint8Array; sealed: ArrayBuffer };
  /** What she has typed and not sent, each sealed for the profile. */
  drafts: Record<string, Uint8Array>;
  language: string;
  /** Profiles of children whom she keeps, each encrypted under its own root, by the ward's id. */
  wards: Record<string, Uint8Array>;
  /** What a profile that was begun is to be made of, sealed, until it is made. */
  fresh: Uint8Array;
  /** The home screen as it was seen last, sealed for one state of the profile. */
  home: Uint8Array;
  /** The profile with the old keys, sealed for this one, until all its links have moved. */
  earlier: Uint8Array;
  kitConfirmed: boolean;
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(new Error("storage"));
  });
}

async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      // `strict`: what is said to be kept is on the disk, also if the browser ends now.
      const transaction = database.transaction(STORE, mode, { durability: "strict" });
      const asked = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(new Error("storage"));
    });
  } finally {
    database.close();
  }
}

export const read = <K extends keyof Kept>(key: K): Promise<Kept[K] | undefined> =>
  run("readonly", (store) => store.get(key) as IDBRequest<Kept[K] | undefined>);

export const write = async <K extends keyof Kept>(key: K, value: Kept[K]): Promise<void> => {
  await run("readwrite", (store) => store.put(value, key));
};

/** Keeps several values, all of them or none. */
export const writeAll = async (values: Partial<Kept>): Promise<void> => {
  await run("readwrite", (store) => {
    for (const [key, value] of Object.entries(values)) store.put(value, key);
    return store.count();
  });
};

/** Pages of records lie beside the profile, each under its number. */
const page = (number: number): IDBValidKey => ["page", number];
const ABOVE_ALL: IDBValidKey = ["page", []];

/**
 * Keeps a profile: its head, and the pages that changed, in one transaction; `count` pages are left. The home
 * screen of the state before goes: it could hold what she just destroyed, and opens beside that state alone.
 */
export const writePacked = async (head: Uint8Array, pages: Map<number, Uint8Array>, count: number): Promise<void> => {
  await run("readwrite", (store) => {
    for (const [number, bytes] of pages) store.put({ number, bytes }, page(number));
    store.delete(IDBKeyRange.bound(page(count), ABOVE_ALL));
    store.delete("home" satisfies keyof Kept);
    return store.put(head, "profile");
  });
};

/** A profile takes the place of the kept one, with what opens it: all of it or nothing. */
export const replaceProfile = async (head: Uint8Array, pages: Map<number, Uint8Array>, with_: Partial<Kept>): Promise<void> => {
  await run("readwrite", (store) => {
    for (const key of ["passphrase", "passkeys", "staySignedIn", "drafts", "fresh", "home"] satisfies (keyof Kept)[]) store.delete(key);
    store.delete(IDBKeyRange.bound(page(0), ABOVE_ALL));
    for (const [number, bytes] of pages) store.put({ number, bytes }, page(number));
    for (const [key, value] of Object.entries(with_)) store.put(value, key);
    return store.put(head, "profile");
  });
};

/** The pages of the kept profile, by number. */
export const readPages = async (): Promise<Map<number, Uint8Array>> => {
  const all = await run("readonly", (store) => store.getAll(IDBKeyRange.bound(page(0), ABOVE_ALL)) as IDBRequest<{ number: number; bytes: Uint8Array }[]>);
  return new Map(all.map(({ number, bytes }) => [number, bytes]));
};

export const remove = async (key: keyof Kept): Promise<void> => {
  await run("readwrite", (store) => store.delete(key));
};

/** Forgets everything that this browser keeps. */
export const forget = async (): Promise<void> => {
  await run("readwrite", (store) => store.clear());
};
