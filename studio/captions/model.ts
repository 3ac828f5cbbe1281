// The captions that are being edited, with their marks and all that was done to them.
import { areSame, type Captions } from "./cue.ts";
import { History } from "./history.ts";
import { blocks, type Mark, marksOf, nextMarked, type Rules } from "./marks.ts";

export class Model {
  #history: History<Captions>;
  #marks: readonly (readonly Mark[])[] = [];
  #marksFor: Captions | null = null;

  // `stored`: as the server has them.
  constructor(
    private stored: Captions,
    readonly rules: Rules,
  ) {
    this.#history = new History(stored);
  }

  get captions(): Captions {
    return this.#history.value;
  }

  get base(): Captions {
    return this.stored;
  }

  get marks(): readonly (readonly Mark[])[] {
    if (this.#marksFor !== this.captions) this.#marks = marksOf(this.captions.cues, this.rules);
    this.#marksFor = this.captions;
    return this.#marks;
  }

  get marked(): number {
    return this.marks.filter(({ length }) => length > 0).length;
  }

  // The first caption that cannot be saved; -1 for none.
  get blocking(): number {
    return nextMarked(this.marks, -1, 1, blocks);
  }

  get isChanged(): boolean {
    return !areSame(this.captions, this.stored);
  }

  get canUndo(): boolean {
    return this.#history.canUndo;
  }

  get canRedo(): boolean {
    return this.#history.canRedo;
  }

  // False where there is nothing to change.
  edit(captions: Captions | null, at: number, group = ""): boolean {
    if (!captions || captions === this.captions) return false;
    this.#history.push(captions, at, group);
    return true;
  }

  settle(): void {
    this.#history.settle();
  }

  // Where something has changed; null for nothing.
  undo(): number | null {
    return this.#history.undo();
  }

  redo(): number | null {
    return this.#history.redo();
  }

  // The server has these now; what is being edited stays.
  adopt(stored: Captions): void {
    this.stored = stored;
  }

  // Stored by this editor. Where the server has changed what was sent, such as times after the end of the title, that is a
  // step of its own, unless somebody has gone on typing.
  saved(stored: Captions, sent: Captions): void {
    this.stored = stored;
    if (sent === this.captions && !areSame(stored, sent)) this.#history.push(stored, 0);
  }
}
