// What is wrong with captions, by the house's rules, which the server gives to the page (ingest/studio/cue_rules.py).
import type { Cue } from "./cue.ts";
import { plainLines } from "./markup.ts";
import { cells } from "./width.ts";

export interface Rules {
  readonly cells_per_character: number; // 2 where characters are full-width
  readonly line_characters: number;
  readonly lines: number;
  readonly most_cps: number; // characters a second
  readonly shortest_ms: number;
  readonly longest_ms: number;
  readonly gap_ms: number;
  readonly spaced: boolean; // whether the script has spaces between words
}

// `reversed` and `overlap` cannot be saved; the others can.
export type Kind = "reversed" | "overlap" | "fast" | "short" | "long" | "wide" | "lines" | "gap" | "empty";

export interface Mark {
  readonly kind: Kind;
  readonly found: number; // seconds, characters or lines
  readonly limit: number;
}

const BLOCKING: ReadonlySet<Kind> = new Set(["reversed", "overlap"]);

export function blocks({ kind }: Mark): boolean {
  return BLOCKING.has(kind);
}

// The marks of every caption, in their order. Two that are placed differently, such as a sign above what is spoken, may
// show at once.
export function marksOf(cues: readonly Cue[], rules: Rules): readonly (readonly Mark[])[] {
  const lastEnds = new Map<string, number>(); // by place
  const overlaps = cues.map(({ settings, startMs, endMs }) => {
    const before = lastEnds.get(settings);
    lastEnds.set(settings, Math.max(before ?? 0, endMs));
    return before !== undefined && before > startMs ? before : null;
  });
  return cues.map((cue, at) => {
    const before = overlaps[at] ?? null;
    const own = ownMarks(cue, rules);
    const over = before === null ? [] : [mark("overlap", cue.startMs / 1000, before / 1000)];
    const times = [...over, ...gap(cue, cues[at + 1], rules)];
    return times.length ? [...times, ...own] : own;
  });
}

function gap(cue: Cue, next: Cue | undefined, { gap_ms }: Rules): Mark[] {
  const between = next ? next.startMs - cue.endMs : gap_ms;
  return between >= 0 && between < gap_ms ? [mark("gap", between / 1000, gap_ms / 1000)] : [];
}

const known = new WeakMap<Rules, WeakMap<Cue, readonly Mark[]>>();

// The marks that a caption has whatever is beside it.
function ownMarks(cue: Cue, rules: Rules): readonly Mark[] {
  const byCue = known.get(rules) ?? new WeakMap<Cue, readonly Mark[]>();
  known.set(rules, byCue);
  let marks = byCue.get(cue);
  if (!marks) byCue.set(cue, (marks = [...timeMarks(cue, rules), ...textMarks(cue, rules)]));
  return marks;
}

function timeMarks({ startMs, endMs, text }: Cue, rules: Rules): Mark[] {
  const ms = endMs - startMs;
  if (ms <= 0) return [mark("reversed", startMs / 1000, endMs / 1000)];
  const cps = speed(text, ms, rules);
  return [
    ...(cps > rules.most_cps ? [mark("fast", cps, rules.most_cps)] : []),
    ...(ms < rules.shortest_ms ? [mark("short", ms / 1000, rules.shortest_ms / 1000)] : []),
    ...(ms > rules.longest_ms ? [mark("long", ms / 1000, rules.longest_ms / 1000)] : []),
  ];
}

// In characters a second, spaces counted.
export function speed(text: string, ms: number, { cells_per_character }: Rules): number {
  return (cells(plainLines(text).join(" ")) * 1000) / cells_per_character / ms;
}

function textMarks({ text }: Cue, rules: Rules): Mark[] {
  const lines = plainLines(text);
  if (!lines.length) return [mark("empty", 0, 0)];
  const widest = Math.max(...lines.map(cells)) / rules.cells_per_character;
  return [
    ...(widest > rules.line_characters ? [mark("wide", widest, rules.line_characters)] : []),
    ...(lines.length > rules.lines ? [mark("lines", lines.length, rules.lines)] : []),
  ];
}

function mark(kind: Kind, found: number, limit: number): Mark {
  return { kind, found, limit };
}

// The next caption after `at` (or before it, by -1) that has a mark; goes round at the end; -1 where there is none.
export function nextMarked(
  marks: readonly (readonly Mark[])[],
  at: number,
  step: 1 | -1,
  wanted: (mark: Mark) => boolean = () => true,
): number {
  const count = marks.length;
  for (let turn = 1; turn <= count; turn += 1) {
    const index = (((at + step * turn) % count) + count) % count;
    if (marks[index]!.some(wanted)) return index;
  }
  return -1;
}
