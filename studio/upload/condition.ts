// Where a run waits `until` something is so, or somebody ends the run.
interface Waiting {
  ready(): boolean;
  go(): void;
  end(reason: unknown): void;
}

export class Condition {
  #end = new AbortController();
  #waiting: Waiting[] = [];

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  // Rejects with the reason for which the run was ended.
  until(ready: () => boolean): Promise<void> {
    return new Promise((go, end) => {
      this.#waiting.push({ ready, go, end });
      this.notify();
    });
  }

  // To be called whenever something may have become so.
  notify(): void {
    const { aborted, reason } = this.signal;
    this.#waiting = this.#waiting.filter(({ ready, go, end }) => {
      if (aborted) end(reason);
      else if (ready()) go();
      else return true;
      return false;
    });
  }

  // Only the first reason counts.
  end(reason: unknown): void {
    this.#end.abort(reason);
    this.notify();
  }
}
