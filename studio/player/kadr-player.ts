// <kadr-player playback-id="pb_..." token="...">: a video of Kadr on any page.
//
// Until somebody wants to watch, there is a poster and a button. The engine and the controls are loaded then.
import sheetText from "./player.css";
import tokensText from "../static/tokens.css";
import type { EngineOf } from "./engine.ts";
import { absolute, ask, type Facts, Refusal } from "./facts.ts";
import { PLAY } from "./icons.ts";
import type { Playing } from "./playing.ts";
import { firstTexts, languageOf, type Texts, textsIn } from "./texts.ts";
import { clock } from "./time.ts";
import { Watched } from "./watched.ts";

const ASK_AGAIN_MS = 3000;
const COMPLETE_AT = 0.9;
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
<div class="notice" role="status" hidden></div>
<div class="problem" role="alert" hidden><p></p><button type="button"></button><small></small></div>`;

const sheet = new CSSStyleSheet();
sheet.replaceSync(tokensText + sheetText);

export class KadrPlayer extends HTMLElement {
  static observedAttributes = ["playback-id", "token", "consent"];

  // Gives a playback token for each new session of pages that sign on demand.
  tokenProvider: (() => Promise<string>) | null = null;
  #facts: Promise<Facts> | null = null;
  #first: Texts = firstTexts("en");
  #playing: Promise<Playing> | null = null;
  #root: ShadowRoot | null = null;
  #watched: Watched | null = null;
  #completed = false;
  #duration = NaN;
  #observer: IntersectionObserver | null = null;
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
    this.#draw(this.#first);
  }

  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (this.isConnected) return; // it was moved
      this.#forgetTitle();
      this.#observer?.disconnect();
      clearTimeout(this.#timer);
    });
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (!this.#root || before === now) return;
    if (name === "consent") this.#playing?.then((playing) => playing.remember(this.#remembers));
    else if (name === "playback-id" || this.#facts === null) this.#open();
  }

  // As of HTMLMediaElement; loads the player first.
  async play(): Promise<void> {
    await this.#begin(true);
    await this.media.play();
  }

  get #remembers(): boolean {
    return /\b(functional|analytics)\b/.test(this.consent);
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
    media.addEventListener("playing", () => this.#root?.querySelector(".start")?.remove(), { once: true });
    return watched;
  }

  #complete({ seconds }: Watched): void {
    const { duration } = this.media;
    const share = Number(this.getAttribute("complete-at") ?? COMPLETE_AT) || COMPLETE_AT;
    if (this.#completed || !(seconds >= share * duration)) return;
    this.#completed = true;
    this.dispatchEvent(
      new CustomEvent("kadr-complete", { bubbles: true, detail: { watched_s: seconds, duration_s: duration } }),
    );
  }

  #draw(texts: Texts): void {
    if (this.#root) return;
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.innerHTML = TEMPLATE;
    const start = this.#one<HTMLButtonElement>(".start");
    start.ariaLabel = texts("player.play_title", { title: this.getAttribute("title") ?? texts("player.video") });
    start.addEventListener("click", () => this.#watch());
    // Whoever points at the button is about to press it. Scripts only: nothing of the title is loaded.
    for (const event of ["pointerenter", "pointerdown"])
      start.addEventListener(event, () => warm(texts.language), { once: true });
    this.media.addEventListener("click", () => {
      if (!this.#playing) this.#watch();
    });
    this.#one(".problem button").textContent = texts("player.retry");
    this.#one(".problem button").addEventListener("click", () => this.#again());
    this.#open();
  }

  #one<Found extends HTMLElement>(selector: string): Found {
    return this.#root!.querySelector<Found>(selector)!;
  }

  // A title: what it looks like, as soon as the element is near the visible part of the page.
  #open(): void {
    this.#forgetTitle();
    this.#observer?.disconnect();
    const given = this.querySelector(":scope > script[type='application/json']")?.textContent;
    if (given) this.#look(JSON.parse(given));
    const known = this.#facts !== null;
    if (!known && this.getAttribute("loading") === "eager") this.#ask();
    this.#observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        if (!this.#facts) this.#ask();
        if (entries.some(({ intersectionRatio }) => intersectionRatio >= 0.5)) this.#onSight();
      },
      { rootMargin: known ? "0px" : "200px", threshold: [0, 0.5] },
    );
    this.#observer.observe(this);
  }

  #onSight(): void {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const { saveData } = (navigator as { connection?: { saveData?: boolean } }).connection ?? {};
    this.#observer?.disconnect();
    if (calm || saveData) return;
    if (this.hasAttribute("autoplay")) {
      this.media.muted = true; // with sound no browser would start it, and no page should
      this.play().catch(() => {});
    } else if (this.getAttribute("preload") === "auto") this.#begin(false).catch(() => {});
  }

  #forgetTitle(): void {
    this.#playing?.then((playing) => playing.destroy()).catch(() => {});
    this.#playing = this.#facts = null;
    this.#completed = false;
  }

  get #base(): URL {
    return new URL(this.getAttribute("origin") ?? import.meta.url);
  }

  async #url(): Promise<string> {
    const playbackId = this.getAttribute("playback-id") ?? "";
    const token = this.getAttribute("token") ?? (await this.tokenProvider?.()) ?? null;
    const url = new URL(`/play/${encodeURIComponent(playbackId)}/player.json`, this.#base);
    if (token) url.searchParams.set("token", token);
    return url.href;
  }

  // The facts of the title. Asked again while it is being prepared.
  #ask(): Promise<Facts> {
    this.#facts ??= this.#url()
      .then((url) => ask<Facts>(url))
      .then(
        (facts) => this.#look(facts),
        (error) => {
          this.#facts = null;
          if (error instanceof Refusal && error.code === "not_ready") this.#prepare();
          else this.#fail(error);
          throw error;
        },
      );
    this.#facts.catch(() => {});
    return this.#facts;
  }

  #look(given: Facts): Facts {
    const facts = absolute(given, this.#base);
    this.#facts = Promise.resolve(facts);
    const { media } = this;
    this.style.setProperty("--kadr-ratio", `${facts.width} / ${facts.height}`);
    if (facts.colour) this.style.setProperty("--kadr-colour", facts.colour);
    const poster = this.getAttribute("poster") ?? facts.poster_url;
    if (poster && !media.poster) media.poster = poster;
    if (facts.thumbhash)
      import("thumbhash").then(({ thumbHashToDataURL }) => {
        const bytes = Uint8Array.from(atob(facts.thumbhash!), (letter) => letter.charCodeAt(0));
        this.style.setProperty("--kadr-blur", `url(${thumbHashToDataURL(bytes)})`);
      });
    this.#duration = facts.duration_s;
    const length = this.#one(".length");
    length.textContent = clock(facts.duration_s);
    length.hidden = this.#playing !== null;
    const start = this.#root!.querySelector<HTMLButtonElement>(".start");
    if (start) start.ariaLabel = this.#first("player.play_title", { title: this.getAttribute("title") ?? facts.title });
    this.#say("");
    this.dispatchEvent(new CustomEvent("kadr-ready", { bubbles: true, detail: { title: facts.title, duration_s: facts.duration_s } }));
    return facts;
  }

  #prepare(): void {
    this.#say(this.#first("player.preparing"));
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#ask(), ASK_AGAIN_MS);
  }

  #say(words: string): void {
    const notice = this.#one(".notice");
    notice.textContent = words;
    notice.hidden = words === "";
  }

  // Somebody wants to watch. WebKit lets a video play later only if this very click has touched it.
  #watch(): void {
    if (isApple()) this.media.play().catch(() => {});
    this.play().catch((error) => {
      if (!(error instanceof Refusal) && (error as DOMException).name === "NotAllowedError") return; // the button stays
    });
  }

  #begin(play: boolean): Promise<Playing> {
    this.#playing ??= this.#start(play).catch((error) => {
      this.#playing = null;
      this.#busy(false);
      if (!(error instanceof Refusal && error.code === "not_ready")) this.#fail(error);
      throw error;
    });
    return this.#playing;
  }

  async #start(play: boolean): Promise<Playing> {
    this.#busy(true);
    this.#one(".problem").hidden = true;
    const [facts, texts, { Playing }, EngineType] = await Promise.all([
      this.#ask(),
      textsIn(this.#first.language),
      import("./playing.ts"),
      engine(),
    ]);
    const asked_s = this.media.currentTime; // set before there was anything to seek in
    const start_s = asked_s > 0 ? asked_s : this.hasAttribute("start-time") ? Number(this.getAttribute("start-time")) || 0 : null;
    const hadFocus = this.#root!.activeElement?.classList.contains("start") ?? false;
    const wishes = { play, focus: hadFocus, start_s, remember: this.#remembers, failed: (refusal: Refusal) => this.#fail(refusal) };
    const made = new Playing(EngineType, this.#root!, this.media, facts, texts, wishes, this.#one(".notice"));
    this.#one(".length").hidden = true;
    return made;
  }

  #busy(busy: boolean): void {
    const start = this.#root?.querySelector(".start");
    start?.classList.toggle("busy", busy);
    if (start) start.ariaBusy = String(busy);
  }

  async #fail(error: unknown): Promise<void> {
    const refusal = error instanceof Refusal ? error : new Refusal("network", String(error));
    const texts = await textsIn(this.#first.language);
    const known = texts(`error.${refusal.code}`);
    const words = known.startsWith("error.") ? texts("error.network") : known;
    const problem = this.#one(".problem");
    problem.querySelector("p")!.textContent = words;
    problem.querySelector("small")!.textContent = refusal.code;
    problem.hidden = false;
    this.#root?.querySelector(".start")?.setAttribute("hidden", "");
    this.media.pause();
    const detail = { code: refusal.code, message: words, detail: refusal.detail };
    this.dispatchEvent(new CustomEvent("kadr-error", { bubbles: true, detail }));
  }

  // After a problem: the same title from where it was, with fresh facts and, where the page signs, a fresh token.
  async #again(): Promise<void> {
    const at = this.media.currentTime;
    this.#one(".problem").hidden = true;
    this.#root?.querySelector(".start")?.removeAttribute("hidden");
    const playing = await this.#playing?.catch(() => null);
    if (!playing) {
      this.#facts = null;
      return this.#watch();
    }
    try {
      const facts = absolute(await ask<Facts>(await this.#url()), this.#base);
      playing.engine.load(facts.hls_url, at || null);
      await this.media.play();
    } catch (error) {
      if (error instanceof Refusal) await this.#fail(error);
    }
  }
}

// Everything of Apple's plays HLS by itself, with AirPlay, and the system's player in full screen on phones.
function isApple(): boolean {
  return navigator.vendor.startsWith("Apple");
}

function warm(language: string): void {
  Promise.all([textsIn(language), import("./playing.ts"), engine()]).catch(() => {});
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
