// Times of captions: milliseconds <-> what files and fields show.
const WRITTEN = /^(?:(?:(\d{1,4}):)?(\d{1,3}):)?(\d{1,5})(?:[.,](\d{1,3}))?$/;
export const NUDGE_MS = 100;

// "00:01:05.250", as WebVTT files have it.
export function timestamp(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  return `${String(hours).padStart(2, "0")}:${minutesOf(ms % 3_600_000)}`;
}

// The same without hours that are none: "01:05.250".
export function shortTime(ms: number): string {
  return ms < 3_600_000 ? minutesOf(ms) : timestamp(ms);
}

function minutesOf(ms: number): string {
  const [minutes, seconds] = [Math.floor(ms / 60_000), Math.floor(ms / 1000) % 60];
  return `${String(minutes).padStart(2, "0")}:${String(seconds).padStart(2, "0")}.${String(ms % 1000).padStart(3, "0")}`;
}

// What somebody typed: "65.25", "1:05,25" and "0:01:05.250" are the same; null where it is no time.
export function timeOf(written: string): number | null {
  const found = WRITTEN.exec(written.trim());
  if (!found) return null;
  const [, hours = "0", minutes = "0", seconds = "0", fraction = ""] = found;
  if (found[2] !== undefined && Number(seconds) > 59) return null;
  if (found[1] !== undefined && Number(minutes) > 59) return null;
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(fraction.padEnd(3, "0"));
}
