// How much of a title somebody has watched: the union of the intervals that were played, not the position.
// Seeking to the end does not count, watching a minute twice counts once.
export type Interval = readonly [start: number, end: number];

export class Watched {
  #earlier: Interval[] = []; // of sources that were replaced, as when a session was renewed
  #now: Interval[] = [];

  constructor(media: HTMLMediaElement) {
    media.addEventListener("timeupdate", () => (this.#now = intervals(media.played)));
    media.addEventListener("ended", () => (this.#now = intervals(media.played)));
    media.addEventListener("emptied", () => {
      this.#earlier = union([...this.#earlier, ...this.#now]);
      this.#now = [];
    });
  }

  get seconds(): number {
    return union([...this.#earlier, ...this.#now]).reduce((sum, [start, end]) => sum + end - start, 0);
  }

  // Another title.
  reset(): void {
    this.#earlier = this.#now = [];
  }
}

function intervals(ranges: TimeRanges): Interval[] {
  return Array.from({ length: ranges.length }, (_, index) => [ranges.start(index), ranges.end(index)]);
}

export function union(all: Interval[]): Interval[] {
  const joined: [number, number][] = [];
  for (const [start, end] of [...all].sort(([one], [other]) => one - other)) {
    const last = joined.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined;
}
