// Finds and replaces in the texts of captions, as a person sees them.
import type { Captions, Cue } from "./cue.ts";
import { shown, stored } from "./markup.ts";

export interface Match {
  readonly index: number; // of the caption
  readonly at: number; // in its shown text
  readonly length: number;
}

export function matches(cues: readonly Cue[], wanted: string, sameCase: boolean): Match[] {
  const pattern = patternOf(wanted, sameCase);
  if (!pattern) return [];
  return cues.flatMap((cue, index) =>
    [...shown(cue.text).matchAll(pattern)].map((found) => ({ index, at: found.index, length: found[0].length })),
  );
}

// The number of the first match behind a place, or before it by -1; goes round at the end; -1 where there is none.
export function nextMatch(all: readonly Match[], index: number, at: number, step: 1 | -1): number {
  if (!all.length) return -1;
  const isBehind = (match: Match) => match.index > index || (match.index === index && match.at >= at);
  const behind = all.findIndex(isBehind);
  if (step === 1) return behind < 0 ? 0 : behind;
  return (behind < 0 ? all.length : behind) - 1 < 0 ? all.length - 1 : (behind < 0 ? all.length : behind) - 1;
}

export function replaceOne(captions: Captions, { index, at, length }: Match, by: string): Captions {
  const cue = captions.cues[index]!;
  const text = shown(cue.text);
  const changed = { ...cue, text: stored(text.slice(0, at) + by + text.slice(at + length)) };
  return { ...captions, cues: captions.cues.with(index, changed) };
}

export function replaceAll(captions: Captions, wanted: string, by: string, sameCase: boolean): Captions {
  const pattern = patternOf(wanted, sameCase);
  if (!pattern) return captions;
  const cues = captions.cues.map((cue) => {
    const text = shown(cue.text);
    const changed = text.replace(pattern, () => by);
    return changed === text ? cue : { ...cue, text: stored(changed) };
  });
  return { ...captions, cues };
}

// A space also stands for the end of a line.
function patternOf(wanted: string, sameCase: boolean): RegExp | null {
  if (!wanted.trim()) return null;
  const literal = wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s+");
  return new RegExp(literal, sameCase ? "gu" : "giu");
}
