// One file on its way: from the choice of the file to the server's word that it has all of it.
//
// `#run` goes through the phases one after the other, and waits in `#condition`; the parts are the sender's. Whatever may
// have changed something calls `#notify`, which lets go on what has waited for it.
import { Api, bodyOf, type Described, describedIn } from "./api.ts";
import { stayAwake } from "./awake.ts";
import { Condition } from "./condition.ts";
import { type Fields, type Question, type Settings, type State, type Trouble, UploadError } from "./events.ts";
import type { UploadEvents } from "./events.ts";
import { canResume, fingerprintOf } from "./fingerprint.ts";
import { Progress, type Shown } from "./progress.ts";
import { delayMs, isOnline, pauseMs, verdictOn } from "./retry.ts";
import { type Around, Sender } from "./sender.ts";
import { allKept, DAY_MS, forget, keep, type Kept } from "./store.ts";
import type { Answer, Exchange } from "./transport.ts";

const TICK_MS = 500;
const JUMP_MS = 30_000;
const HANGS_MS = 10_000;
const RECONNECTED_MS = 1000; // connections seldom outlive the network
const QUIET_MS = 2000;
const REFUSALS = 3; // of the server to complete what has been sent
const GOODBYES = 8;
const WAKING = ["online", "pageshow", "visibilitychange"];
const CANCELLED = Symbol("cancelled");

export class Upload extends EventTarget {
  error: UploadError | null = null; // once it has failed
  #api: Api;
  #phase: State = "queued";
  #paused = false;
  #trouble: Trouble | null = null;
  #told = ""; // the state and the trouble that listeners know
  #running: Promise<void> | null = null;
  #condition = new Condition();
  #ticked_at = 0;
  #quiet_until = 0; // until when a failed call is not repeated
  #showing: Exchange | null = null;
  #renewing = false;
  #kept: Kept | null = null;
  #fingerprint = "";
  #sender: Sender | null = null;
  #progress: Progress;

  constructor(
    readonly file: File,
    readonly fields: Fields = {},
    readonly settings: Settings = {},
  ) {
    super();
    this.#api = new Api(settings);
    this.#progress = new Progress(file.size);
  }

  get state(): State {
    const phase = this.#phase;
    if (phase !== "preparing" && phase !== "sending" && phase !== "completing") return phase;
    return this.#paused ? "paused" : this.#trouble ? "waiting" : phase;
  }

  // While it is `waiting`.
  get trouble(): Trouble | null {
    return this.state === "waiting" ? this.#trouble : null;
  }

  get progress(): Shown {
    return this.#progress.shown(Date.now());
  }

  // Of the upload and its asset; "" until the server has given them.
  get id(): string {
    return this.#kept?.upload_id ?? "";
  }

  get assetId(): string {
    return this.#kept?.asset_id ?? "";
  }

