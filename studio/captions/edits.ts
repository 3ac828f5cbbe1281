// What can be done to captions: each edit gives other captions, or null where it does not apply.
import { type Captions, type Cue, newCue } from "./cue.ts";
import { cut, plain, shown, stored } from "./markup.ts";
import type { Rules } from "./marks.ts";

const NEW_MS = 2000;

export function change(captions: Captions, at: number, values: Partial<Omit<Cue, "key">>): Captions | null {
  const cue = captions.cues[at];
  if (!cue || Object.entries(values).every(([name, value]) => cue[name as keyof Cue] === value)) return null;
  return replaced(captions, at, 1, [{ ...cue, ...values }]);
}

// Two captions of one, cut where the cursor is in its shown text; each gets its characters' share of the time.
export function split(captions: Captions, at: number, cursor: number, { gap_ms }: Rules): Captions | null {
  const cue = captions.cues[at];
  if (!cue) return null;
  const [before, after] = cut(shown(cue.text), cursor).map(stored) as [string, string];
  const [first, second] = [plain(before).length, plain(after).length];
  const lasts = cue.endMs - cue.startMs;
  if (!first || !second || lasts < 2) return null;
  const middle = cue.startMs + Math.round((lasts * first) / (first + second));
  const gap = middle - cue.startMs > 4 * gap_ms ? gap_ms : 0;
  return replaced(captions, at, 1, [
    { ...cue, text: before, endMs: middle - gap },
    newCue({ ...cue, id: "", text: after, startMs: middle, before: [] }),
  ]);
}

// One caption of this and the next; two short texts become two lines.
export function merge(captions: Captions, at: number, { lines, spaced }: Rules): Captions | null {
  const [cue, next] = captions.cues.slice(at, at + 2);
  if (!cue || !next) return null;
  const few = cue.text.split("\n").length + next.text.split("\n").length <= lines;
  const joined = few ? "\n" : spaced ? " " : "";
  const text = [cue.text, next.text].filter((one) => one.trim()).join(joined);
  const before = next.before.length ? [...cue.before, ...next.before] : cue.before;
  return replaced(captions, at, 2, [{ ...cue, endMs: Math.max(cue.endMs, next.endMs), text, before }]);
}

// Blocks before it that are no captions stay, before what follows.
export function remove(captions: Captions, at: number): Captions | null {
  const [cue, next] = captions.cues.slice(at, at + 2);
  if (!cue) return null;
  const kept = next && cue.before.length ? { ...next, before: [...cue.before, ...next.before] } : next;
  if (kept) return replaced(captions, at, 2, [kept]);
  return { ...replaced(captions, at, 1, []), after: [...cue.before, ...captions.after] };
}

// An empty caption after this one, as long as there is room; with `at` -1 the first one, at `startMs`.
export function insert(captions: Captions, at: number, { gap_ms, shortest_ms }: Rules, startMs = 0): Captions {
  const [cue, next] = [captions.cues[at], captions.cues[at + 1]];
  const start = cue ? cue.endMs + gap_ms : startMs;
  const room = next ? next.startMs - gap_ms - start : NEW_MS;
  const lasts = room > 0 ? Math.min(NEW_MS, room) : shortest_ms;
  const made = newCue({ id: "", startMs: start, endMs: start + lasts, settings: cue?.settings ?? "", text: "", before: [] });
  return replaced(captions, at + 1, 0, [made]);
}

// Every caption from this one on, later by so many milliseconds or, below 0, earlier; null where one would begin before 0.
export function shift(captions: Captions, from: number, byMs: number): Captions | null {
  const moved = captions.cues.slice(from);
  if (!byMs || !moved.length || moved.some(({ startMs }) => startMs + byMs < 0)) return null;
  const cues = moved.map((cue) => ({ ...cue, startMs: cue.startMs + byMs, endMs: cue.endMs + byMs }));
  return replaced(captions, from, cues.length, cues);
}

function replaced(captions: Captions, at: number, count: number, cues: readonly Cue[]): Captions {
  return { ...captions, cues: captions.cues.toSpliced(at, count, ...cues) };
}
