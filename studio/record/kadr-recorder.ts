// <kadr-recorder>: choose what is recorded, see and hear it, record, and keep what was recorded until it is sent.
//
// Its markup is in templates/studio/record.html. `send` puts a file among the uploads of its page.
import { type Texts, textsIn } from "../pages/texts.ts";
import { clock } from "../player/time.ts";
import type { Upload } from "../upload/upload.ts";
import { type Capture, choices, close, open, Refused, sourcesOf } from "./capture.ts";
import { Hearing } from "./hearing.ts";
import { Panel } from "./panel.ts";
import { lockOf, Recorder, underWay } from "./recorder.ts";
import { Rows } from "./rows.ts";
import { allKept } from "./store.ts";
import { type Kind, kindsOf } from "./support.ts";
import { sizeIn } from "./told.ts";
import { type Ending } from "./trouble.ts";

const EVERY_MS = 250;

export class KadrRecorder extends HTMLElement {
  send: (file: File, title: string) => Upload = () => {
    throw new Error("kadr-recorder: nobody takes what was recorded");
  };
  #texts: Texts = textsIn(this);
  #panel = new Panel(this, this.#texts);
  #hearing = new Hearing(this.#panel, this.#texts.text("record.silent"));
  #user = this.dataset.user ?? "";
  #capture: Capture | null = null;
  #recorder: Recorder | null = null;
  #isAsking = false; // the browser asks, and whatever is pressed meanwhile would be about what is not there yet
  #timer: ReturnType<typeof setInterval> | undefined;
  #rows!: Rows;

