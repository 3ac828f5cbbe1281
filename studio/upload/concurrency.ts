// How many parts are sent at once, of all uploads of a page together: a browser opens six connections to a server. Pure.

// Starts a part and returns true, or has none to start.
export type Starter = (now: number) => boolean;

const GOOD_FOR_MORE = 20;

export class Concurrency {
  limit: number;
  busy = 0;
  #good = 0;
  #slowed_at = -Infinity;
  #closed_until = 0;
  #starters: Starter[] = [];

  constructor(readonly most: number) {
    this.limit = most;
  }

  join(starter: Starter): void {
    this.#starters.push(starter);
  }

  leave(starter: Starter): void {
    this.#starters = this.#starters.filter((other) => other !== starter);
  }

  // Start parts as long as more may be under way, one of each upload in turn.
  turn(now: number): void {
    let idle = 0;
    while (now >= this.#closed_until && this.busy < this.limit && idle < this.#starters.length) {
      const starter = this.#starters.shift()!;
      this.#starters.push(starter);
      idle = starter(now) ? 0 : idle + 1;
    }
  }

  good(): void {
    this.#good += 1;
    if (this.#good % GOOD_FOR_MORE === 0) this.limit = Math.min(this.most, this.limit + 1);
  }

  // The server asked for less. What had begun before it was heard is no reason to halve again.
  slow(began: number, now: number, wait_ms: number): void {
    this.#closed_until = Math.max(this.#closed_until, now + wait_ms);
    if (began <= this.#slowed_at) return;
    this.limit = Math.max(1, this.limit >> 1);
    this.#slowed_at = now;
    this.#good = 0;
  }

  // The clock was changed: nobody knows how long is still to be waited for.
  open(): void {
    this.#closed_until = 0;
  }
}
