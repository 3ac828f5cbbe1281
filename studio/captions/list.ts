// The captions as a list of which only the rows near the visible part of the page are drawn.
import type { Cue } from "./cue.ts";
import { make } from "./dom.ts";
import type { Mark } from "./marks.ts";
import { Row } from "./row.ts";
import type { Words } from "./texts.ts";
import { Heights, offsets, rowAt, windowOf } from "./windowing.ts";

const ROW_PX = 190; // until one was drawn
const NO_MARKS: readonly Mark[] = [];

export type Field = "row" | "text" | "start" | "end";

export class CueList {
  readonly element = make("ol", { className: "cues" });
  #rows = new Map<number, Row>();
  #heights = new Heights(ROW_PX);
  #cues: readonly Cue[] = [];
  #marks: readonly (readonly Mark[])[] = [];
  #tops: number[] = [0];
  #current = 0;
  #playing = -1;
  #pointed = 0; // the key of a caption
  #waiting = false;
  #width = 0;

  // `covered`: how much of the page's top is covered by what stays there.
  constructor(
    private readonly language: string,
    private readonly words: Words,
    private readonly covered: () => number,
  ) {
    this.element.setAttribute("role", "list"); // which Safari forgets of lists without bullets
    this.element.ariaLabel = words("captions.list");
    const draw = () => this.#soon();
    addEventListener("scroll", draw, { passive: true });
    addEventListener("resize", draw);
    this.element.addEventListener("focusin", ({ target }) => this.#enter(target as HTMLElement));
  }

  get current(): number {
    return this.#current;
  }

  get isFocused(): boolean {
    return this.element.contains(document.activeElement);
  }

  show(cues: readonly Cue[], marks: readonly (readonly Mark[])[]): void {
    this.#cues = cues;
    this.#marks = marks;
    this.#current = Math.max(0, Math.min(this.#current, cues.length - 1));
    this.draw();
  }

  // The caption that the player shows; -1 for none.
  set playing(index: number) {
    if (index === this.#playing) return;
    this.#playing = index;
    for (const [key, row] of this.#rows) row.playing = key === this.#cues[index]?.key;
  }

  // Where a search or a jump has gone, while the focus is elsewhere.
  point(index: number): void {
    this.#pointed = this.#cues[index]?.key ?? 0;
    for (const [key, row] of this.#rows) row.pointed = key === this.#pointed;
  }

  indexOf(element: Element): number {
    const key = Number(element.closest<HTMLElement>(".cue")?.dataset.key);
    return this.#cues.findIndex((cue) => cue.key === key);
  }

  row(index: number): Row | null {
    return this.#rows.get(this.#cues[index]?.key ?? -1) ?? null;
  }

  // Put the focus there; `selection` is of the text.
  focus(index: number, field: Field, selection?: readonly [number, number]): void {
    this.reveal(index);
    const row = this.row(index);
    if (!row) return;
    const target = field === "row" ? row.element : row[field];
    target.focus({ preventScroll: true });
    if (selection) row.text.setSelectionRange(...selection);
    else if (field === "start" || field === "end") row[field].select();
  }

  // Bring a caption into sight and make it the current one.
  reveal(index: number): void {
    if (!this.#cues[index]) return;
    const far = Math.abs(index - this.#current) > 1;
    this.#current = index;
    this.draw();
    this.scrollTo(index, far ? "center" : "nearest");
  }

  scrollTo(index: number, block: ScrollLogicalPosition): void {
    const { top } = this.element.getBoundingClientRect();
    const [begin, end] = [top + (this.#tops[index] ?? 0), top + (this.#tops[index + 1] ?? 0)];
    const covered = this.covered();
    const above = begin < covered;
    if (!above && end <= innerHeight) return;
    const room = innerHeight - covered - (end - begin);
    const wanted = block === "center" ? covered + room / 2 : above ? covered : innerHeight - (end - begin);
    scrollBy({ top: begin - wanted, behavior: "instant" });
    this.draw();
  }

  draw(): void {
    if (!this.element.isConnected || this.element.closest("[hidden]")) return;
    this.#tops = offsets(this.#cues.map(({ key }) => key), this.#heights);
    const { top, width } = this.element.getBoundingClientRect();
    if (width !== this.#width) this.#heights = new Heights(this.#heights.average);
    this.#width = width;
    const [first, end] = windowOf(this.#tops, -top, innerHeight - top);
    const indices = Array.from({ length: end - first }, (_, at) => first + at);
    if (this.#cues.length && (this.#current < first || this.#current >= end)) indices.push(this.#current);
    this.#fill(indices.toSorted((one, other) => one - other));
    this.#settle(rowAt(this.#tops, Math.max(0, this.covered() - top)));
  }

  #fill(indices: number[]): void {
    const wanted = new Set(indices.map((index) => this.#cues[index]!.key));
    for (const [key, row] of this.#rows) {
      if (wanted.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    let before: Element | null = null;
    for (const index of indices) {
      const { element } = this.#drawn(index);
      if (element.parentElement !== this.element || element.previousElementSibling !== before) {
        if (before) before.after(element);
        else this.element.prepend(element);
      }
      before = element;
    }
  }

  #drawn(index: number): Row {
    const cue = this.#cues[index]!;
    let row = this.#rows.get(cue.key);
    if (!row) this.#rows.set(cue.key, (row = new Row(cue.key, this.language, this.words)));
    row.show(cue, this.#marks[index] ?? NO_MARKS, index, this.#cues.length);
    row.tabbable = index === this.#current;
    row.playing = index === this.#playing;
    row.pointed = cue.key === this.#pointed;
    return row;
  }

  // Measures what was drawn and puts each row in its place; what is seen stays where it is.
  #settle(anchor: number): void {
    let changed = false;
    for (const [key, { element }] of this.#rows) changed = this.#heights.note(key, element.offsetHeight) || changed;
    const before = this.#tops[anchor] ?? 0;
    if (changed) this.#tops = offsets(this.#cues.map(({ key }) => key), this.#heights);
    this.element.style.height = `${this.#tops.at(-1)}px`;
    for (const { element, index } of this.#rows.values()) element.style.top = `${this.#tops[index]}px`;
    const moved = (this.#tops[anchor] ?? 0) - before;
    const isScrolled = this.element.getBoundingClientRect().top < this.covered();
    if (isScrolled && Math.abs(moved) >= 1) scrollBy({ top: moved, behavior: "instant" });
    if (changed) this.#soon();
  }

  #soon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.draw();
    });
  }

  #enter(target: HTMLElement): void {
    this.point(-1);
    const index = this.indexOf(target);
    if (index < 0 || index === this.#current) return;
    const before = this.row(this.#current);
    if (before) before.tabbable = false;
    this.#current = index;
    const now = this.row(index);
    if (now) now.tabbable = true;
  }
}
