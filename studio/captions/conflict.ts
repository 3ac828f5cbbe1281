// Two versions of the captions side by side: for each caption that differs, which one to keep.
import type { Captions, Cue } from "./cue.ts";
import { chosen, compare, type Difference, isDifference, parts, type Piece, type Side } from "./compare.ts";
import { button, make } from "./dom.ts";
import { shown } from "./markup.ts";
import type { Words } from "./texts.ts";
import { shortTime } from "./times.ts";

const MOST_SHOWN = 200; // the others follow the proposal, or what is chosen for all
const SIDES: readonly Side[] = ["mine", "theirs"];

export class Conflict {
  readonly element = make("section", { className: "conflict" });
  #pieces: Piece[];
  #choices = new Map<Difference, Side>();

  // `done`: with the captions that were chosen, or null for back to editing.
  constructor(
    private readonly mine: Captions,
    theirs: Captions,
    base: Captions | null,
    private readonly language: string,
    private readonly words: Words,
    private readonly done: (captions: Captions | null) => void,
  ) {
    this.#pieces = compare(mine.cues, theirs.cues, base?.cues ?? null);
    for (const difference of this.#pieces.filter(isDifference)) this.#choices.set(difference, difference.proposed);
    const heading = make("h2", { tabIndex: -1 }, words("captions.conflict"));
    heading.id = "conflict-heading";
    this.element.setAttribute("aria-labelledby", heading.id);
    this.element.append(heading, make("p", {}, words("captions.conflict_words")), this.#all(), this.#list(), this.#end());
    this.element.addEventListener("change", ({ target }) => this.#choose(target as HTMLInputElement));
    this.element.addEventListener("click", ({ target }) => this.#act((target as Element).closest("button")?.dataset.act));
  }

  get count(): number {
    return this.#choices.size;
  }

  #all(): HTMLElement {
    const buttons = SIDES.map((side) => button(`all_${side}`, this.words(`captions.all_${side}`)));
    return make("p", { className: "actions" }, ...buttons);
  }

  #list(): HTMLElement {
    const differences = [...this.#choices.keys()];
    const list = make("div", {}, ...differences.slice(0, MOST_SHOWN).map((one, at) => this.#difference(one, at)));
    const more = differences.length - MOST_SHOWN;
    if (more > 0) list.append(make("p", { className: "hint" }, this.words("captions.more_differences", { count: more })));
    return list;
  }

  #difference(difference: Difference, at: number): HTMLElement {
    const first = difference.mine[0] ?? difference.theirs[0]!;
    const legend = make("legend", {}, this.words("captions.at", { time: shortTime(first.startMs) }));
    const field = make("fieldset", { className: "difference" }, legend);
    for (const side of SIDES) {
      const checked = difference.proposed === side;
      const radio = make("input", { type: "radio", name: `difference-${at}`, value: side, checked });
      const name = make("span", { className: "choice" }, radio, this.words(`captions.${side}`));
      field.append(make("label", {}, name, this.#version(difference, side)));
    }
    return field;
  }

  #version(difference: Difference, side: Side): HTMLElement {
    const [cues, others] = side === "mine" ? [difference.mine, difference.theirs] : [difference.theirs, difference.mine];
    const box = make("span", { className: "version" });
    for (const [at, cue] of cues.entries()) {
      const other = cues.length === others.length ? others[at] : others.find(({ startMs }) => startMs === cue.startMs);
      box.append(...this.#cue(cue, other ?? null));
    }
    if (!cues.length) box.append(make("em", {}, this.words("captions.none_here")));
    return box;
  }

  #cue(cue: Cue, other: Cue | null): HTMLElement[] {
    const times = ({ startMs, endMs }: Cue) => `${shortTime(startMs)} – ${shortTime(endMs)}`;
    const marked = (tag: "small" | "span", text: string, another: string | null) => {
      const [before, differs, after] = another === null ? ["", text, ""] : parts(text, another);
      const box = make(tag, {}, before);
      if (differs) box.append(make("mark", {}, differs));
      box.append(after);
      return box;
    };
    const text = marked("span", shown(cue.text), other && shown(other.text));
    text.lang = this.language;
    return [marked("small", times(cue), other && times(other)), text];
  }

  #end(): HTMLElement {
    return make(
      "p",
      { className: "actions" },
      make("button", { type: "button", data: { act: "apply" } }, this.words("captions.apply")),
      button("back", this.words("captions.back")),
    );
  }

  #choose({ name, value }: HTMLInputElement): void {
    const difference = [...this.#choices.keys()][Number(name.replace("difference-", ""))];
    if (difference) this.#choices.set(difference, value as Side);
  }

  #act(act: string | undefined): void {
    if (act === "back") this.done(null);
    else if (act === "apply") this.done(chosen(this.mine, this.#pieces, (difference) => this.#choices.get(difference)!));
    else if (act) this.#chooseAll(act.replace("all_", "") as Side);
  }

  #chooseAll(side: Side): void {
    for (const difference of this.#choices.keys()) this.#choices.set(difference, side);
    for (const radio of this.element.querySelectorAll<HTMLInputElement>(`input[value=${side}]`)) radio.checked = true;
  }
}
