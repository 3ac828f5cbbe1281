// A title that somebody wants to watch: engine, controls, session, and what is said when something goes wrong.
import { Controls } from "./controls.ts";
import type { Engine, EngineEvents, EngineOf } from "./engine.ts";
import { type Facts, Refusal } from "./facts.ts";
import { forget, keepPosition, storedPosition } from "./memory.ts";
import { Session } from "./session.ts";
import type { Texts } from "./texts.ts";
import { clock } from "./time.ts";

const STALLED_MS = 10_000;
const RESUMED_MS = 8000;
const CONTROLS_WITHIN_MS = 1000; // also where nothing arrives

export interface Wishes {
  focus: boolean; // on the controls, as it was on the button
  play: boolean; // at once
  start_s: number | null; // asked for by the page
  remember: boolean; // the position, beyond this page
  failed(refusal: Refusal): void;
}

export class Playing {
  readonly engine: Engine;
  #controls: Controls | null = null;
  #session: Session;
  #forgetting: (() => void) | null = null;
  #position = 0; // the last one that was shown, also while another source is loaded

  constructor(
    EngineType: EngineOf,
    root: ShadowRoot,
    private readonly video: HTMLVideoElement,
    private readonly facts: Facts,
    private readonly texts: Texts,
    private readonly wishes: Wishes,
    private readonly notice: HTMLElement,
  ) {
    this.#session = new Session(facts);
    const events: EngineEvents = {
      changed: () => this.#controls?.refresh(),
      loaded: () => this.#session.goesOn(),
      failed: (refusal) => wishes.failed(refusal),
      refused: () => this.#renew(),
    };
    this.engine = new EngineType(video, facts, events);
    this.#begin();
    this.#watchForStalls();
    this.#afterFirstPicture(() => {
      this.#controls = new Controls(root, video, this.engine, texts, facts);
      this.#addTracks();
      if (wishes.focus) this.#controls.focusPlay();
    });
    video.addEventListener("timeupdate", () => {
      if (video.readyState > 0 && !video.seeking) this.#position = video.currentTime;
    });
    this.remember(wishes.remember);
  }

  // Keep the position beyond this page from now on, or no longer.
  remember(wanted: boolean): void {
    this.#forgetting?.();
    this.#forgetting = wanted ? keepPosition(this.video, this.facts.playback_id) : null;
    if (!wanted) forget(this.facts.playback_id);
  }

  destroy(): void {
    this.#forgetting?.();
    this.engine.destroy();
    for (const track of this.video.querySelectorAll("track")) track.remove();
  }

  #begin(): void {
    const { facts, texts, video, wishes } = this;
    const stored = wishes.remember && wishes.start_s === null ? storedPosition(facts.playback_id, facts.duration_s) : null;
    video.preload = "auto"; // with "none" a browser opens the source only once it plays
    this.engine.load(facts.hls_url, wishes.start_s ?? stored);
    if (wishes.play) video.play().catch(() => {}); // whoever asked for it is told
    this.#session.begin();
    if (stored === null) return;
    const startOver = () => (video.currentTime = 0);
    this.#say(texts("player.resumed", { time: clock(stored) }), { label: texts("player.from_start"), choose: startOver });
    window.setTimeout(() => this.#say(""), RESUMED_MS);
  }

  // The same session from a fresh playlist, at the same place, at the same speed, with the same captions.
  async #renew(): Promise<void> {
    const { video } = this;
    const { paused, playbackRate } = video;
    const at = video.seeking ? video.currentTime : this.#position;
    const shown = [...video.textTracks].find(({ mode }) => mode === "showing");
    const picture = this.#freeze();
    try {
      const playlist = await this.#session.renewed();
      const unfreeze = () => picture?.remove();
      for (const event of ["playing", "seeked"]) video.addEventListener(event, unfreeze, { once: true });
      video.addEventListener(
        "loadeddata",
        () => {
          video.playbackRate = playbackRate;
          for (const track of video.textTracks)
            if (shown && track.label === shown.label && track.language === shown.language) track.mode = "showing";
          if (!paused) video.play().catch(() => {});
          if (paused && !video.seeking) unfreeze();
        },
        { once: true },
      );
      this.engine.load(playlist, at);
    } catch (error) {
      picture?.remove();
      this.wishes.failed(error instanceof Refusal ? error : new Refusal("decode", String(error)));
    }
  }

  // The picture stays while another source is loaded.
  #freeze(): HTMLElement | null {
    const { videoWidth, videoHeight } = this.video;
    const context = document.createElement("canvas").getContext("2d");
    if (!context || !videoWidth) return null;
    Object.assign(context.canvas, { className: "frozen", width: videoWidth, height: videoHeight });
    context.drawImage(this.video, 0, 0);
    context.canvas.setAttribute("noautohide", "");
    this.#controls?.controller.prepend(context.canvas);
    return context.canvas;
  }

  // Controls take a twentieth of a second to make, by which the first picture would be later.
  #afterFirstPicture(make: () => void): void {
    const once = () => {
      clearTimeout(timer);
      this.video.removeEventListener("loadeddata", once);
      make();
    };
    const timer = window.setTimeout(once, CONTROLS_WITHIN_MS);
    this.video.addEventListener("loadeddata", once);
  }

  #addTracks(): void {
    const { chapters_url, storyboard_url } = this.facts;
    const add = (kind: string, label: string, src: string | null) => {
      if (src === null) return;
      const track = Object.assign(document.createElement("track"), { kind, label, src, default: true });
      track.addEventListener("load", () => this.#controls?.refresh());
      this.video.append(track);
    };
    add("metadata", "thumbnails", storyboard_url);
    add("chapters", "", chapters_url);
  }

  #watchForStalls(): void {
    const { video } = this;
    let timer = 0;
    const goesOn = () => {
      clearTimeout(timer);
      timer = 0;
      if (this.notice.textContent === this.texts("player.waiting")) this.#say("");
    };
    video.addEventListener("waiting", () => {
      timer ||= window.setTimeout(() => this.#say(this.texts("player.waiting")), STALLED_MS);
    });
    for (const event of ["playing", "seeked", "timeupdate"]) video.addEventListener(event, goesOn);
  }

  #say(words: string, choice?: { label: string; choose(): void }): void {
    this.notice.textContent = words;
    this.notice.hidden = words === "";
    if (!choice) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = choice.label;
    button.addEventListener("click", () => {
      choice.choose();
      this.#say("");
    });
    this.notice.append(" ", button);
  }
}
