// <kadr-player playback-id="pb_..." token="...">: a video of Kadr on any page.
//
// Until somebody wants to watch, there is a poster and a button. The engine and the controls are loaded then.
import sheetText from "./player.css";
import tokensText from "../static/tokens.css";
import type { EngineOf } from "./engine.ts";
import { absolute, ask, type Facts, Refusal } from "./facts.ts";
import { PLAY } from "./icons.ts";
import { forget } from "./memory.ts";
import type { Playing } from "./playing.ts";
import { firstTexts, languageOf, type Texts, textsIn } from "./texts.ts";
import { clock } from "./time.ts";
import { Watched } from "./watched.ts";

const ASK_AGAIN_MS = 3000;
const COMPLETE_AT = 0.9;
const NEAR = "200px"; // of the visible part of the page
const EVENTS = [
  ...["play", "playing", "pause", "ended", "timeupdate", "seeking", "seeked", "waiting", "canplay", "loadedmetadata"],
  ...["durationchange", "volumechange", "ratechange", "progress", "enterpictureinpicture", "leavepictureinpicture"],
];
const METHODS = ["pause", "load", "canPlayType", "requestPictureInPicture"] as const;
const PROPERTIES = [
  ...(["currentTime", "paused", "ended", "muted", "volume", "playbackRate", "seeking", "readyState"] as const),
  ...(["buffered", "played", "seekable", "textTracks", "videoWidth", "videoHeight", "error"] as const),
] as const;

const TEMPLATE = `
<slot name="media"></slot>
<button type="button" class="start" part="start"><span class="disc">${PLAY}</span></button>
<span class="length" part="length" aria-hidden="true" hidden></span>
<div class="notice" role="status"></div>
<div class="problem" role="alert" hidden><p></p><button type="button"></button><small></small></div>`;

const sheet = new CSSStyleSheet();
sheet.replaceSync(tokensText + sheetText);

// Another title was asked for, or the element was taken out of its page: nobody waits for this answer.
class Superseded extends Error {}

export class KadrPlayer extends HTMLElement {
  static observedAttributes = ["playback-id", "token", "consent"];

  // Gives a playback token for each new session of pages that sign on demand. Declared only: a page may set it before
  // this class is there.
  declare tokenProvider?: (() => Promise<string>) | null;
  #first: Texts = firstTexts("en");
  #facts: Promise<Facts> | null = null;
  #playing: Promise<Playing> | null = null;
  #root: ShadowRoot | null = null;
  #watched: Watched | null = null;
  #turn = 0; // of the title that is shown: answers for one before it count no more
  #opening = false;
  #completed = false;
  #duration = NaN;
  #ownPoster = "";
  #tokenUsed: string | null = null;
  #signedAgain = false;
  #scriptsFailed = false;
  #observers: IntersectionObserver[] = [];
  #timer = 0;

  // The <video>, which is a child of this element. Made here where the page has none.
  get media(): HTMLVideoElement {
    return this.querySelector<HTMLVideoElement>(":scope > video") ?? this.#made();
  }

  // How much was watched, in seconds: the union of what was played.
  get watchedSeconds(): number {
    return this.#watched?.seconds ?? 0;
  }

  // In seconds; known before anything is loaded.
  get duration(): number {
    return Number.isFinite(this.media.duration) ? this.media.duration : this.#duration;
  }

  get consent(): string {
    return this.getAttribute("consent") ?? "";
  }

  set consent(value: string) {
    this.setAttribute("consent", value);
  }

