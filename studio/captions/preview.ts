// The player beside the captions: shows them as they are being edited, plays one of them, and says where it is.
import type { KadrPlayer } from "../player/kadr-player.ts";
import type { Cue } from "./cue.ts";

export class Preview {
  #track: TextTrack | null = null;
  #cues: readonly Cue[] = [];
  #made = new Map<number, [Cue, VTTCue]>();
  #wanted = true; // until somebody chooses others in the player's menu
  #part = 0; // the request for the frame in which the caption that plays may end

  constructor(
    private readonly player: KadrPlayer | null,
    private readonly label: string,
    private readonly language: string,
    moved: (ms: number) => void,
  ) {
    for (const event of ["timeupdate", "seeked"]) player?.addEventListener(event, () => moved(this.ms));
    player?.addEventListener("canplay", () => this.#fill());
    player?.addEventListener("pause", () => cancelAnimationFrame(this.#part));
  }

  // Null where there is no player, or nothing was played yet.
  get position(): number | null {
    return this.player?.media && (this.player.readyState > 0 || this.player.currentTime > 0) ? this.ms : null;
  }

  get ms(): number {
    return Math.round((this.player?.currentTime ?? 0) * 1000);
  }

  get isPlaying(): boolean {
    return this.player?.paused === false;
  }

  show(cues: readonly Cue[]): void {
    this.#cues = cues;
    if (this.#track && this.#wanted) this.#update(this.#track);
  }

  seek(ms: number): void {
    if (this.player?.readyState) this.player.currentTime = ms / 1000;
  }

  pause(): void {
    this.player?.pause();
  }

  // From its beginning to its end; pauses where something plays.
  async play({ startMs, endMs }: Cue): Promise<void> {
    const { player } = this;
    if (!player?.media) return;
    if (this.isPlaying) return player.pause();
    player.currentTime = startMs / 1000;
    await player.play().catch(() => {}); // the player says why
    const look = () => {
      if (this.ms >= endMs) player.pause();
      else this.#part = requestAnimationFrame(look);
    };
    cancelAnimationFrame(this.#part);
    this.#part = requestAnimationFrame(look);
  }

  // Instead of the stored ones, once there is something to see; the player's menu has both. A player that loads its
  // source again empties all tracks.
  #fill(): void {
    this.#track ??= this.#addTrack(this.player!);
    this.#prefer();
    if (!this.#wanted) return;
    if (!this.#track.cues?.length) this.#made.clear();
    this.#update(this.#track);
  }

  #addTrack(player: KadrPlayer): TextTrack {
    const { media } = player;
    media.textTracks.addEventListener("change", () => this.#prefer());
    const chosen = () => {
      this.#wanted = this.#track?.mode === "showing";
      if (this.#wanted) this.#fill();
    };
    player.addEventListener("click", (event) => {
      if (event.composedPath().some((one) => (one as Element).role?.startsWith("menuitem"))) chosen();
    });
    player.addEventListener("keyup", ({ key }) => key === "c" && setTimeout(chosen));
    return media.addTextTrack("subtitles", this.label, this.language);
  }

  // Browsers and hls.js turn tracks on and off by the language of the browser; only a person's choice counts.
  #prefer(): void {
    if (!this.#track || !this.#wanted) return;
    for (const track of this.player!.media.textTracks)
      if (/^(subtitles|captions)$/.test(track.kind)) {
        const mode = track === this.#track ? "showing" : "disabled";
        if (track.mode !== mode) track.mode = mode;
      }
  }

  #update(track: TextTrack): void {
    const left = new Map(this.#made);
    for (const cue of this.#cues) {
      const made = left.get(cue.key);
      left.delete(cue.key);
      if (made?.[0] === cue) continue;
      if (made) this.#drop(track, cue.key, made[1]);
      if (cue.endMs > cue.startMs) this.#add(track, cue);
    }
    for (const [key, [, one]] of left) this.#drop(track, key, one);
  }

  #add(track: TextTrack, cue: Cue): void {
    const made = new VTTCue(cue.startMs / 1000, cue.endMs / 1000, cue.text);
    place(made, cue.settings);
    track.addCue(made);
    this.#made.set(cue.key, [cue, made]);
  }

  #drop(track: TextTrack, key: number, made: VTTCue): void {
    track.removeCue(made);
    this.#made.delete(key);
  }
}

// The settings that the player heeds.
function place(cue: VTTCue, settings: string): void {
  const line = /(?:^|\s)line:(-?\d+(?:\.\d+)?)(%?)/.exec(settings);
  if (line) {
    cue.snapToLines = !line[2];
    cue.line = Number(line[1]);
  }
  const align = /(?:^|\s)align:(start|center|end|left|right)/.exec(settings)?.[1];
  if (align) cue.align = align as AlignSetting;
}
