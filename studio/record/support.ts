// What a browser can record, and as which file. Pure.
export type Kind = "camera" | "screen_voice" | "screen";

// What the browser has: MediaRecorder, getUserMedia and getDisplayMedia, which phones have not.
export interface Abilities {
  recorder: boolean;
  devices: boolean;
  screen: boolean;
}

export function kindsOf({ recorder, devices, screen }: Abilities): Kind[] {
  if (!recorder || !devices) return [];
  return screen ? ["camera", "screen_voice", "screen"] : ["camera"];
}

// WebM first: whatever has been written of it can be played, to the last cluster. VP8 leaves most of a laptop to what is
// shown on its screen.
const TYPES = ["video/webm;codecs=vp8,opus", "video/webm;codecs=vp9,opus", "video/webm", "video/mp4"];

// "": none of these, the browser's own choice.
export function typeFor(isSupported: (type: string) => boolean): string {
  return TYPES.find(isSupported) ?? "";
}

const BITS_PER_S: Record<Kind, number> = { camera: 2_500_000, screen_voice: 4_000_000, screen: 4_000_000 };

export function bitRateOf(kind: Kind): number {
  return BITS_PER_S[kind];
}

// By local time: "recording-2026-11-30-10-15-07.webm".
export function fileNameOf(began: Date, type: string): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const date = [began.getFullYear(), began.getMonth() + 1, began.getDate()];
  const time = [began.getHours(), began.getMinutes(), began.getSeconds()];
  const ending = type.startsWith("video/mp4") ? "mp4" : type.startsWith("video/x-matroska") ? "mkv" : "webm";
  return `recording-${[...date, ...time].map(two).join("-")}.${ending}`;
}
