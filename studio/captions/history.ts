// Undo and redo over values that never change. What is typed into one field in one go is one step.
const MOST_STEPS = 500;

export interface Step<T> {
  readonly value: T;
  readonly at: number; // the caption that was changed, to go to
}

export class History<T> {
  #past: Step<T>[] = [];
  #future: Step<T>[] = [];
  #now: Step<T>;
  #group = "";

  constructor(value: T) {
    this.#now = { value, at: 0 };
  }

  get value(): T {
    return this.#now.value;
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  // Edits with the same `group`, one after the other, are undone together.
  push(value: T, at: number, group = ""): void {
    if (!group || group !== this.#group) {
      this.#past.push(this.#now);
      if (this.#past.length > MOST_STEPS) this.#past.shift();
    }
    this.#group = group;
    this.#future = [];
    this.#now = { value, at };
  }

  // What follows is a step of its own.
  settle(): void {
    this.#group = "";
  }

  // Where something has changed; null where there is nothing to undo.
  undo(): number | null {
    const before = this.#past.pop();
    if (!before) return null;
    const { at } = this.#now;
    this.#future.push(this.#now);
    this.#now = before;
    this.#group = "";
    return at;
  }

  redo(): number | null {
    const after = this.#future.pop();
    if (!after) return null;
    this.#past.push(this.#now);
    this.#now = after;
    this.#group = "";
    return after.at;
  }
}
