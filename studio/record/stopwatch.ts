// How long something has run, without its pauses. Pure: whoever asks says what time it is, in milliseconds.
export class Stopwatch {
  #before = 0;
  #since: number | null = null;

  run(now: number): void {
    this.#since ??= now;
  }

  rest(now: number): void {
    this.#before = this.elapsed(now);
    this.#since = null;
  }

  elapsed(now: number): number {
    return this.#before + (this.#since === null ? 0 : now - this.#since);
  }
}
