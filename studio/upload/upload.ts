// What a page imports: docs/uploads.md.
import { allKept } from "./store.ts";

export { Upload } from "./engine.ts";
export type { Fields, Question, Settings, State, Trouble, UploadEvents } from "./events.ts";
export { UploadError } from "./events.ts";
export type { Shown } from "./progress.ts";
export { type QueueSettings, UploadQueue } from "./queue.ts";

export interface Unfinished {
  name: string;
  size: number;
  asset_id: string;
  since: Date;
}

// What was left unfinished by a crash or a reload: to go on, the same file has to be chosen again.
export async function unfinished(user = ""): Promise<Unfinished[]> {
  const left = (await allKept()).filter((kept) => kept.user === user && kept.upload_id && !kept.finished_at);
  return left.map(({ name, size, asset_id, began_at }) => ({ name, size, asset_id, since: new Date(began_at) }));
}
