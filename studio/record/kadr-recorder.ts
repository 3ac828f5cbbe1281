// <kadr-recorder>: choose what is recorded, see and hear it, record, and keep what was recorded until it is sent.
//
// Its markup is in templates/studio/record.html. `send` puts a file among the uploads of its page.
import { type Texts, textsIn } from "../pages/texts.ts";
import { clock } from "../player/time.ts";
import type { Upload } from "../upload/upload.ts";
import { type Capture, choices, close, open, Refused, sourcesOf } from "./capture.ts";
import { Silence } from "./loudness.ts";
import { Meter } from "./meter.ts";
import { lockOf, Recorder, underWay } from "./recorder.ts";
import { Rows } from "./rows.ts";
import { allKept } from "./store.ts";
import { type Kind, kindsOf } from "./support.ts";
import { sizeIn } from "./told.ts";
import { type Ending } from "./trouble.ts";

type Stage = "choosing" | "ready" | "recording" | "paused";

const SILENT_BEFORE_MS = 4000;
const SILENT_WHILE_MS = 15_000;
const EVERY_MS = 250;
const ACTS: Record<Stage, string[]> = {
  choosing: [],
  ready: ["record", "back"],
  recording: ["pause", "stop", "discard"],
  paused: ["resume", "stop", "discard"],
};

export class KadrRecorder extends HTMLElement {
  send: (file: File, title: string) => Upload = () => {
    throw new Error("kadr-recorder: nobody takes what was recorded");
  };
  #texts: Texts = textsIn(this);
  #user = this.dataset.user ?? "";
  #title = document.title;
  #stage: Stage = "choosing";
  #capture: Capture | null = null;
  #meter: Meter | null = null;
  #silence: Silence | null = null;
  #recorder: Recorder | null = null;
  #discarded = false;
  #isAsking = false; // the browser asks, and whatever is pressed meanwhile would be about what is not there yet
  #timer: ReturnType<typeof setInterval> | undefined;
  #rows!: Rows;

