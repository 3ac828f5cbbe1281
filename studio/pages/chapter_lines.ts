// Chapters as people write them: a time and a name on each line. Pure.
import { clock } from "../player/time.ts";

const TIME = /^\s*(?:(\d+):)?(\d+):(\d\d(?:[.,]\d+)?)(?=\s|$)/;

export interface Edited {
  text: string;
  from: number; // of what is to be selected
  to: number;
}

// Where a line's chapter begins, in seconds; null for a line without a time.
export function startOf(line: string): number | null {
  const [, hours = "0", minutes, seconds] = TIME.exec(line) ?? [];
  if (minutes === undefined || seconds === undefined) return null;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds.replace(",", "."));
}

// The text with another line for a chapter that begins at this second, where its time belongs; its name is selected, or
// that of the chapter that begins in this second already.
export function withChapterAt(text: string, seconds: number, name: string): Edited {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const whole = Math.floor(seconds);
  const there = lines.findIndex((line) => Math.floor(startOf(line) ?? -1) === whole);
  let at = there;
  if (there < 0) {
    const later = lines.findIndex((line) => (startOf(line) ?? -1) > whole);
    at = later < 0 ? lines.length : later;
    lines.splice(at, 0, `${clock(whole)} ${name}`);
  }
  const to = lines.slice(0, at + 1).join("\n").length;
  const line = lines[at]!;
  const time = TIME.exec(line)?.[0].length ?? 0;
  return { text: lines.join("\n"), from: to - line.slice(time).trimStart().length, to };
}

export function asLines(chapters: readonly { start: number; title: string }[]): string {
  return chapters.map(({ start, title }) => `${clock(start)} ${title}`).join("\n");
}