  connectedCallback(): void {
    // Parsed with its class at hand, an element is connected before its children are there.
    if (document.readyState === "loading" && !this.querySelector(":scope > video")) {
      document.addEventListener("DOMContentLoaded", () => this.isConnected && this.#connect(), { once: true });
    } else this.#connect();
  }

  #connect(): void {
    if (Object.hasOwn(this, "consent")) {
      const { consent } = this; // set before this class was there
      Reflect.deleteProperty(this, "consent");
      this.consent = consent;
    }
    const { media } = this;
    media.slot = "media";
    media.playsInline = true;
    media.controls = false;
    media.preload = "none";
    media.crossOrigin = "anonymous";
    media.loop = this.hasAttribute("loop");
    if (this.hasAttribute("muted")) media.muted = true;
    this.#watched ??= this.#listen(media);
    this.#first = firstTexts(languageOf(this));
    if (!this.#root) this.#draw(this.#first);
    if (!this.#facts) this.#open();
  }

  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (this.isConnected) return; // it was moved
      this.#forgetTitle();
    });
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (name === "consent") this.#consented(before ?? "");
    // A page sets both attributes in one go; a token that changes while somebody watches is for the next session.
    else if (this.#root && !this.#opening && (name === "playback-id" || !this.#playing)) {
      this.#opening = true;
      queueMicrotask(() => {
        this.#opening = false;
        if (this.isConnected) this.#open();
      });
    }
  }

  // As of HTMLMediaElement; loads the player first.
  async play(): Promise<void> {
    await this.#begin(true);
    await this.media.play();
  }

  get #remembers(): boolean {
    return remembers(this.consent);
  }

  #consented(before: string): void {
    const wanted = this.#remembers;
    if (remembers(before) && !wanted) forget(this.getAttribute("playback-id") ?? "");
    this.#playing?.then((playing) => playing.remember(wanted)).catch(() => {});
  }

  #made(): HTMLVideoElement {
    const video = document.createElement("video");
    this.append(video);
    return video;
  }

  #listen(media: HTMLVideoElement): Watched {
    media.addEventListener("play", () => {
      if (!this.#playing) this.#watch(); // somebody used the <video> itself
    });
    for (const type of EVENTS) media.addEventListener(type, () => this.dispatchEvent(new Event(type)));
    const watched = new Watched(media);
    for (const event of ["timeupdate", "ended"]) media.addEventListener(event, () => this.#complete(watched));
    media.addEventListener("playing", () => {
      this.#one(".start").hidden = true;
      this.#signedAgain = false;
    });
    return watched;
  }

  #complete({ seconds }: Watched): void {
    // While a title is being encoded, the media is as long as what there is of it.
    const duration = Math.max(this.#duration || 0, this.media.duration || 0);
    const share = Number(this.getAttribute("complete-at") ?? COMPLETE_AT) || COMPLETE_AT;
    if (this.#completed || !duration || !(seconds >= share * duration)) return;
    this.#completed = true;
    this.#tell("kadr-complete", { watched_s: seconds, duration_s: duration });
  }

  #tell(type: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
  }

  #draw(texts: Texts): void {
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.innerHTML = TEMPLATE;
    const start = this.#one<HTMLButtonElement>(".start");
    start.addEventListener("click", () => this.#watch());
    // Whoever points at the button is about to press it. Scripts only: nothing of the title is loaded.
    for (const event of ["pointerenter", "pointerdown"])
      start.addEventListener(event, () => scripts(texts.language).catch(() => {}), { once: true });
    this.media.addEventListener("click", () => {
      if (!this.#playing) this.#watch();
    });
    this.#one(".problem button").textContent = texts("player.retry");
    this.#one(".problem button").addEventListener("click", () => this.#again());
  }

  #one<Found extends HTMLElement>(selector: string): Found {
    return this.#root!.querySelector<Found>(selector)!;
  }

  // A title: what it looks like, as soon as the element is near the visible part of the page.
  #open(): void {
    this.#forgetTitle();
    const start = this.#one<HTMLButtonElement>(".start");
    start.hidden = false;
    start.ariaLabel = this.#first("player.play_title", { title: this.#name(this.#first("player.video")) });
    const given = this.#given();
    if (given) this.#look(given);
    else if (this.getAttribute("loading") === "eager") this.#show();
    this.#observe(NEAR, 0, () => this.#show());
    this.#observe("0px", 0.5, () => this.#onSight());
  }

  // The facts that a page of Kadr's own brings in its HTML.
  #given(): Facts | null {
    try {
      const facts = JSON.parse(this.querySelector(":scope > script[type='application/json']")?.textContent ?? "null");
      return facts?.playback_id === this.getAttribute("playback-id") ? absolute(facts, this.#base) : null;
    } catch {
      return null;
    }
  }

  #observe(rootMargin: string, threshold: number, seen: () => void): void {
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting, intersectionRatio }) => isIntersecting && intersectionRatio >= threshold))
          return;
        observer.disconnect();
        seen();
      },
      { rootMargin, threshold },
    );
    observer.observe(this);
    this.#observers.push(observer);
  }

  #onSight(): void {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const { saveData } = (navigator as { connection?: { saveData?: boolean } }).connection ?? {};
    if (calm || saveData) return;
    if (this.hasAttribute("autoplay")) {
      this.media.muted = true; // with sound no browser would start it, and no page should
      this.play().catch(() => {});
    } else if (this.getAttribute("preload") === "auto") this.#begin(false).catch(() => {});
  }

  #forgetTitle(): void {
    this.#turn += 1;
    for (const observer of this.#observers.splice(0)) observer.disconnect();
    clearTimeout(this.#timer);
    this.#playing
      ?.then((playing) => playing.destroy())
      .catch(() => {})
      .finally(() => this.#watched?.reset());
    this.#playing = this.#facts = null;
    this.#completed = false;
    this.#duration = NaN;
    this.#scriptsFailed = this.#signedAgain = false;
    if (!this.#root) return;
    this.#one(".problem").hidden = this.#one(".length").hidden = true;
    this.#busy(false);
    this.#say("");
  }

  get #base(): URL {
    return new URL(this.getAttribute("origin") ?? import.meta.url);
  }

  #name(otherwise: string): string {
    return this.getAttribute("title") ?? otherwise;
  }

  async #url(): Promise<string> {
    const playbackId = this.getAttribute("playback-id") ?? "";
    this.#tokenUsed = this.getAttribute("token");
    const token = this.#tokenUsed ?? (await this.tokenProvider?.()) ?? null;
    const url = new URL(`/play/${encodeURIComponent(playbackId)}/player.json`, this.#base);
    if (token) url.searchParams.set("token", token);
    return url.href;
  }

  // The facts of the title. Throws Refusal, or Superseded.
  #ask(): Promise<Facts> {
    this.#facts ??= this.#asked(this.#turn);
    return this.#facts;
  }

  async #asked(turn: number): Promise<Facts> {
    try {
      const facts = absolute(await ask<Facts>(await this.#url()), this.#base);
      if (turn !== this.#turn) throw new Superseded();
      return this.#look(facts);
    } catch (error) {
      if (turn !== this.#turn) throw new Superseded();
      this.#facts = null;
      throw error;
    }
  }

  // What the title looks like, or why it cannot be shown. Asked again while it is being prepared.
  #show(): void {
    this.#ask().catch((error) => this.#failed(error));
  }

  #look(facts: Facts): Facts {
    this.#facts = Promise.resolve(facts);
    const { media } = this;
    this.style.setProperty("--kadr-ratio", `${facts.width} / ${facts.height}`);
    if (facts.colour) this.style.setProperty("--kadr-colour", facts.colour);
    const poster = this.getAttribute("poster") ?? facts.poster_url ?? "";
    if (!media.poster || media.poster === this.#ownPoster) media.poster = this.#ownPoster = poster;
    this.style.removeProperty("--kadr-blur");
    if (facts.thumbhash) this.#blur(facts.thumbhash).catch(() => {});
    this.#duration = facts.duration_s;
    const length = this.#one(".length");
    length.textContent = clock(facts.duration_s);
    length.hidden = this.#playing !== null;
    this.#one(".start").ariaLabel = this.#first("player.play_title", { title: this.#name(facts.title) });
    this.#say("");
    this.#tell("kadr-ready", { title: facts.title, duration_s: facts.duration_s });
    return facts;
  }

  async #blur(thumbhash: string): Promise<void> {
    const { thumbHashToDataURL } = await import("thumbhash");
    const bytes = Uint8Array.from(atob(thumbhash), (letter) => letter.charCodeAt(0));
    this.style.setProperty("--kadr-blur", `url(${thumbHashToDataURL(bytes)})`);
  }

  #prepare(): void {
    if (!this.isConnected) return;
    this.#say(this.#first("player.preparing"));
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#show(), ASK_AGAIN_MS);
  }

  #say(words: string): void {
    this.#one(".notice").textContent = words;
  }

  // Somebody wants to watch. WebKit lets a video play later only if this very click has touched it.
  #watch(): void {
    if (isApple()) this.media.play().catch(() => {});
    this.play().catch(() => {}); // what went wrong is shown; where the browser wants a click, the button stays
  }

  #begin(play: boolean): Promise<Playing> {
    this.#playing ??= this.#start(play, this.#turn);
    return this.#playing;
  }

  async #start(play: boolean, turn: number): Promise<Playing> {
    this.#busy(true);
    this.#one(".problem").hidden = true;
    try {
      const loading = scripts(this.#first.language).catch((error) => {
        this.#scriptsFailed = !(error instanceof Refusal);
        throw error instanceof Refusal ? error : new Refusal("network", String(error));
      });
      const [facts, [texts, { Playing }, EngineType]] = await Promise.all([this.#ask(), loading]);
      if (turn !== this.#turn) throw new Superseded();
      const wishes = {
        play,
        focus: this.#root!.activeElement?.classList.contains("start") ?? false,
        start_s: this.#startTime(),
        ahead_s: Number(this.getAttribute("buffer")) || null,
        remember: this.#remembers,
        failed: (refusal: Refusal) => this.#refused(refusal),
      };
      const made = new Playing(EngineType, this.#root!, this.media, facts, texts, wishes, this.#one(".notice"));
      this.#one(".length").hidden = true;
      return made;
    } catch (error) {
      if (turn === this.#turn) {
        this.#playing = null;
        this.#busy(false);
        this.#failed(error);
      }
      throw error;
    }
  }

  #startTime(): number | null {
    if (this.media.currentTime > 0) return this.media.currentTime; // set before there was anything to seek in
    return this.hasAttribute("start-time") ? Number(this.getAttribute("start-time")) || 0 : null;
  }

  #busy(busy: boolean): void {
    const start = this.#one(".start");
    start.classList.toggle("busy", busy);
    start.ariaBusy = String(busy);
  }

  // The session has ended. Where the page can sign another token, that begins a new one, once.
  #refused(refusal: Refusal): void {
    const another = this.tokenProvider || this.getAttribute("token") !== this.#tokenUsed;
    if (refusal.code !== "token_expired" || !another || this.#signedAgain) return void this.#fail(refusal);
    this.#signedAgain = true;
    this.#again();
  }

  #failed(error: unknown): void {
    if (error instanceof Superseded) return;
    if (error instanceof Refusal && error.code === "not_ready") this.#prepare();
    else this.#fail(error instanceof Refusal ? error : new Refusal("network", String(error)));
  }

  async #fail({ code, detail }: Refusal): Promise<void> {
    const turn = this.#turn;
    const texts = await textsIn(this.#first.language).catch(() => this.#first);
    if (turn !== this.#turn) return;
    const known = texts(`error.${code}`);
    const words = known.startsWith("error.") ? texts("error.network") : known;
    const problem = this.#one(".problem");
    problem.querySelector("p")!.textContent = words;
    problem.querySelector("small")!.textContent = code;
    problem.hidden = false;
    this.#one(".start").hidden = true;
    this.#covered(true);
    this.media.pause();
    this.#tell("kadr-error", { code, message: words, detail });
  }

  // Nobody uses what lies under a problem.
  #covered(covered: boolean): void {
    this.#playing?.then(({ controls }) => controls?.cover(covered)).catch(() => {});
  }

  // After a problem: the same title from where it was, with fresh facts and, where the page signs, a fresh token.
  async #again(): Promise<void> {
    if (this.#scriptsFailed) return location.reload(); // a browser does not ask for a failed module again
    const hadFocus = this.#root!.activeElement?.closest(".problem") != null;
    this.#one(".problem").hidden = true;
    this.#covered(false);
    const playing = await this.#playing?.catch(() => null);
    const start = this.#one<HTMLButtonElement>(".start");
    if (!playing) {
      start.hidden = false;
      if (hadFocus) start.focus();
      this.#facts = null;
      return this.#watch();
    }
    if (hadFocus) playing.controls?.focusPlay();
    try {
      await playing.again(async () => {
        this.#facts = null;
        return this.#ask();
      });
    } catch (error) {
      const name = (error as DOMException).name;
      if (name !== "NotAllowedError" && name !== "AbortError") this.#failed(error);
    }
  }
}

