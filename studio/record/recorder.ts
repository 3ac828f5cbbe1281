// One recording: what MediaRecorder gives is kept every two seconds, so that whatever happens loses no more than that.
//
// `state` tells a new state; `grown` that more is kept, and how much room there is. Where the browser keeps nothing, it is
// held in memory, and `isSafe` is false.
import { stayAwake } from "../upload/awake.ts";
import { type Capture, close, sourcesOf } from "./capture.ts";
import { bytesPerSecond, secondsLeft, type Space, spaceFor } from "./space.ts";
import { Stopwatch } from "./stopwatch.ts";
import { append, chunksOf, describe, fileOf, type Kept, remove } from "./store.ts";
import { bitRateOf, typeFor } from "./support.ts";
import { type Ending, endingOf } from "./trouble.ts";

const SLICE_MS = 2000;

export type State = "starting" | "recording" | "paused" | "ended";

export class Recorder extends EventTarget {
  readonly kept: Kept;
  state: State = "starting";
  ending: Ending | null = null; // once it has ended
  space: Space = "enough";
  left_s: number | null = null; // for how long there is room
  #capture: Capture;
  #media: MediaRecorder;
  #watch = new Stopwatch();
  #unkept: Blob[] = []; // what could not be written: the last of it
  #writing: Promise<void> = Promise.resolve();
  #release: () => void = () => {};
  #ended: Promise<void>;

  constructor(capture: Capture, user: string) {
    super();
    this.#capture = capture;
    const mimeType = typeFor((type) => MediaRecorder.isTypeSupported(type));
    const videoBitsPerSecond = bitRateOf(capture.kind);
    this.#media = new MediaRecorder(capture.stream, { videoBitsPerSecond, ...(mimeType && { mimeType }) });
    const now = Date.now();
    const id = crypto.randomUUID();
    const none = { title: "", length_ms: 0, bytes: 0, chunks: 0 };
    this.kept = { id, user, type: mimeType, began_at: now, changed_at: now, ...none };
    this.#listen();
    this.#ended = new Promise((ended) => (this.#media.onstop = () => void this.#end().then(ended)));
  }

  get elapsed_ms(): number {
    return this.#watch.elapsed(performance.now());
  }

  get isSafe(): boolean {
    return this.#unkept.length === 0;
  }

  // Throws where the browser cannot record this after all.
  start(): void {
    this.#media.start(SLICE_MS);
    void navigator.storage?.persist?.();
    void navigator.locks?.request(lockOf(this.kept.id), () => new Promise<void>((release) => (this.#release = release)));
    stayAwake(this, true);
  }

  pause(): void {
    if (this.#media.state === "recording") this.#media.pause();
  }

  resume(): void {
    if (this.#media.state === "paused") this.#media.resume();
  }

  // The first reason counts.
  stop(ending: Ending = "asked"): void {
    if (this.#media.state === "inactive") return;
    this.ending ??= ending;
    this.#media.stop();
  }

  // It is gone once this resolves.
  async discard(): Promise<void> {
    this.stop("discarded");
    await this.#ended;
    await remove(this.kept).catch(() => {});
  }

  async file(): Promise<File> {
    const written = this.kept.chunks ? await chunksOf(this.kept) : [];
    return fileOf(this.kept, [...written, ...this.#unkept]);
  }

  #listen(): void {
    const media = this.#media;
    media.onstart = media.onresume = () => {
      this.#watch.run(performance.now());
      this.#enter("recording");
    };
    media.onpause = () => {
      this.#watch.rest(performance.now());
      this.#enter("paused");
    };
    media.ondataavailable = ({ data }) => {
      this.#writing = this.#writing.then(() => this.#keep(data));
    };
    media.onerror = () => this.stop("failed");
    for (const { track, screen } of sourcesOf(this.#capture))
      track.addEventListener("ended", () => this.stop(endingOf(track.kind, screen)));
  }

  async #keep(content: Blob): Promise<void> {
    if (!content.size) return;
    const { kept } = this;
    const type = this.#media.mimeType || content.type || kept.type;
    const next = { type, length_ms: this.elapsed_ms, bytes: kept.bytes + content.size, changed_at: Date.now() };
    Object.assign(kept, next);
    try {
      if (!this.isSafe) throw new Error("what came before is missing");
      await append(kept, content);
      kept.chunks += 1;
    } catch (error) {
      this.#unkept.push(content);
      if ((error as Error).name === "QuotaExceededError") this.stop("full");
    }
    await this.#measure();
  }

  async #measure(): Promise<void> {
    const { bytes, length_ms } = this.kept;
    const rate = bytesPerSecond(bytes, length_ms, bitRateOf(this.#capture.kind));
    this.left_s = secondsLeft((await navigator.storage?.estimate?.().catch(() => ({}))) ?? {}, rate);
    this.space = this.isSafe ? spaceFor(this.left_s) : "enough"; // memory is not counted
    if (this.space === "none") this.stop("full");
    this.dispatchEvent(new Event("grown"));
  }

  async #end(): Promise<void> {
    this.#watch.rest(performance.now());
    this.kept.length_ms = this.elapsed_ms;
    // Where all tracks are gone, it has stopped before any of them has said so.
    const gone = sourcesOf(this.#capture).find(({ track }) => track.readyState === "ended");
    this.ending ??= gone ? endingOf(gone.track.kind, gone.screen) : "asked";
    await this.#writing;
    if (this.kept.chunks && this.isSafe) await describe(this.kept).catch(() => {});
    close(this.#capture);
    stayAwake(this, false);
    this.#release();
    this.#enter("ended");
  }

  #enter(state: State): void {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}

// Of recordings that other tabs are making: not to be offered, let alone deleted.
export async function underWay(): Promise<Set<string>> {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return new Set(held.map(({ name = "" }) => name));
}

export function lockOf(id: string): string {
  return `kadr-recording ${id}`;
}
