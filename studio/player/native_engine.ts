// Plays with the browser's own HLS: Safari and everything on iPhone and iPad, for AirPlay and the system's player.
import type { Engine, EngineEvents, Quality } from "./engine.ts";
import { type Facts, Refusal } from "./facts.ts";

const RETRY_MS = 4000;

interface AudioTrackList extends ArrayLike<{ label: string; language: string; enabled: boolean }> {}

export class NativeEngine implements Engine {
  readonly qualities: Quality[] = [];
  readonly quality = null;
  pinned: Quality | null = null;
  #url = "";
  #played = false;
  #timer = 0;

  constructor(
    private readonly video: HTMLVideoElement,
    _facts: Facts,
    private readonly events: EngineEvents,
  ) {
    const { signal } = events;
    video.setAttribute("x-webkit-airplay", "allow");
    video.addEventListener("error", () => this.#failed(), { signal });
    video.addEventListener("playing", () => (this.#played = true), { signal });
    video.addEventListener("loadedmetadata", () => events.changed(), { signal });
    addEventListener("online", () => this.#timer && this.#retry(), { signal });
  }

  load(url: string, start_s: number | null): void {
    this.#url = url;
    const { paused } = this.video;
    const { signal } = this.events;
    const seek = () => (this.video.currentTime = start_s ?? 0);
    if (start_s !== null) this.video.addEventListener("loadedmetadata", seek, { once: true, signal });
    this.video.src = url;
    if (!paused) this.video.play().catch(() => {});
  }

  get sounds(): string[] {
    return Array.from(this.#audioTracks, ({ label, language }) => label || language);
  }

  get sound(): number {
    return Array.from(this.#audioTracks).findIndex(({ enabled }) => enabled);
  }

  set sound(index: number) {
    Array.from(this.#audioTracks).forEach((track, at) => (track.enabled = at === index));
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.video.removeAttribute("src");
    this.video.load();
  }

  get #audioTracks(): AudioTrackList {
    return (this.video as unknown as { audioTracks?: AudioTrackList }).audioTracks ?? [];
  }

  // The element does not say why: WebKit calls every failure one of the format or of the decoder. The playlist's status
  // tells a refusal. What has played before is taken for files that have expired: the session is renewed, once a minute.
  async #failed(): Promise<void> {
    const { error } = this.video;
    let status: number;
    try {
      ({ status } = await fetch(this.#url, { credentials: "omit" }));
    } catch {
      return this.#wait();
    }
    if (this.events.signal.aborted) return;
    if (status === 429 || status >= 500) this.#wait();
    else if (status >= 400) this.events.refused(status);
    else if (this.#played && error?.code !== MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED) this.events.refused(403);
    else this.events.failed(new Refusal("decode", error?.message));
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#retry(), RETRY_MS);
  }

  #retry(): void {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const { currentTime } = this.video;
    this.load(this.#url, currentTime || null);
    if (this.#played) this.video.play().catch(() => {});
  }
}
