// Sends the missing parts of one upload, several at once, each until it has arrived.
import { setMaxListeners } from "node:events";
import { KadrError } from "./error.ts";
import { type Identity, blocksOf, changed, identify } from "./disk_file.ts";
import type { Upload } from "./openapi.ts";
import { pause } from "./pause.ts";
import { type Answer, put } from "./put.ts";
import { delayMs, isPassing, retryAfterMs } from "./retry.ts";

const TRIES = 8; // of a part
const ASK_AFTER = 3; // failures without an answer: the URL may be of no use any more
const STALL_MS = 30_000;

export interface Progress {
  /** Bytes that have arrived or are on their way. Never falls. */
  sentBytes: number;
  sizeBytes: number;
}

interface Part {
  number: number;
  size: number;
  arrived: boolean;
  url: string | null;
  moving: number; // bytes of it that are on their way
}

export interface Around {
  path: string;
  identity: Identity;
  atOnce: number;
  signal: AbortSignal | undefined;
  /** The upload as Kadr has it now, with URLs for missing parts from this one on. */
  show(fromPart: number): Promise<Upload>;
  onProgress(progress: Progress): void;
}

export class PartSender {
  readonly #parts: Part[] = [];
  #partBytes = 0;
  #shown = 0;
  #asking: Promise<void> = Promise.resolve();

  constructor(private readonly around: Around) {}

  /** What Kadr says of the upload: which parts have arrived, and URLs of others. */
  take({ parts, part_size_bytes, status }: Upload): void {
    if (status !== "open" && status !== "completed") {
      const hint = "Begin a new upload.";
      throw new KadrError(`upload_${status}`, `The upload is ${status}.`, { hint });
    }
    this.#partBytes = part_size_bytes;
    for (const { number, size_bytes, arrived, url } of parts) {
      const part = (this.#parts[number - 1] ??= { number, size: size_bytes, arrived, url, moving: 0 });
      Object.assign(part, { arrived: part.arrived || arrived, url: url ?? part.url });
    }
    if (status === "completed") for (const part of this.#parts) part.arrived = true;
  }

  /** Ask again which parts have arrived, where Kadr misses some. */
  async askAgain(): Promise<void> {
    for (const part of this.#parts) part.arrived = false;
    this.take(await this.around.show(1));
  }

  /** Send every missing part. The first failure stops all of them, and is thrown. */
  async send(): Promise<void> {
    const stop = new AbortController();
    const { signal } = this.around;
    const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    setMaxListeners(0, either); // one for each part that is under way
    const missing = this.#parts.filter(({ arrived }) => !arrived).values();
    const work = async () => {
      for (const part of missing) await this.#deliver(part, either);
    };
    this.#tell();
    const workers = Array.from({ length: this.around.atOnce }, work);
    try {
      await Promise.all(workers);
    } catch (error) {
      stop.abort();
      await Promise.allSettled(workers);
      signal?.throwIfAborted();
      throw error;
    }
  }

  async #deliver(part: Part, signal: AbortSignal): Promise<void> {
    let refused = false;
    for (let failures = 0; !part.arrived; ) {
      signal.throwIfAborted();
      const { url } = part;
      if (!url) {
        await this.#renew(part);
        continue;
      }
      const answer = await this.#put(part, url, signal);
      if (answer.status >= 200 && answer.status < 300) {
        part.arrived = true;
      } else if (answer.status === 403 && !refused) {
        refused = true; // it may have expired
        if (part.url === url) part.url = null;
      } else if (isPassing(answer.status) && failures + 1 < TRIES) {
        failures += 1;
        refused = false;
        const asked = retryAfterMs(answer.retryAfter, Date.now());
        await pause(Math.max(delayMs(failures), Math.min(asked, STALL_MS)), signal);
        if (answer.status === 0 && failures % ASK_AFTER === 0) part.url = null;
      } else {
        throw storageRefused(part, answer);
      }
    }
  }

  // A status of 0 where there was no answer. Throws where the file has changed, or nobody wants it any more.
  async #put(part: Part, url: string, signal: AbortSignal): Promise<Answer> {
    const { path, identity } = this.around;
    const blocks = blocksOf(path, (part.number - 1) * this.#partBytes, part.size);
    let listener: unknown;
    const moved = (bytes: number) => {
      part.moving += bytes;
      try {
        this.#tell();
      } catch (error) {
        listener = error;
        throw error;
      }
    };
    try {
      return await put(url, blocks, part.size, { signal, stallMs: STALL_MS, moved });
    } catch (error) {
      signal.throwIfAborted();
      if (listener) throw listener;
      await unchanged(path, identity);
      return { status: 0, text: (error as Error).message, retryAfter: undefined };
    } finally {
      part.moving = 0;
    }
  }

  // One asks at a time: its answer has URLs for those who wait, too.
  async #renew(part: Part): Promise<void> {
    const turn = this.#asking.then(async () => {
      if (part.url || part.arrived) return;
      this.take(await this.around.show(part.number));
      if (!part.url && !part.arrived) throw new KadrError("unexpected", `Part ${part.number} has got no URL.`);
    });
    this.#asking = turn.catch(() => {});
    await turn;
  }

  #tell(): void {
    const sent = this.#parts.reduce((sum, { arrived, size, moving }) => sum + (arrived ? size : moving), 0);
    this.#shown = Math.max(this.#shown, sent);
    this.around.onProgress({ sentBytes: this.#shown, sizeBytes: this.around.identity.size_bytes });
  }
}

/** Throws KadrError where the file is not what it was, or cannot be read. */
export async function unchanged(path: string, { fingerprint }: Identity): Promise<void> {
  const now = await identify(path).catch((error: unknown) => {
    throw changed(path, error);
  });
  if (now.fingerprint !== fingerprint) throw changed(path);
}

function storageRefused({ number }: Part, { status, text }: Answer): KadrError {
  if (status === 0) return new KadrError("no_answer", `Storage does not answer: ${text}.`, {});
  const reason = /<Code>(\w+)</.exec(text)?.[1] ?? "";
  return new KadrError("storage_refused", `Storage answered ${status} ${reason} to part ${number}.`, { status });
}
