// Find and replace: from the cursor on, one after the other, or all at once as one step.
import type { CueList } from "./list.ts";
import type { Model } from "./model.ts";
import { type Match, matches, nextMatch, replaceAll, replaceOne } from "./search.ts";
import type { Tools } from "./tools.ts";
import type { Words } from "./texts.ts";

export class Finding {
  #last: Match | null = null; // the one that is selected

  constructor(
    private readonly model: Model,
    private readonly list: CueList,
    private readonly tools: Tools,
    private readonly words: Words,
    private readonly say: (words: string) => void,
  ) {}

  // How many there are, shown beside the field.
  count(): Match[] {
    const found = matches(this.model.captions.cues, this.tools.wanted.value, this.tools.sameCase.checked);
    this.tools.showFound(found.length);
    return found;
  }

  go(step: 1 | -1): void {
    const all = this.count();
    const { index, at } = this.#place(step);
    const match = all[nextMatch(all, index, at, step)];
    if (!match) return this.say(this.words("captions.found", { count: 0 }));
    this.#select(match);
  }

  // The selected one, then on to the next; false where none was selected.
  replace(): boolean {
    const last = this.#last;
    const isLast = ({ index, at, length }: Match) => index === last?.index && at === last.at && length === last.length;
    const isStill = this.count().some(isLast);
    if (!last || !isStill) {
      this.go(1);
      return false;
    }
    const by = this.tools.by.value;
    this.model.edit(replaceOne(this.model.captions, last, by), last.index);
    this.#last = { ...last, at: last.at + by.length, length: 0 };
    return true;
  }

  replaceAll(): boolean {
    const all = this.count();
    this.say(this.words("captions.replaced", { count: all.length }));
    if (!all.length) return false;
    const { wanted, by, sameCase } = this.tools;
    return this.model.edit(replaceAll(this.model.captions, wanted.value, by.value, sameCase.checked), all[0]!.index);
  }

  // Another search begins at the current caption.
  forget(): void {
    this.#last = null;
    this.count();
  }

  #place(step: 1 | -1): { index: number; at: number } {
    if (!this.#last) return { index: this.list.current, at: 0 };
    return { index: this.#last.index, at: this.#last.at + (step === 1 ? this.#last.length : 0) };
  }

  // Selected in its text, while the field keeps the focus: Enter goes on.
  #select(match: Match): void {
    this.#last = match;
    this.list.reveal(match.index);
    const row = this.list.row(match.index);
    row?.text.setSelectionRange(match.at, match.at + match.length);
    this.list.point(match.index);
    this.say(this.words("captions.found_at", { number: match.index + 1, text: row?.text.value ?? "" }));
  }
}
