// Uploads of files from disk.
import { randomUUID } from "node:crypto";
import { basename } from "node:path";
import type { Api } from "./api.ts";
import { identify } from "./disk_file.ts";
import { KadrError } from "./error.ts";
import type { NewUpload, Upload } from "./openapi.ts";
import { PartSender, type Progress, unchanged } from "./part_sender.ts";

const AT_ONCE = 4;
const REFUSALS = 2; // of a completion, where parts that had arrived are missing

/** What is said of a new asset: title, ref, policy, language and the options of encoding, as in POST /v1/uploads. */
export type UploadFields = Omit<NewUpload, "filename" | "size_bytes"> & { filename?: string };

/** An upload of a file that has begun: plain JSON, to be kept until it is finished. */
export interface BegunUpload {
  id: string;
  asset_id: string;
  /** The file on disk. It may have moved by the time the upload is finished: change it here. */
  path: string;
  size_bytes: number;
  fingerprint: string;
}

export interface BeginOptions {
  /** The same key with the same file gives the same upload for a day, even where the first answer was lost. */
  idempotencyKey?: string;
  /** Id of an asset whose source the file replaces. Then nothing is said of it in the fields. */
  asset?: string;
  signal?: AbortSignal;
}

export interface FinishOptions {
  /** Called again and again while bytes are sent. */
  onProgress?(progress: Progress): void;
  /** Parts that are sent at once. Default: 4. */
  atOnce?: number;
  /** Stops sending. What has arrived stays for the upload's lifetime, a day. */
  signal?: AbortSignal;
}

interface GetOptions {
  fromPart?: number;
  signal?: AbortSignal | undefined;
}

export class Uploads {
  constructor(private readonly api: Api) {}

  /** Send a file. `onBegun` gets what `finish` needs to go on after a crash. */
  async file(
    path: string,
    fields: UploadFields = {},
    options: BeginOptions & FinishOptions & { onBegun?(begun: BegunUpload): unknown } = {},
  ): Promise<Upload> {
    const begun = await this.begin(path, fields, options);
    await options.onBegun?.(begun);
    return this.finish(begun, options);
  }

  /** Create an asset and the upload of its file. Nothing of the file is sent yet. */
  async begin(
    path: string,
    fields: UploadFields = {},
    { idempotencyKey = randomUUID(), asset, signal }: BeginOptions = {},
  ): Promise<BegunUpload> {
    const { size_bytes, fingerprint } = await identify(path);
    if (size_bytes === 0) throw new KadrError("empty_file", `${path} is empty.`, { hint: "Choose another file." });
    const body = { filename: basename(path).slice(-255), size_bytes, ...fields };
    const target = asset ? `/v1/assets/${encodeURIComponent(asset)}/source` : "/v1/uploads";
    const { id, asset_id } = await this.api.data<Upload>("POST", target, { body, idempotencyKey, signal });
    return { id, asset_id, path, size_bytes, fingerprint };
  }

  /**
   * Send what is missing of an upload that has begun, in this program or in one that ended, and complete it.
   * Once more does no harm. Throws KadrError `file_changed` where the file is not the one it was when it began.
   */
  async finish(begun: BegunUpload, options: FinishOptions = {}): Promise<Upload> {
    const { signal, onProgress = () => {}, atOnce = AT_ONCE } = options;
    const show = (fromPart: number) => this.get(begun.id, { fromPart, signal });
    const upload = await show(1);
    if (upload.status === "completed") return upload;
    await unchanged(begun.path, begun);
    const sender = new PartSender({ path: begun.path, identity: begun, atOnce, signal, show, onProgress });
    sender.take(upload);
    for (let refusals = 0; ; refusals += 1) {
      await sender.send();
      await unchanged(begun.path, begun);
      try {
        return await this.#complete(begun.id, signal);
      } catch (error) {
        const again = error instanceof KadrError && error.code === "size_mismatch" && refusals < REFUSALS;
        if (!again) throw error;
        await sender.askAgain();
      }
    }
  }

  /** The upload, with which parts have arrived and URLs for the missing ones from `fromPart` on. */
  async get(id: string, { fromPart = 1, signal }: GetOptions = {}): Promise<Upload> {
    return this.api.data<Upload>("GET", pathOf(id), { query: { from_part: fromPart }, signal });
  }

  /** Give an upload up: its parts are deleted, and so is an asset that only waited for it. */
  async abort(id: string): Promise<void> {
    await this.api.call("DELETE", pathOf(id));
  }

  async #complete(id: string, signal: AbortSignal | undefined): Promise<Upload> {
    return this.api.data<Upload>("POST", `${pathOf(id)}/complete`, { body: {}, signal });
  }
}

function pathOf(id: string): string {
  return `/v1/uploads/${encodeURIComponent(id)}`;
}
