// What somebody has not saved yet, kept in this browser: over a reload, a crash, a session that has ended. In local
// storage, which is written before a page is gone.
const LATER_MS = 400;

export interface Draft {
  readonly etag: string; // of the text that it began from
  readonly text: string;
  readonly reviewed: boolean;
  readonly at: number; // when it was kept
}

export class Drafts {
  #timer = 0;
  #waiting: (() => Omit<Draft, "at">) | null = null;

  constructor(private readonly name: string) {
    addEventListener("pagehide", () => this.#write());
  }

  read(): Draft | null {
    try {
      const draft = JSON.parse(localStorage.getItem(this.name) ?? "null");
      return typeof draft?.text === "string" && typeof draft.etag === "string" ? draft : null;
    } catch {
      return null;
    }
  }

  // Soon, so that typing does not wait for it.
  keep(draft: () => Omit<Draft, "at">): void {
    this.#waiting = draft;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#write(), LATER_MS);
  }

  forget(): void {
    this.#waiting = null;
    try {
      localStorage.removeItem(this.name);
    } catch {
      // the browser stores nothing for this site
    }
  }

  #write(): void {
    if (!this.#waiting) return;
    try {
      localStorage.setItem(this.name, JSON.stringify({ ...this.#waiting(), at: Date.now() }));
    } catch {
      // no room, or not allowed: saving still works
    }
    this.#waiting = null;
  }
}