  // Begin, or try again what has failed.
  start(): void {
    if (this.#phase !== "queued" && this.#phase !== "failed") return;
    this.#condition = new Condition();
    this.error = null;
    this.#running = this.#run();
  }

  pause(): void {
    this.#paused = true;
    this.#sender?.drop();
    this.#notify();
  }

  resume(): void {
    this.#paused = false;
    this.#notify();
  }

  // Take back what was sent. False: it is done, and the asset has to be deleted instead.
  async cancel(): Promise<boolean> {
    if (this.#phase === "done") return false;
    this.#stop(CANCELLED);
    if (this.#phase !== "completing") this.#enter("cancelled");
    await this.#running; // what creates or completes an upload is let through, to know what there is
    if (this.state === "done") return false;
    if (!this.#kept || !(await this.#discard(this.#kept))) return true;
    this.#progress.done(); // it was complete before it could be taken back
    this.#enter("done");
    return false;
  }

  async #run(): Promise<void> {
    const ticking = setInterval(this.#tick, TICK_MS);
    this.#ticked_at = Date.now();
    for (const event of WAKING) addEventListener(event, this.#wake);
    addEventListener("offline", this.#offline);
    let end: State = "done";
    try {
      this.#enter("preparing");
      if (!this.file.size) throw new UploadError("empty_file", "The file is empty.");
      this.#fingerprint = await this.#read();
      await this.#alone((waited) => this.#deliver(waited));
      this.#progress.done();
    } catch (reason) {
      if (reason instanceof UploadError) this.error = reason;
      else if (reason !== CANCELLED) this.error = new UploadError("unexpected", String(reason));
      end = this.error ? "failed" : "cancelled";
    }
    clearInterval(ticking);
    for (const event of WAKING) removeEventListener(event, this.#wake);
    removeEventListener("offline", this.#offline);
    this.#sender?.leave();
    this.#sender = null;
    this.#enter(end);
  }

  // With the lock of this file, which is another tab's as long as that sends it; `waited` says whether it was.
  async #alone(work: (waited: boolean) => Promise<void>): Promise<void> {
    const { locks } = navigator;
    if (!locks) return work(false);
    const name = `kadr-upload ${this.#identity}`;
    const free = await locks.request(name, { ifAvailable: true }, async (lock) => {
      if (lock) await work(false);
      return lock !== null;
    });
    if (free) return;
    this.#enter("elsewhere");
    await locks.request(name, { signal: this.#condition.signal }, () => {
      this.#enter("preparing");
      return work(true);
    });
  }

  get #identity(): string {
    const { apiUrl, user, asset } = this.settings;
    return JSON.stringify([apiUrl, user, asset, this.file.name, this.file.size, this.file.lastModified]);
  }

  async #deliver(waited: boolean): Promise<void> {
    if (await this.#wasDone(waited)) return;
    const { parts } = this.#sender ?? (await this.#create());
    this.#progress.begin(parts.sent);
    for (let refusals = 0; ; refusals += 1) {
      this.#enter("sending");
      await this.#condition.until(() => parts.done);
      if ((await this.#read()) !== this.#fingerprint) throw changedFile();
      this.#enter("completing");
      const answer = await this.#ask(() => this.#api.complete(this.id));
      if (bodyOf(answer).code !== "size_mismatch" || refusals >= REFUSALS) {
        describedIn(answer);
        return this.#finished();
      }
      await this.#renew();
      this.#condition.signal.throwIfAborted();
    }
  }

  async #finished(): Promise<void> {
    const now = Date.now();
    Object.assign(this.#kept!, { finished_at: now, until: now + DAY_MS });
    await keep(this.#kept!);
  }

  // Find what this browser knows of the file. True: all of it was sent before. Otherwise its unfinished upload is taken
  // up, if there is one. After a failure that is this upload's own, and nobody is asked.
  async #wasDone(waited: boolean): Promise<boolean> {
    const own = this.#kept;
    const kept = own ?? (await allKept()).find(({ identity }) => identity === this.#identity);
    this.#kept = null;
    if (!kept || !(own || canResume()) || kept.fingerprint !== this.#fingerprint) return false;
    if (kept.finished_at) {
      if (!waited && (await this.#question("finished", kept, kept.size))) return false;
      this.#kept = kept;
      return true;
    }
    this.#kept = kept;
    if (!kept.upload_id) return false; // the same request again gives the same upload
    const answer = await this.#ask(() => (this.#showing = this.#api.show(kept.upload_id)));
    if (answer.status === 401) describedIn(answer);
    const upload = bodyOf(answer).data;
    if (upload?.status === "completed") {
      await this.#finished();
      return true;
    }
    if (upload?.status === "open") {
      const { parts } = this.#take(upload);
      if (own || (await this.#question("unfinished", kept, parts.sent))) return false;
      void this.#discard(kept);
    }
    this.#sender?.leave();
    this.#sender = this.#kept = null;
    return false;
  }

  async #create(): Promise<Sender> {
    const { file, fields, settings } = this;
    const now = Date.now();
    const filename = file.name.slice(-255) || "video";
    const content_type = file.type.slice(0, 100) || undefined;
    const kept = (this.#kept ??= {
      identity: this.#identity,
      fingerprint: this.#fingerprint,
      key: Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("-"),
      body: JSON.stringify({ filename, size_bytes: file.size, content_type, ...fields }),
      name: file.name,
      size: file.size,
      user: settings.user ?? "",
      upload_id: "",
      asset_id: "",
      began_at: now,
      finished_at: 0,
      until: now + DAY_MS,
    });
    this.#progress = new Progress(file.size);
    await keep(kept);
    const answer = await this.#ask(() => this.#api.create(kept.key, kept.body));
    if (verdictOn(answer.status) !== "good") {
      this.#kept = null;
      await forget(kept);
    }
    const upload = describedIn(answer);
    Object.assign(kept, { upload_id: upload.id, asset_id: upload.asset_id, until: Date.parse(upload.expires_at) });
    await keep(kept);
    this.#condition.signal.throwIfAborted();
    return this.#take(upload);
  }

  #take({ parts, part_size_bytes }: Described): Sender {
    const sender = new Sender(this.file, part_size_bytes, this.#api.stall_ms, this.#around);
    sender.parts.take(parts, Date.now());
    this.#sender = sender;
    return sender;
  }

  // Where nobody who listens prevents the default, the answer is yes.
  async #question(kind: Question["kind"], kept: Kept, sent_bytes: number): Promise<boolean> {
    this.#condition.signal.throwIfAborted();
    let answered: boolean | undefined;
    const answer = (yes: boolean) => {
      answered ??= yes;
      this.#notify();
    };
    const since = new Date(kept.finished_at || kept.began_at);
    const detail: Question = { kind, asset_id: kept.asset_id, since, sent_bytes, answer };
    if (this.dispatchEvent(new CustomEvent("question", { cancelable: true, detail }))) return answered ?? true;
    this.#enter("asking");
    await this.#condition.until(() => answered !== undefined);
    this.#enter("preparing");
    return answered!;
  }

  // A call of Kadr, repeated until there is an answer that says something.
  async #ask(call: () => Exchange): Promise<Answer> {
    for (let failures = 1; ; failures += 1) {
      await this.#condition.until(() => !this.#paused);
      const answer = await call().answer;
      if (verdictOn(answer.status) !== "again") {
        if (this.#phase !== "sending") this.#suffer(null);
        return answer;
      }
      this.#suffer(answer.status);
      const now = Date.now();
      this.#quiet_until = now + pauseMs(failures, answer.retry_after, now);
      await this.#condition.until(() => Date.now() >= this.#quiet_until);
    }
  }

  // True: too late, it is complete. Where nobody answers, the server deletes it after a day.
  async #discard(kept: Kept): Promise<boolean> {
    await forget(kept);
    for (let failures = 1; kept.upload_id && failures < GOODBYES; failures += 1) {
      const answer = await this.#api.abort(kept.upload_id).answer;
      if (verdictOn(answer.status) !== "again") return bodyOf(answer).code === "upload_completed";
      await new Promise((resolve) => setTimeout(resolve, delayMs(failures)));
    }
    return false;
  }

  // Ask which parts have arrived, and for URLs of the missing ones from this one on.
  async #renew(from = 1): Promise<void> {
    if (this.#renewing || !this.#sender) return;
    const { parts } = this.#sender;
    this.#renewing = true;
    try {
      const asked_at = Date.now();
      const upload = describedIn(await this.#ask(() => (this.#showing = this.#api.show(this.id, from))));
      if (upload.status === "completed") parts.arrived();
      else if (upload.status !== "open") throw new UploadError(`upload_${upload.status}`);
      parts.take(upload.parts, asked_at);
      if (parts.next(Infinity)?.number === from && !parts.next(Infinity)?.url) throw new UploadError("unexpected");
    } catch (reason) {
      this.#stop(reason);
    } finally {
      this.#renewing = false;
      this.#notify();
    }
  }

  // Rejects where the file cannot be read any more.
  async #read(): Promise<string> {
    return fingerprintOf(this.file).catch(() => {
      throw changedFile();
    });
  }

  #around: Around = {
    mayStart: () => this.#phase === "sending" && !this.#paused && !this.#renewing && !this.#condition.signal.aborted,
    moved: () => {
      this.#suffer(null);
      this.#tellProgress();
    },
    stuck: (status) => this.#suffer(status),
    storageSilent: () => {
      if (this.#trouble === "network") this.#trouble = "storage";
      this.#tell();
    },
    renew: (from) => this.#renew(from),
    changed: () =>
      this.#read().then(
        (fingerprint) => (fingerprint === this.#fingerprint ? null : changedFile()),
        (error) => error,
      ),
    stop: (error) => this.#stop(error),
    notify: () => this.#notify(),
  };

  #tick = (): void => {
    const now = Date.now();
    // Timers of hidden pages come once a minute.
    const jumped = Math.abs(now - this.#ticked_at) > (globalThis.document?.hidden ? 3 * JUMP_MS : JUMP_MS);
    this.#ticked_at = now;
    if (jumped) {
      this.#quiet_until = 0;
      this.#sender?.clockChanged();
      this.#wake();
    }
    this.#sender?.tick(now);
    // The browser says so, and nothing moves: what it has told last may have been late.
    if (!isOnline() && this.#sender?.parts.moving.every(({ heard_at }) => now - heard_at > QUIET_MS)) this.#suffer(0);
    if (this.#phase === "sending") this.#tellProgress();
    this.#notify();
  };

  #wake = (event?: Event): void => {
    if (this.#trouble !== "busy") this.#quiet_until = 0;
    const hung = this.#sender?.wake(event?.type === "online" ? RECONNECTED_MS : HANGS_MS, Date.now());
    if (this.#phase === "sending" && (hung || this.#trouble)) void this.#renew();
    this.#notify();
  };

  #offline = (): void => this.#suffer(0);

  #notify(): void {
    this.#condition.notify();
    this.#tell();
    this.#sender?.turn();
  }

  #stop(reason: unknown): void {
    this.#condition.end(reason);
    this.#sender?.drop();
    this.#showing?.abort();
    this.#notify();
  }

  #enter(phase: State): void {
    if (this.#phase === "cancelled" && phase !== "done") return; // what was under way comes back
    this.#phase = phase;
    this.#trouble = null;
    this.#notify();
  }

  // Why nothing moves, by the status of the last answer; null: something does.
  #suffer(status: number | null): void {
    if (status === null) this.#trouble = null;
    else this.#trouble = !isOnline() ? "offline" : status ? "busy" : "network";
    this.#tell();
  }

  #tell(): void {
    const { state } = this;
    const telling = `${state} ${this.trouble}`;
    if (telling === this.#told) return;
    this.#told = telling;
    stayAwake(this, state === "sending" || state === "completing");
    if (state !== "sending") this.#progress.rest();
    this.dispatchEvent(new Event("state"));
  }

  #tellProgress(): void {
    if (this.state === "sending") this.#progress.note(this.#sender!.parts.sent, Date.now());
    this.dispatchEvent(new Event("progress"));
  }
}

function changedFile(): UploadError {
  return new UploadError("file_changed", "The file has changed on disk, or cannot be read any more.");
}

type Listener<Told> = ((event: Told) => void) | null;
type On = boolean | AddEventListenerOptions;
export interface Upload {
  addEventListener<Type extends keyof UploadEvents>(type: Type, listener: Listener<UploadEvents[Type]>, on?: On): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, on?: On): void;
}
