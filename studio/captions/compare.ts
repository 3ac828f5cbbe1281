// Two versions of captions beside each other: what is equal, and what has to be chosen.
import { type Captions, contentOf, type Cue } from "./cue.ts";

export type Side = "mine" | "theirs";

export interface Difference {
  readonly mine: readonly Cue[];
  readonly theirs: readonly Cue[];
  readonly proposed: Side; // whoever has changed it since both began
}

// In order: captions that are equal, by mine, and differences.
export type Piece = Cue | Difference;

export function isDifference(piece: Piece): piece is Difference {
  return "proposed" in piece;
}

// `base`: what both began from, where that is known.
export function compare(mine: readonly Cue[], theirs: readonly Cue[], base: readonly Cue[] | null): Piece[] {
  const untouched = new Set(base?.map(contentOf));
  const pieces: Piece[] = [];
  let [at, other] = [0, 0];
  for (const [i, j] of [...equalPairs(mine, theirs), [mine.length, theirs.length] as const]) {
    pieces.push(...differences(mine.slice(at, i), theirs.slice(other, j), untouched));
    if (i < mine.length) pieces.push(mine[i]!);
    [at, other] = [i + 1, j + 1];
  }
  return pieces;
}

// Captions by what was chosen for each difference, in the order of their times.
export function chosen(captions: Captions, pieces: readonly Piece[], choice: (difference: Difference) => Side): Captions {
  const cues = pieces.flatMap((piece) => (isDifference(piece) ? piece[choice(piece)] : [piece]));
  return { ...captions, cues: cues.toSorted((one, two) => one.startMs - two.startMs || one.endMs - two.endMs) };
}

// As many on both sides: one choice for each caption; else one for all of them.
function differences(mine: readonly Cue[], theirs: readonly Cue[], untouched: ReadonlySet<string>): Difference[] {
  if (!mine.length && !theirs.length) return [];
  const proposed = (cues: readonly Cue[]): Side =>
    cues.every((cue) => untouched.has(contentOf(cue))) && untouched.size ? "theirs" : "mine";
  if (mine.length !== theirs.length) return [{ mine, theirs, proposed: proposed(mine) }];
  return mine.map((cue, at) => ({ mine: [cue], theirs: [theirs[at]!], proposed: proposed([cue]) }));
}

// The longest run of equal captions in both orders. Captions are seldom repeated, so the first unused one of theirs
// that is equal will do; of those, the longest rising sequence.
function equalPairs(mine: readonly Cue[], theirs: readonly Cue[]): (readonly [number, number])[] {
  const places = new Map<string, number[]>();
  for (const [at, cue] of theirs.entries()) {
    const content = contentOf(cue);
    places.set(content, [...(places.get(content) ?? []), at]);
  }
  const pairs: (readonly [number, number])[] = [];
  for (const [at, cue] of mine.entries()) {
    const place = places.get(contentOf(cue))?.shift();
    if (place !== undefined) pairs.push([at, place]);
  }
  return rising(pairs);
}

function rising(pairs: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const ends: number[] = []; // of the best sequence of each length: the number of its last pair
  const before: number[] = [];
  for (const [number, [, place]] of pairs.entries()) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[ends[middle]!]![1] < place) low = middle + 1;
      else high = middle;
    }
    before[number] = low ? ends[low - 1]! : -1;
    ends[low] = number;
  }
  const found: (readonly [number, number])[] = [];
  for (let number = ends.at(-1) ?? -1; number >= 0; number = before[number]!) found.unshift(pairs[number]!);
  return found;
}

// What two texts have in common at their beginnings and ends, by whole words, and what differs between.
export function parts(text: string, other: string): [string, string, string] {
  const [words, others] = [text.split(/(\s+)/), other.split(/(\s+)/)];
  const most = Math.min(words.length, others.length);
  let begin = 0;
  while (begin < most && words[begin] === others[begin]) begin += 1;
  let end = 0;
  while (end < most - begin && words.at(-1 - end) === others.at(-1 - end)) end += 1;
  const stop = words.length - end;
  return [words.slice(0, begin).join(""), words.slice(begin, stop).join(""), words.slice(stop).join("")];
}
