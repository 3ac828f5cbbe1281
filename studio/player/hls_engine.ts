// Plays with hls.js. A network that is gone is waited for; a refusal is left to the session.
import Hls, { type ErrorData, type Level } from "hls.js";
import type { Engine, EngineEvents, Quality } from "./engine.ts";
import { type Facts, Refusal } from "./facts.ts";
import { keepCues } from "./kept_cues.ts";

const RETRY_MS = [1000, 2000, 4000, 8000] as const; // then every 8 s
const FIRST_RETRIES = 2;
const CLIP_S = 60;
const CLIP_AHEAD_S = 8;
const RECOVERIES = 2; // from errors of the decoder, until something plays again

// Whoever leaves has not paid for the rest of the title; most clips are left before they end.
function usuallyAhead(duration_s: number, phone: boolean): number {
  if (duration_s <= CLIP_S) return CLIP_AHEAD_S;
  return phone ? 30 : 45;
}

export class HlsEngine implements Engine {
  static readonly supported = Hls.isSupported();
  readonly hls: Hls;
  #url = "";
  #pinned: Quality | null = null;
  #retries = 0;
  #recoveries = 0;
  #timer = 0;

  constructor(
    private readonly video: HTMLVideoElement,
    facts: Facts,
    private readonly events: EngineEvents,
    ahead_s: number | null,
  ) {
    keepCues(video, events.signal);
    const phone = matchMedia("(pointer: coarse)").matches;
    this.hls = new Hls({
      capLevelToPlayerSize: true,
      maxMaxBufferLength: ahead_s ?? usuallyAhead(facts.duration_s, phone),
      backBufferLength: phone ? 30 : Infinity,
      enableWorker: false, // fMP4 is passed on as it is
      cmcd: { contentId: facts.playback_id, useHeaders: false },
    });
    this.hls.on(Hls.Events.MANIFEST_PARSED, () => {
      if (this.#pinned) this.#pin(); // setting a level, even none, loads what is buffered again
      events.changed();
    });
    this.hls.on(Hls.Events.LEVEL_SWITCHED, () => events.changed());
    this.hls.on(Hls.Events.AUDIO_TRACK_SWITCHED, () => events.changed());
    this.hls.on(Hls.Events.FRAG_BUFFERED, () => {
      this.#retries = this.#recoveries = 0;
    });
    this.hls.on(Hls.Events.ERROR, (_, data) => this.#failed(data));
    addEventListener("online", this.#retry, { signal: events.signal });
  }

  load(url: string, start_s: number | null): void {
    this.#url = url;
    this.hls.config.startPosition = start_s ?? -1;
    if (this.hls.media) this.hls.detachMedia(); // the same URL again would change nothing
    this.hls.loadSource(url);
    this.hls.attachMedia(this.video);
  }

  get qualities(): Quality[] {
    const named = this.hls.levels.map(quality);
    const once = named.filter(({ name }, index) => named.findIndex((other) => other.name === name) === index);
    return once.sort((one, other) => other.height - one.height);
  }

  get quality(): Quality | null {
    const level = this.hls.levels[this.hls.currentLevel];
    return level ? quality(level) : null;
  }

  get pinned(): Quality | null {
    return this.#pinned;
  }

  set pinned(wanted: Quality | null) {
    this.#pinned = wanted;
    this.#pin();
    this.events.changed();
  }

  get sounds(): string[] {
    return this.hls.audioTracks.map(({ name, lang }) => name || lang || "");
  }

  get sound(): number {
    return this.hls.audioTrack;
  }

  set sound(index: number) {
    this.hls.audioTrack = index;
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.hls.destroy();
  }

  // The best of the levels that have this name.
  #pin(): void {
    const fitting = this.hls.levels.map((level, index) => ({ level, index }));
    const best = fitting.filter(({ level }) => quality(level).name === this.#pinned?.name).at(-1);
    this.hls.nextLevel = best?.index ?? -1;
  }

  #failed({ fatal, type, details, response, error }: ErrorData): void {
    if (!fatal) return;
    const status = response?.code ?? 0;
    if (status === 403 || status === 404 || status === 410) return this.events.refused(status);
    if (type === Hls.ErrorTypes.NETWORK_ERROR) return this.#wait(`${details} ${status || ""}`.trim());
    if (type === Hls.ErrorTypes.MEDIA_ERROR && this.#recoveries < RECOVERIES) {
      this.#recoveries += 1;
      return this.hls.recoverMediaError();
    }
    const unsupported = details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR;
    this.events.failed(new Refusal(unsupported ? "unsupported" : "decode", `${details}: ${error.message}`));
  }

  // Playback goes on from the buffer meanwhile. What never began is told after a few seconds.
  #wait(error: string): void {
    if (this.hls.levels.length === 0 && this.#retries === FIRST_RETRIES) {
      this.#retries = 0;
      return this.events.failed(new Refusal("network", error));
    }
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(this.#retry, RETRY_MS[Math.min(this.#retries, RETRY_MS.length - 1)]);
    this.#retries += 1;
  }

  #retry = (): void => {
    if (this.#retries === 0) return;
    clearTimeout(this.#timer);
    if (this.hls.levels.length === 0) this.hls.loadSource(this.#url);
    else this.hls.startLoad(this.video.currentTime);
  };
}

function quality({ width, height }: Level): Quality {
  const lines = Math.min(width, height); // an upright 720 x 1280 is called 720p, too
  return { name: `${lines}p`, height: lines };
}
