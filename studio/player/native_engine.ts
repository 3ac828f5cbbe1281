// Plays with the browser's own HLS: Safari and everything on iPhone and iPad, for AirPlay and the system's player.
import type { Engine, EngineEvents, Quality } from "./engine.ts";
import { type Facts, Refusal } from "./facts.ts";

interface AudioTrackList extends ArrayLike<{ label: string; language: string; enabled: boolean }> {}

export class NativeEngine implements Engine {
  readonly qualities: Quality[] = [];
  readonly quality = null;
  pinned: Quality | null = null;
  #url = "";

  constructor(
    private readonly video: HTMLVideoElement,
    _facts: Facts,
    private readonly events: EngineEvents,
  ) {
    video.setAttribute("x-webkit-airplay", "allow");
    video.addEventListener("error", this.#failed);
    video.addEventListener("progress", events.loaded);
    video.addEventListener("loadedmetadata", events.changed);
  }

  load(url: string, start_s: number | null): void {
    this.#url = url;
    const { paused } = this.video;
    if (start_s !== null)
      this.video.addEventListener("loadedmetadata", () => (this.video.currentTime = start_s), { once: true });
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
    this.video.removeEventListener("error", this.#failed);
    this.video.removeAttribute("src");
    this.video.load();
  }

  get #audioTracks(): AudioTrackList {
    return (this.video as unknown as { audioTracks?: AudioTrackList }).audioTracks ?? [];
  }

  // The element says only that it failed; the playlist's status says why.
  #failed = async (): Promise<void> => {
    const { error } = this.video;
    try {
      const { ok, status } = await fetch(this.#url, { credentials: "omit" });
      if (ok && error?.code === MediaError.MEDIA_ERR_NETWORK) return this.events.refused(403); // a file below it
      if (ok) return this.events.failed(new Refusal("decode", error?.message));
      this.events.refused(status);
    } catch (cause) {
      this.events.failed(new Refusal("network", String(cause)));
    }
  };
}
