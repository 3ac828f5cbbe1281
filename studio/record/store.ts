// Recordings that have not been sent yet, chunk by chunk as they came, until they were sent or deleted.
import { transact } from "../upload/database.ts";
import { fileNameOf } from "./support.ts";

export interface Kept {
  id: string;
  user: string; // whose it is: it is not offered to others at this browser
  type: string; // of the file
  title: string;
  began_at: number;
  changed_at: number;
  length_ms: number;
  bytes: number;
  chunks: number;
}

interface Chunk {
  recording: string;
  number: number;
  content: Blob;
}

const DATABASE = { name: "kadr-recordings", stores: { recordings: "id", chunks: ["recording", "number"] } };

// The next chunk of a recording, and what is known of it from then on. Rejects with QuotaExceededError where it is full.
export async function append(kept: Kept, content: Blob): Promise<void> {
  const chunk: Chunk = { recording: kept.id, number: kept.chunks, content };
  await transact(DATABASE, "readwrite", (transaction) => {
    transaction.objectStore("chunks").put(chunk);
    return transaction.objectStore("recordings").put({ ...kept, chunks: kept.chunks + 1 });
  });
}

export async function describe(kept: Kept): Promise<void> {
  await transact(DATABASE, "readwrite", (transaction) => transaction.objectStore("recordings").put(kept));
}

// Oldest first; none where the browser keeps nothing.
export async function allKept(user: string): Promise<Kept[]> {
  const all = await transact(DATABASE, "readonly", (transaction): IDBRequest<Kept[]> =>
    transaction.objectStore("recordings").getAll(),
  ).catch(() => []);
  return all.filter((kept) => kept.user === user).sort((one, other) => one.began_at - other.began_at);
}

// In order. References: a browser reads none of them into memory.
export async function chunksOf({ id }: Kept): Promise<Blob[]> {
  const all = await transact(DATABASE, "readonly", (transaction): IDBRequest<Chunk[]> =>
    transaction.objectStore("chunks").getAll(allOf(id)),
  );
  return all.map(({ content }) => content);
}

export async function remove({ id }: Kept): Promise<void> {
  await transact(DATABASE, "readwrite", (transaction) => {
    transaction.objectStore("recordings").delete(id);
    return transaction.objectStore("chunks").delete(allOf(id));
  });
}

// The same name and time whenever it is made: so an upload of it goes on after a reload.
export function fileOf({ type, began_at, changed_at }: Kept, chunks: Blob[]): File {
  return new File(chunks, nameOf({ type, began_at }), { type: type.split(";")[0], lastModified: changed_at });
}

export function nameOf({ type, began_at }: Pick<Kept, "type" | "began_at">): string {
  return fileNameOf(new Date(began_at), type);
}

function allOf(id: string): IDBKeyRange {
  return IDBKeyRange.bound([id], [id, []]);
}
