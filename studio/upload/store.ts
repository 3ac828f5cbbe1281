// What outlives the page: which file belongs to which upload, for a day. Where the browser keeps nothing there is no
// resume after a reload, and everything else works.
import { transact } from "./database.ts";

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
const DATABASE = { name: "kadr-uploads", stores: { [STORE]: "identity" } };

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
  return transact(DATABASE, mode, (transaction) => work(transaction.objectStore(STORE))).catch(() => undefined);
}