  connectedCallback(): void {
    this.hidden = false;
    this.#rows = new Rows(this.#part("h3"), this.#part(".recordings"), this.#part("template"), this.#texts, {
      send: (file, title) => this.send(file, title),
      ask: (question, yes) => this.#ask(question, yes),
      told: (words) => {
        this.#tell(words);
        this.#part(this.#stage === "choosing" ? "[data-kind]" : ".live [data-act]:not([hidden])").focus();
      },
    });
    this.#offerKinds();
    for (const select of this.querySelectorAll("select")) select.addEventListener("change", () => void this.#change());
    for (const button of this.querySelectorAll<HTMLElement>(".live [data-act]"))
      button.addEventListener("click", () => this.#act(button.dataset.act!));
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#stage === "ready" && void this.#list());
    void this.#offer();
  }

  #part<Type extends HTMLElement>(selector: string): Type {
    return this.querySelector<Type>(selector)!;
  }

  // Only what this browser can do, and a sentence about what it cannot.
  #offerKinds(): void {
    const { mediaDevices } = navigator;
    const screen = Boolean(mediaDevices && "getDisplayMedia" in mediaDevices);
    const kinds = kindsOf({ recorder: "MediaRecorder" in globalThis, devices: Boolean(mediaDevices), screen });
    for (const button of this.querySelectorAll<HTMLElement>("[data-kind]")) {
      const kind = button.dataset.kind as Kind;
      button.hidden = !kinds.includes(kind);
      button.addEventListener("click", () => void this.#open(kind));
    }
    const missing = !isSecureContext ? "insecure" : !kinds.length ? "unsupported" : !screen ? "no_screen" : null;
    this.#part(".missing").hidden = missing === null;
    if (missing) this.#part(".missing").textContent = this.#texts.text(`record.${missing}`);
  }

  // What was recorded and not sent, as after a crash.
  async #offer(): Promise<void> {
    const others = await underWay();
    const kept = (await allKept(this.#user)).filter(({ id }) => !others.has(lockOf(id)));
    for (const one of kept) await this.#rows.add(one);
    if (kept.length) this.#tell(this.#texts.text("record.kept"));
  }

  async #open(kind: Kind): Promise<void> {
    if (this.#stage !== "choosing" || this.#isAsking) return;
    this.#refuse(null);
    this.#tell(this.#texts.text("record.asking"));
    await this.#take(kind);
    if (!this.#capture) return;
    this.#enter("ready");
    this.#part(".live [data-act=record]").focus();
  }

  async #change(): Promise<void> {
    if (this.#capture && !this.#isAsking) await this.#take(this.#capture.kind);
  }

  async #take(kind: Kind): Promise<void> {
    const valueOf = (name: string) => this.#part<HTMLSelectElement>(`select[name=${name}]`).value;
    this.#meter?.stop();
    this.#meter = null;
    this.#isAsking = true;
    try {
      this.#capture = await open(kind, { camera: valueOf("camera"), microphone: valueOf("microphone") }, this.#capture);
    } catch (error) {
      const trouble = error instanceof Refused ? error.trouble : "failed";
      this.#leave();
      return this.#refuse(`record.${trouble}`);
    } finally {
      this.#isAsking = false;
    }
    this.#tell(this.#texts.text("record.ready"));
    const preview = this.#part<HTMLVideoElement>(".preview");
    preview.srcObject = this.#capture.stream;
    void preview.play().catch(() => {});
    this.#listen();
    for (const { track } of sourcesOf(this.#capture))
      track.addEventListener("ended", () => this.#stage === "ready" && this.#lose());
    await this.#list();
  }

  // Before the recording has begun: there is nothing to keep.
  #lose(): void {
    const kind = this.#capture?.kind;
    this.#leave();
    this.#refuse(kind === "camera" ? "record.device_gone" : "record.not_shared");
  }

  #listen(): void {
    const { devices } = this.#capture!;
    const isHeard = Boolean(devices?.getAudioTracks().length);
    this.#part(".loudness").hidden = !isHeard;
    this.#part(".silent").textContent = "";
    if (!isHeard) return;
    const bar = this.#part<HTMLMeterElement>("meter");
    this.#silence = new Silence(performance.now(), SILENT_BEFORE_MS);
    this.#meter = new Meter(devices!, (loudness) => {
      bar.value = loudness;
      const isSilent = this.#stage !== "paused" && this.#silence!.note(loudness, performance.now());
      const words = isSilent ? this.#texts.text("record.silent") : "";
      if (this.#part(".silent").textContent !== words) this.#part(".silent").textContent = words;
    });
  }

  // A choice is shown where there is one.
  async #list(): Promise<void> {
    const used = this.#capture?.devices?.getTracks().map((track) => track.getSettings().deviceId) ?? [];
    for (const [name, kind] of [["camera", "videoinput"], ["microphone", "audioinput"]] as const) {
      const select = this.#part<HTMLSelectElement>(`select[name=${name}]`);
      const devices = await choices(kind);
      select.replaceChildren(...devices.map(({ label, deviceId }) => new Option(label, deviceId)));
      select.value = devices.find(({ deviceId }) => used.includes(deviceId))?.deviceId ?? "";
      const isUsed = this.#capture?.devices?.getTracks().some((track) => `${track.kind}input` === kind);
      select.closest("label")!.hidden = !isUsed || devices.length < 2;
    }
  }

  #act(act: string): void {
    const recorder = this.#recorder;
    if (this.#isAsking) return;
    if (act === "record") this.#record();
    else if (act === "back") this.#leave();
    else if (act === "pause") recorder?.pause();
    else if (act === "resume") recorder?.resume();
    else if (act === "stop") recorder?.stop();
    else void this.#discard();
  }

  #record(): void {
    let recorder: Recorder;
    try {
      recorder = new Recorder(this.#capture!, this.#user);
      recorder.addEventListener("state", () => this.#moved());
      recorder.addEventListener("grown", () => this.#grown());
      recorder.start();
    } catch {
      this.#leave();
      return this.#refuse("record.failed");
    }
    this.#recorder = recorder;
    this.#discarded = false;
    this.#silence = new Silence(performance.now(), SILENT_WHILE_MS);
    this.#timer = setInterval(() => this.#measure(), EVERY_MS);
  }

  #moved(): void {
    const { state } = this.#recorder!;
    if (state === "ended") return void this.#ended();
    if (state === "starting") return;
    this.#enter(state);
    this.#part(`.live [data-act=${state === "paused" ? "resume" : "pause"}]`).focus();
    this.#tell(this.#texts.text(`record.is_${state}`));
    if (state === "recording") this.#silence = new Silence(performance.now(), SILENT_WHILE_MS);
  }

  #measure(): void {
    const { elapsed_ms, kept } = this.#recorder!;
    this.#part(".time").textContent = clock(elapsed_ms / 1000);
    this.#part(".size").textContent = sizeIn(document.documentElement.lang, kept.bytes);
  }

  #grown(): void {
    const { space, left_s, isSafe } = this.#recorder!;
    this.#measure();
    if (!isSafe && space !== "none") this.#refuse("record.not_kept");
    else if (space === "little") this.#refuse("record.little_space", { time: clock(left_s ?? 0) });
  }

  async #ended(): Promise<void> {
    const recorder = this.#recorder!;
    this.#leave();
    if (this.#discarded) return;
    const isSafe = recorder.isSafe;
    const row = await this.#rows.add(recorder.kept, isSafe ? null : await recorder.file());
    this.#say(recorder.ending ?? "asked", row !== null);
    row?.querySelector<HTMLElement>("video")?.focus();
  }

  #say(ending: Ending, isThere: boolean): void {
    if (!isThere) this.#refuse("record.failed");
    else if (ending === "asked" || ending === "unshared") this.#tell(this.#texts.text(`record.ended_${ending}`));
    else this.#refuse(`record.ended_${ending}`);
  }

  async #discard(): Promise<void> {
    const { text } = this.#texts;
    if (!(await this.#ask(text("record.discard_question"), text("record.discard_yes")))) return;
    const recorder = this.#recorder;
    if (!recorder) return;
    this.#discarded = true;
    await recorder.discard();
    this.#tell(text("record.discarded"));
  }

  // Back to the choice of what is recorded.
  #leave(): void {
    const wasOpen = this.#stage !== "choosing";
    clearInterval(this.#timer);
    this.#meter?.stop();
    this.#meter = null;
    if (this.#capture) close(this.#capture);
    this.#capture = this.#recorder = null;
    this.#part<HTMLVideoElement>(".preview").srcObject = null;
    this.#tell("");
    this.#enter("choosing");
    if (wasOpen) this.#part("[data-kind]:not([hidden])").focus();
  }

  #enter(stage: Stage): void {
    this.#stage = this.dataset.stage = stage;
    this.#part(".kinds").hidden = stage !== "choosing";
    this.#part(".live").hidden = stage === "choosing";
    this.#part(".told").hidden = stage !== "recording" && stage !== "paused";
    this.#part(".devices").hidden = stage !== "ready";
    for (const button of this.querySelectorAll<HTMLElement>(".live [data-act]"))
      button.hidden = !ACTS[stage].includes(button.dataset.act!);
    const isOn = stage === "recording" || stage === "paused";
    const now = isOn ? this.#texts.text(`record.now_${stage}`) : "";
    this.#part(".now").textContent = now;
    document.title = now ? `${stage === "paused" ? "❚❚" : "●"} ${now} · ${this.#title}` : this.#title;
  }

  #tell(words: string): void {
    this.#part(".words").textContent = words;
  }

  #refuse(key: string | null, values: Record<string, string> = {}): void {
    const problem = this.#part(".problem");
    const words = key === null ? "" : this.#texts.text(key, values);
    problem.hidden = key === null;
    if (problem.textContent !== words) problem.textContent = words;
    if (key !== null) this.#tell("");
  }

  // Esc is a no.
  #ask(question: string, yes: string): Promise<boolean> {
    const dialog = this.#part<HTMLDialogElement>("dialog");
    dialog.querySelector("p")!.textContent = question;
    dialog.querySelector("[value=yes]")!.textContent = yes;
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((answer) =>
      dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true }),
    );
  }
}

customElements.define("kadr-recorder", KadrRecorder);