  connectedCallback(): void {
    this.hidden = false;
    this.#rows = new Rows(this.#panel, this.#texts, (file, title) => this.send(file, title));
    this.#offerKinds();
    for (const select of this.querySelectorAll("select")) select.addEventListener("change", () => void this.#change());
    for (const button of this.querySelectorAll<HTMLElement>(".live [data-act]"))
      button.addEventListener("click", () => this.#act(button.dataset.act!));
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#panel.stage === "ready" && void this.#list());
    void this.#offerKept();
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
    const place = this.#panel.part(".missing");
    place.hidden = missing === null;
    if (missing) place.textContent = this.#texts.text(`record.${missing}`);
  }

  // What was recorded and not sent, as after a crash; not what another tab is recording.
  async #offerKept(): Promise<void> {
    const others = await underWay();
    const kept = (await allKept(this.#user)).filter(({ id }) => !others.has(lockOf(id)));
    for (const one of kept) await this.#rows.add(one);
    if (kept.length) this.#panel.tell("record.kept");
  }

  async #open(kind: Kind): Promise<void> {
    if (this.#panel.stage !== "choosing" || this.#isAsking) return;
    this.#panel.refuse(null);
    this.#panel.tell("record.asking");
    await this.#take(kind);
    if (!this.#capture) return;
    this.#panel.enter("ready");
    this.#panel.focus();
  }

  async #change(): Promise<void> {
    if (this.#capture && !this.#isAsking) await this.#take(this.#capture.kind);
  }

  async #take(kind: Kind): Promise<void> {
    const valueOf = (name: string) => this.#panel.part<HTMLSelectElement>(`select[name=${name}]`).value;
    this.#hearing.stop();
    this.#isAsking = true;
    try {
      this.#capture = await open(kind, { camera: valueOf("camera"), microphone: valueOf("microphone") }, this.#capture);
    } catch (error) {
      this.#leave();
      return this.#panel.refuse(`record.${error instanceof Refused ? error.trouble : "failed"}`);
    } finally {
      this.#isAsking = false;
    }
    this.#panel.tell("record.ready");
    const preview = this.#panel.part<HTMLVideoElement>(".preview");
    preview.srcObject = this.#capture.stream;
    void preview.play().catch(() => {});
    this.#hearing.start(this.#capture.devices);
    for (const { track } of sourcesOf(this.#capture))
      track.addEventListener("ended", () => this.#panel.stage === "ready" && this.#lose(kind));
    await this.#list();
  }

  // Before the recording has begun: there is nothing to keep.
  #lose(kind: Kind): void {
    this.#leave();
    this.#panel.refuse(kind === "camera" ? "record.device_gone" : "record.not_shared");
  }

  // A choice is shown where there is one.
  async #list(): Promise<void> {
    const tracks = this.#capture?.devices?.getTracks() ?? [];
    const used = tracks.map((track) => track.getSettings().deviceId);
    for (const [name, kind] of [["camera", "videoinput"], ["microphone", "audioinput"]] as const) {
      const select = this.#panel.part<HTMLSelectElement>(`select[name=${name}]`);
      const devices = await choices(kind);
      select.replaceChildren(...devices.map(({ label, deviceId }) => new Option(label, deviceId)));
      select.value = devices.find(({ deviceId }) => used.includes(deviceId))?.deviceId ?? "";
      select.closest("label")!.hidden = devices.length < 2 || !tracks.some((track) => `${track.kind}input` === kind);
    }
  }

  #act(act: string): void {
    if (this.#isAsking) return;
    if (act === "record") this.#record();
    else if (act === "back") this.#leave();
    else if (act === "pause") this.#recorder?.pause();
    else if (act === "resume") this.#recorder?.resume();
    else if (act === "stop") this.#recorder?.stop();
    else void this.#discard();
  }

  #record(): void {
    try {
      const recorder = new Recorder(this.#capture!, this.#user);
      recorder.addEventListener("state", () => this.#moved(recorder));
      recorder.addEventListener("grown", () => this.#grown(recorder));
      recorder.start();
      this.#recorder = recorder;
      this.#timer = setInterval(() => this.#measure(recorder), EVERY_MS);
    } catch {
      this.#leave();
      this.#panel.refuse("record.failed");
    }
  }

  #moved(recorder: Recorder): void {
    const { state } = recorder;
    if (state === "ended") return void this.#ended(recorder);
    if (state === "starting") return;
    this.#panel.enter(state);
    this.#panel.focus();
    this.#panel.tell(`record.is_${state}`);
    this.#hearing.listenAnew();
  }

  #measure({ elapsed_ms, kept }: Recorder): void {
    this.#panel.part(".time").textContent = clock(elapsed_ms / 1000);
    this.#panel.part(".size").textContent = sizeIn(document.documentElement.lang, kept.bytes);
  }

  #grown({ space, left_s, isSafe }: Recorder): void {
    if (!isSafe) this.#panel.refuse("record.not_kept");
    else if (space === "little") this.#panel.refuse("record.little_space", { time: clock(left_s ?? 0) });
  }

  async #ended(recorder: Recorder): Promise<void> {
    this.#leave();
    if (recorder.ending === "discarded") return;
    const row = await this.#rows.add(recorder.kept, recorder.isSafe ? null : await recorder.file());
    this.#say(row ? recorder.ending! : "failed");
    row?.querySelector<HTMLElement>("video")?.focus();
  }

  #say(ending: Ending): void {
    const key = `record.ended_${ending}`;
    if (ending === "asked" || ending === "unshared") this.#panel.tell(key);
    else this.#panel.refuse(key);
  }

  async #discard(): Promise<void> {
    if (!(await this.#panel.ask("record.discard_question", "record.discard_yes"))) return;
    if (!this.#recorder) return; // it has ended by itself meanwhile, and is offered
    await this.#recorder.discard();
    this.#panel.tell("record.discarded");
  }

  // Back to the choice of what is recorded.
  #leave(): void {
    const wasOpen = this.#panel.stage !== "choosing";
    clearInterval(this.#timer);
    this.#hearing.stop();
    if (this.#capture) close(this.#capture);
    this.#capture = this.#recorder = null;
    this.#panel.part<HTMLVideoElement>(".preview").srcObject = null;
    this.#panel.refuse(null);
    this.#panel.tell(null);
    this.#panel.enter("choosing");
    if (wasOpen) this.#panel.focus();
  }
}

customElements.define("kadr-recorder", KadrRecorder);
