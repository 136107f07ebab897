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

/** The database, once it is open: most steps need it several times. */
let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => {
      const database = asked.result;
      // Whoever deletes it does not wait for this worker.
      database.onversionchange = () => {
        opened = undefined;
        database.close();
      };
      database.onclose = () => (opened = undefined);
      resolve(database);
    };
    asked.onerror = () => {
      opened = undefined;
      reject(new Error("storage"));
    };
  });
  return opened;
}

/** One transaction: its work says how its result is read once all of it is done. */
async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => () => T): Promise<T> {
  const database = await open();
  return new Promise<T>((resolve, reject) => {
    // `strict`: what is said to be kept is on the disk, also if the browser ends now.
    const transaction = database.transaction(STORE, mode, { durability: "strict" });
    const result = work(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(result());
    transaction.onerror = transaction.onabort = () => reject(new Error("storage"));
  });
}

/** The values of some keys, as they are at one moment; and under which keys there is anything. */
export const readSome = <K extends keyof Kept>(...keys: K[]): Promise<Partial<Pick<Kept, K>> & { there: ReadonlySet<IDBValidKey> }> =>
  run("readonly", (store) => {
    const asked = keys.map((key) => [key, store.get(key)] as const);
    const there = store.getAllKeys();
    return () => ({ ...Object.fromEntries(asked.map(([key, value]) => [key, value.result as unknown])) as Partial<Pick<Kept, K>>, there: new Set(there.result) });
  });

export const read = <K extends keyof Kept>(key: K): Promise<Kept[K] | undefined> =>
  run("readonly", (store) => {
    const asked = store.get(key) as IDBRequest<Kept[K] | undefined>;
    return () => asked.result;
  });

/** Nothing is read of what was written. */
const done = (): void => undefined;

export const write = async <K extends keyof Kept>(key: K, value: Kept[K]): Promise<void> => {
  await run("readwrite", (store) => {
    store.put(value, key);
    return done;
  });
};

/** Keeps several values, all of them or none. */
export const writeAll = async (values: Partial<Kept>): Promise<void> => {
  await run("readwrite", (store) => {
    for (const [key, value] of Object.entries(values)) store.put(value, key);
    return done;
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
    store.put(head, "profile");
    return done;
  });
};

/** A profile takes the place of the kept one, with what opens it: all of it or nothing. */
export const replaceProfile = async (head: Uint8Array, pages: Map<number, Uint8Array>, with_: Partial<Kept>): Promise<void> => {
  await run("readwrite", (store) => {
    for (const key of ["passphrase", "passkeys", "staySignedIn", "drafts", "fresh", "home"] satisfies (keyof Kept)[]) store.delete(key);
    store.delete(IDBKeyRange.bound(page(0), ABOVE_ALL));
    for (const [number, bytes] of pages) store.put({ number, bytes }, page(number));
    for (const [key, value] of Object.entries(with_)) store.put(value, key);
    store.put(head, "profile");
    return done;
  });
};

/** The pages of the kept profile, by number. */
export const readPages = async (): Promise<Map<number, Uint8Array>> => {
  const all = await run("readonly", (store) => {
    const asked = store.getAll(IDBKeyRange.bound(page(0), ABOVE_ALL)) as IDBRequest<{ number: number; bytes: Uint8Array }[]>;
    return () => asked.result;
  });
  return new Map(all.map(({ number, bytes }) => [number, bytes]));
};

export const remove = async (key: keyof Kept): Promise<void> => {
  await run("readwrite", (store) => {
    store.delete(key);
    return done;
  });
};

/** Forgets everything that this browser keeps. */
export const forget = async (): Promise<void> => {
  await run("readwrite", (store) => {
    store.clear();
    return done;
  });
};
