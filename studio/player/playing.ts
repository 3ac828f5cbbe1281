// A title that somebody wants to watch: engine, controls, session, and what is said when something goes wrong.
import { Controls } from "./controls.ts";
import type { Engine, EngineEvents, EngineOf } from "./engine.ts";
import { type Facts, Refusal } from "./facts.ts";
import { keepPosition, storedPosition } from "./memory.ts";
import { Session } from "./session.ts";
import type { Texts } from "./texts.ts";
import { clock } from "./time.ts";

const STALLED_MS = 10_000;
const RESUMED_MS = 8000;
const CONTROLS_WITHIN_MS = 1000; // also where nothing arrives

export interface Wishes {
  play: boolean; // at once
  focus: boolean; // on the controls, as it was on the button
  start_s: number | null; // asked for by the page
  ahead_s: number | null; // to be loaded at most
  remember: boolean; // the position, beyond this page
  failed(refusal: Refusal): void;
}

export class Playing {
  readonly engine: Engine;
  controls: Controls | null = null;
  #session: Session;
  #ended = new AbortController(); // with it go all listeners
  #timers = new Set<number>();
  #stopRemembering: (() => void) | null = null;
  #renewing = false;
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
    const { signal } = this.#ended;
    this.#session = new Session(facts);
    const events: EngineEvents = {
      signal,
      changed: () => this.controls?.refresh(),
      failed: (refusal) => wishes.failed(refusal),
      refused: () => this.#renew(),
    };
    this.engine = new EngineType(video, facts, events, wishes.ahead_s);
    this.#begin();
    this.#watchForStalls();
    this.#afterFirstPicture(() => {
      this.controls = new Controls(root, video, this.engine, texts, facts, signal);
      this.#addTracks();
      if (wishes.focus) this.controls.focusPlay();
    });
    const note = () => {
      if (video.readyState > 0 && !video.seeking) this.#position = video.currentTime;
    };
    video.addEventListener("timeupdate", note, { signal });
    const left = ({ persisted }: PageTransitionEvent) => persisted || this.#session.leave();
    addEventListener("pagehide", left, { signal });
    this.remember(wishes.remember);
  }

  // Keep the position beyond this page from now on, or no longer.
  remember(wanted: boolean): void {
    this.#stopRemembering?.();
    this.#stopRemembering = wanted ? keepPosition(this.video, this.facts.playback_id) : null;
  }

  // After a problem: the same session once more, or else one of fresh facts, from where the viewer was.
  async again(fresh: () => Promise<Facts>): Promise<void> {
    let playlist: string;
    try {
      playlist = await this.#session.renewed();
    } catch {
      const facts = await fresh();
      this.#session = new Session(facts);
      playlist = facts.hls_url;
    }
    this.engine.load(playlist, this.#position || null);
    this.#session.begin();
    await this.video.play();
  }

  destroy(): void {
    this.#ended.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#stopRemembering?.();
    this.#session.leave();
    this.engine.destroy();
    this.controls?.remove();
    for (const track of this.video.querySelectorAll("track")) track.remove();
    this.#say("");
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
    const words = texts("player.resumed", { time: clock(stored) });
    this.#say(words, { label: texts("player.from_start"), choose: startOver });
    this.#after(RESUMED_MS, () => {
      if (!this.notice.textContent?.startsWith(words)) return;
      // Who is on the button is not interrupted.
      const away = () => this.#say("");
      if (this.notice.matches(":focus-within")) this.notice.addEventListener("focusout", away, { once: true });
      else away();
    });
  }

  #after(ms: number, act: () => void): number {
    const timer = window.setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  // Controls take a twentieth of a second to make, by which the first picture would be later.
  #afterFirstPicture(make: () => void): void {
    const { signal } = this.#ended;
    const once = () => {
      clearTimeout(timer);
      this.video.removeEventListener("loadeddata", once);
      make();
    };
    const timer = this.#after(CONTROLS_WITHIN_MS, once);
    this.video.addEventListener("loadeddata", once, { signal });
  }

  // The same session from a fresh playlist, at the same place, at the same speed, with the same captions.
  async #renew(): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    const { video } = this;
    const { signal } = this.#ended;
    const { paused, playbackRate } = video;
    const at = video.seeking ? video.currentTime : this.#position;
    const shown = [...video.textTracks].find(({ mode }) => mode === "showing");
    const picture = this.#freeze();
    const unfreeze = () => picture?.remove();
    try {
      const playlist = await this.#session.renewed();
      if (signal.aborted) return;
      for (const event of ["playing", "seeked"]) video.addEventListener(event, unfreeze, { once: true, signal });
      const goOn = () => {
        video.playbackRate = playbackRate;
        for (const track of video.textTracks)
          if (shown && track.label === shown.label && track.language === shown.language) track.mode = "showing";
        if (!paused) video.play().catch(() => {});
        if (paused && !video.seeking) unfreeze();
      };
      video.addEventListener("loadeddata", goOn, { once: true, signal });
      this.engine.load(playlist, at);
    } catch (error) {
      unfreeze();
      if (!signal.aborted) this.wishes.failed(error instanceof Refusal ? error : new Refusal("decode", String(error)));
    } finally {
      this.#renewing = false;
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
    this.controls?.controller.prepend(context.canvas);
    return context.canvas;
  }

  #addTracks(): void {
    const { chapters_url, storyboard_url } = this.facts;
    const add = (kind: string, label: string, src: string | null) => {
      if (src === null) return;
      const track = Object.assign(document.createElement("track"), { kind, label, src, default: true });
      track.addEventListener("load", () => this.controls?.refresh());
      this.video.append(track);
    };
    add("metadata", "thumbnails", storyboard_url);
    add("chapters", "", chapters_url);
  }

  #watchForStalls(): void {
    const { video } = this;
    const { signal } = this.#ended;
    const words = this.texts("player.waiting");
    let timer = 0;
    const goesOn = () => {
      clearTimeout(timer);
      timer = 0;
      if (this.notice.textContent === words) this.#say("");
    };
    video.addEventListener("waiting", () => (timer ||= this.#after(STALLED_MS, () => this.#say(words))), { signal });
    for (const event of ["playing", "seeked", "timeupdate"]) video.addEventListener(event, goesOn, { signal });
  }

  #say(words: string, choice?: { label: string; choose(): void }): void {
    this.notice.textContent = words;
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
