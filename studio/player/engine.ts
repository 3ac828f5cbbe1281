// What plays a playlist: hls.js with Media Source Extensions, or the browser's own HLS on Apple devices.
import type { Facts, Refusal } from "./facts.ts";

export interface Quality {
  name: string; // such as 720p
  height: number;
}

export interface Engine {
  // Load the playlist and be ready to play at `start_s`; null: where the playlist begins.
  load(url: string, start_s: number | null): void;
  readonly qualities: Quality[]; // the best first; empty where the browser chooses by itself
  readonly quality: Quality | null; // what is shown now
  pinned: Quality | null; // null: chosen automatically
  readonly sounds: string[];
  sound: number;
  destroy(): void;
}

export interface EngineEvents {
  signal: AbortSignal; // with which the engine's listeners go
  changed(): void; // qualities or sounds, or what is chosen of them
  refused(status: number): void; // the server refuses to go on: 403, 404 or 410
  failed(refusal: Refusal): void;
}

// `ahead_s`: load at most so many seconds ahead; null: what suits the title. The browser's own HLS decides by itself.
export type EngineOf = new (
  video: HTMLVideoElement,
  facts: Facts,
  events: EngineEvents,
  ahead_s: number | null,
) => Engine;
