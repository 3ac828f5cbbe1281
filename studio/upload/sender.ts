// Sends the parts of one upload, with those of all others of the page no more at once than a browser takes, and does
// what each answer asks for.
import { UploadError } from "./events.ts";
import { Concurrency } from "./concurrency.ts";
import { type Part, Parts } from "./parts.ts";
import { isBusy, pauseMs, retryAfterMs, verdictOn } from "./retry.ts";
import { type Answer, exchange } from "./transport.ts";

const ASK_AFTER = 3; // failures of a part without an answer: its URL may have expired, too

const concurrency = new Concurrency(/Mobi|Android/.test(navigator.userAgent) ? 2 : 4);

// Of the upload around it.
export interface Around {
  mayStart(): boolean;
  moved(): void; // bytes have
  stuck(status: number): void; // nothing moves since this answer; 0: since there was none
  storageSilent(): void; // Kadr answers, and storage does not
  renew(from?: number): Promise<void>; // ask what has arrived, and for fresh URLs
  changed(): Promise<UploadError | null>; // whether the file has, on disk
  stop(error: UploadError): void;
  notify(): void; // something else may be possible now
}

export class Sender {
  readonly parts = new Parts();

  constructor(
    private readonly file: File,
    private readonly part_bytes: number,
    private readonly stall_ms: number,
    private readonly around: Around,
  ) {
    concurrency.join(this.#start);
  }

  turn(): void {
    concurrency.turn(Date.now());
  }

  // Nothing is under way any more.
  drop(): void {
    this.parts.drop(this.parts.moving);
  }

  leave(): void {
    concurrency.leave(this.#start);
    this.drop();
  }

  // Give up what has not moved for too long.
  tick(now: number): void {
    for (const { moving } of this.parts.silent(this.stall_ms, now)) moving?.abort();
  }

  // The page, the network or the whole machine was away: what has not moved for so long would hang for ever. Says
  // whether anything did.
  wake(ms: number, now: number): boolean {
    const hanging = this.parts.silent(ms, now);
    this.parts.drop(hanging);
    this.parts.hurry();
    return hanging.length > 0;
  }

  // Times of before mean nothing any more.
  clockChanged(): void {
    concurrency.open();
  }

  #start = (now: number): boolean => {
    const part = this.around.mayStart() ? this.parts.next(now) : undefined;
    if (part?.url) void this.#put(part, part.url, now);
    else if (part) void this.around.renew(part.number);
    return Boolean(part?.url);
  };

  async #put(part: Part, url: string, began: number): Promise<void> {
    const from = (part.number - 1) * this.part_bytes;
    const moved = (bytes: number) => {
      if (part.moving !== sending) return;
      part.heard_at = Date.now();
      part.loaded = Math.min(bytes, part.size);
      this.around.moved();
    };
    // A slice is a reference: nothing is read into memory. It has no type, which would not be signed.
    const sending = exchange("PUT", url, { body: this.file.slice(from, from + part.size), moved });
    part.moving = sending;
    part.heard_at = began;
    concurrency.busy += 1;
    const answer = await sending.answer;
    concurrency.busy -= 1;
    if (part.moving === sending) this.#answered(part, url, began, answer);
    this.around.notify();
  }

  #answered(part: Part, url: string, began: number, answer: Answer): void {
    const now = Date.now();
    const { status, retry_after } = answer;
    const verdict = verdictOn(status);
    part.moving = null;
    part.loaded = 0;
    if (verdict === "good") {
      part.arrived = true;
      part.arrived_at = now;
      concurrency.good();
      this.around.moved();
    } else if (verdict === "again") {
      part.refused = false;
      part.failures += 1;
      part.not_before = now + pauseMs(part.failures, retry_after, now);
      if (isBusy(status)) concurrency.slow(began, now, retryAfterMs(retry_after, now));
      if (this.parts.moving.length === 0) this.around.stuck(status);
      if (status === 0) void this.#silent(part);
    } else if (verdict === "refused" && !part.refused) {
      part.refused = true;
      if (part.url === url) void this.around.renew(); // otherwise it has a fresh one already
    } else {
      const reason = /<Code>(\w+)</.exec(answer.text)?.[1];
      this.around.stop(new UploadError("storage_refused", reason, "", status));
    }
  }

  // No answer: the file cannot be read any more, or the network is gone, or storage refuses in a way that pages do not
  // get to see.
  async #silent(part: Part): Promise<void> {
    const error = await this.around.changed();
    if (error) return this.around.stop(error);
    if (part.failures % ASK_AFTER) return;
    await this.around.renew();
    this.around.storageSilent();
  }
}