function remembers(consent: string): boolean {
  return /\b(functional|analytics)\b/.test(consent);
}

// Everything of Apple's plays HLS by itself, with AirPlay, and the system's player in full screen on phones.
function isApple(): boolean {
  return navigator.vendor.startsWith("Apple");
}

function scripts(language: string): Promise<[Texts, typeof import("./playing.ts"), EngineOf]> {
  return Promise.all([textsIn(language), import("./playing.ts"), engine()]);
}

async function engine(): Promise<EngineOf> {
  const canPlay = document.createElement("video").canPlayType("application/vnd.apple.mpegurl") !== "";
  if (!(isApple() && canPlay)) {
    const { HlsEngine } = await import("./hls_engine.ts");
    if (HlsEngine.supported) return HlsEngine;
    if (!canPlay) throw new Refusal("unsupported");
  }
  return (await import("./native_engine.ts")).NativeEngine;
}

// The rest of HTMLMediaElement, as far as pages use it.
export interface KadrPlayer extends Pick<HTMLVideoElement, (typeof PROPERTIES)[number] | (typeof METHODS)[number]> {}
for (const name of PROPERTIES)
  Object.defineProperty(KadrPlayer.prototype, name, {
    configurable: true,
    get(this: KadrPlayer) {
      return this.media[name];
    },
    set(this: KadrPlayer, value: unknown) {
      (this.media as unknown as Record<string, unknown>)[name] = value;
    },
  });
for (const name of METHODS)
  Object.defineProperty(KadrPlayer.prototype, name, {
    configurable: true,
    value(this: KadrPlayer, ...values: unknown[]) {
      return (this.media[name] as (...values: unknown[]) => unknown)(...values);
    },
  });

if (!customElements.get("kadr-player")) customElements.define("kadr-player", KadrPlayer);
