// Which rows of a long list are drawn. Rows that were never drawn count as high as the average of those that were.
export const OVERSCAN = 4; // rows beyond either edge, so that the Tab key finds the next one

export class Heights {
  #known = new Map<number, number>(); // by the key of the row
  #sum = 0;

  constructor(private readonly guess: number) {}

  get average(): number {
    return this.#known.size ? this.#sum / this.#known.size : this.guess;
  }

  of(key: number): number {
    return this.#known.get(key) ?? this.average;
  }

  // Whether that is another height than before.
  note(key: number, height: number): boolean {
    const before = this.#known.get(key);
    if (before === height) return false;
    this.#sum += height - (before ?? 0);
    this.#known.set(key, height);
    return true;
  }
}

// Where each row begins, and where the last one ends.
export function offsets(keys: readonly number[], heights: Heights): number[] {
  const tops = [0];
  for (const [at, key] of keys.entries()) tops.push(tops[at]! + heights.of(key));
  return tops;
}

// The first row to draw and the one after the last, for what is seen from `top` to `bottom`.
export function windowOf(tops: readonly number[], top: number, bottom: number): [number, number] {
  const count = tops.length - 1;
  const first = Math.max(0, rowAt(tops, top) - OVERSCAN);
  return [Math.min(first, count), Math.min(count, rowAt(tops, bottom) + 1 + OVERSCAN)];
}

// The row that a height is in; the first or last one for what is outside.
export function rowAt(tops: readonly number[], height: number): number {
  let [low, high] = [0, Math.max(0, tops.length - 2)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle]! <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}

// The caption that shows at a time; else the last one before it; -1 before the first.
export function shownAt(cues: readonly { startMs: number; endMs: number }[], ms: number): number {
  let [low, high] = [-1, cues.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (cues[middle]!.startMs <= ms) low = middle;
    else high = middle - 1;
  }
  return low;
}
