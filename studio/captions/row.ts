// One caption of the list: its times, its text, what can be done with it, and its marks in words.
import type { Cue } from "./cue.ts";
import { iconButton, make } from "./dom.ts";
import { blocks, type Mark } from "./marks.ts";
import { shown } from "./markup.ts";
import { sentence, type Words } from "./texts.ts";
import { shortTime } from "./times.ts";

const ACTS = ["play", "begin_here", "end_here", "split", "merge", "insert", "remove"] as const;

export class Row {
  readonly element: HTMLLIElement;
  readonly text: HTMLTextAreaElement;
  readonly start: HTMLInputElement;
  readonly end: HTMLInputElement;
  #number = make("span", { className: "number" });
  #marks = make("ul", { className: "marks" });
  #shown: Cue | null = null;
  #shownMarks: readonly Mark[] | null = null;
  #index = -1;

  constructor(
    readonly key: number,
    language: string,
    private readonly words: Words,
  ) {
    this.#marks.id = `cue-marks-${key}`;
    this.text = make("textarea", { rows: 2, spellcheck: true, lang: language, name: "" });
    this.text.setAttribute("aria-describedby", this.#marks.id);
    this.start = this.#time("start");
    this.end = this.#time("end");
    const acts = make("span", { className: "acts" }, ...ACTS.map((act) => iconButton(act, words(`captions.${act}`))));
    const dash = make("span", { ariaHidden: "true" }, "–");
    const times = make("span", { className: "times" }, this.#number, this.start, dash, this.end);
    this.element = make("li", { className: "cue", tabIndex: -1, data: { key: String(key) } });
    this.element.append(times, acts, this.text, this.#marks);
  }

  show(cue: Cue, marks: readonly Mark[], index: number, count: number): void {
    if (index !== this.#index) this.#name(index);
    this.element.ariaSetSize = String(count);
    if (cue !== this.#shown) this.#fill(cue);
    if (marks !== this.#shownMarks) this.#mark(marks);
    this.#shown = cue;
    this.#shownMarks = marks;
  }

  get index(): number {
    return this.#index;
  }

  // Only the current row is on the way of the Tab key: a list of thousands would be one without an end.
  set tabbable(is: boolean) {
    const controls = this.element.querySelectorAll<HTMLElement>("input, textarea, button");
    for (const control of controls) control.tabIndex = is ? 0 : -1;
  }

  set playing(is: boolean) {
    this.element.ariaCurrent = is ? "true" : null;
  }

  set pointed(is: boolean) {
    this.element.classList.toggle("pointed", is);
  }

  // A time that somebody typed and that is none is shown as it was.
  restore(): void {
    if (this.#shown) this.#fill(this.#shown);
  }

  #time(edge: "start" | "end"): HTMLInputElement {
    return make("input", { className: "time", inputMode: "decimal", autocomplete: "off", data: { edge } });
  }

  #name(index: number): void {
    this.#index = index;
    const values = { number: index + 1 };
    this.#number.textContent = String(index + 1);
    this.element.ariaPosInSet = String(index + 1);
    this.element.ariaLabel = this.words("captions.cue", values);
    this.text.ariaLabel = this.words("captions.text_of", values);
    this.start.ariaLabel = this.words("captions.start_of", values);
    this.end.ariaLabel = this.words("captions.end_of", values);
  }

  // What is being typed stays as it is, and the cursor with it.
  #fill({ text, startMs, endMs }: Cue): void {
    if (text !== this.#shown?.text || document.activeElement !== this.text) put(this.text, shown(text));
    put(this.start, shortTime(startMs));
    put(this.end, shortTime(endMs));
  }

  #mark(marks: readonly Mark[]): void {
    const items = marks.map((mark) => make("li", { className: blocks(mark) ? "blocking" : "" }, sentence(mark, this.words)));
    this.#marks.replaceChildren(...items);
  }
}

function put(field: HTMLInputElement | HTMLTextAreaElement, value: string): void {
  if (field.value !== value) field.value = value;
}
