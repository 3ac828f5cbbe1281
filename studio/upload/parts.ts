// The parts of one upload: which have arrived, which are under way, which is next. Pure.
export interface PartAnswer {
  number: number;
  size_bytes: number;
  arrived: boolean;
  url: string | null;
}

export class Part {
  url: string | null = null;
  arrived = false;
  arrived_at = 0;
  moving: { abort(): void } | null = null;
  loaded = 0; // bytes of it that are under way
  heard_at = 0; // when bytes moved last
  failures = 0;
  not_before = 0;
  refused = false; // its URL was, so the next one has to be good

  constructor(
    readonly number: number,
    readonly size: number,
  ) {}
}

export class Parts {
  #all: Part[] = [];

  // What the server said at `asked_at`, and its fresh URLs. What has arrived since then it did not know.
  take(answers: PartAnswer[], asked_at: number): void {
    for (const { number, size_bytes, arrived, url } of answers) {
      const part = (this.#all[number - 1] ??= new Part(number, size_bytes));
      part.url = url ?? part.url;
      if (!part.moving) part.arrived = arrived || (part.arrived && part.arrived_at >= asked_at);
    }
  }

  // All of them have, and the server knows it.
  arrived(): void {
    for (const part of this.#all) part.arrived = true;
  }

  // The next part to be sent; its URL may have to be asked for first.
  next(now: number): Part | undefined {
    return this.#all.find((part) => !part.arrived && !part.moving && part.not_before <= now);
  }

  get moving(): Part[] {
    return this.#all.filter(({ moving }) => moving);
  }

  // Those of which no byte has moved for so long; what a browser has sent may be on a slow way for longer.
  silent(ms: number, now: number): Part[] {
    return this.moving.filter(({ heard_at, loaded, size }) => Math.abs(now - heard_at) > (loaded < size ? ms : 4 * ms));
  }

  get done(): boolean {
    return this.#all.every(({ arrived }) => arrived);
  }

  // Bytes that have arrived, and those under way.
  get sent(): number {
    return this.#all.reduce((sum, { arrived, size, loaded }) => sum + (arrived ? size : loaded), 0);
  }

  // Give up what is under way in these parts; they are missing again, and nobody is to blame.
  drop(parts: Part[]): void {
    for (const part of parts) {
      const { moving } = part;
      part.moving = null;
      part.loaded = 0;
      moving?.abort();
    }
  }

  // Whoever had to wait need not wait any longer.
  hurry(): void {
    for (const part of this.#all) part.not_before = 0;
  }
}
