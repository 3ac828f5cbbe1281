// What outlives the page: which file belongs to which upload, for a day. Where the browser keeps nothing there is no
// resume after a reload, and everything else works.
export interface Kept {
  identity: string; // where to, whose, name, size and time of the file
  fingerprint: string;
  key: string; // the Idempotency-Key
  body: string; // of the request that creates the upload
  name: string;
  size: number;
  user: string;
  upload_id: string; // "" until the server has answered
  asset_id: string;
  began_at: number;
  finished_at: number; // 0: not yet
  until: number;
}

export const DAY_MS = 86_400_000;
const STORE = "uploads";

export async function keep(kept: Kept): Promise<void> {
  await within("readwrite", (store) => store.put(kept));
}

export async function forget({ identity }: Kept): Promise<void> {
  await within("readwrite", (store) => store.delete(identity));
}

export async function allKept(): Promise<Kept[]> {
  const all = (await within("readonly", (store): IDBRequest<Kept[]> => store.getAll())) ?? [];
  const now = Date.now();
  await Promise.all(all.filter(({ until }) => until < now).map(forget));
  return all.filter(({ until }) => until >= now);
}

type Work<T> = (store: IDBObjectStore) => IDBRequest<T>;

async function within<T>(mode: IDBTransactionMode, work: Work<T>): Promise<T | undefined> {
  let database: IDBDatabase | undefined;
  try {
    database = await new Promise<IDBDatabase>((resolve, reject) => {
      const opening = indexedDB.open("kadr-uploads", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "identity" });
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    const transaction = database.transaction(STORE, mode);
    const request = work(transaction.objectStore(STORE));
    return await new Promise<T>((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } catch {
    return undefined;
  } finally {
    database?.close();
  }
}
