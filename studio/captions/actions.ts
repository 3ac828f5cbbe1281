// What the buttons and keys of the list do, by the name of what they ask for.
import type { Captions } from "./cue.ts";
import * as edits from "./edits.ts";
import type { Finding } from "./finding.ts";
import type { CueList, Field } from "./list.ts";
import { nextMarked } from "./marks.ts";
import { shown } from "./markup.ts";
import type { Messages } from "./messages.ts";
import type { Model } from "./model.ts";
import type { Preview } from "./preview.ts";
import type { Words } from "./texts.ts";
import { NUDGE_MS, timeOf } from "./times.ts";
import type { Tools } from "./tools.ts";

export interface Parts {
  readonly model: Model;
  readonly list: CueList;
  readonly tools: Tools;
  readonly finding: Finding;
  readonly preview: Preview;
  readonly messages: Messages;
  readonly words: Words;
  // Shows and keeps what has changed; false where nothing has.
  edit(captions: Captions | null, at: number, group?: string): boolean;
  show(): void;
}

export class Actions {
  // Each is told which caption it is about.
  readonly #table: Readonly<Record<string, (at: number) => void>> = {
    undo: () => this.#undone(this.parts.model.undo(), "captions.undone"),
    redo: () => this.#undone(this.parts.model.redo(), "captions.redone"),
    find: () => this.parts.tools.toggle("find"),
    more: () => this.parts.tools.toggle("more"),
    find_next: () => this.parts.finding.go(1),
    find_previous: () => this.parts.finding.go(-1),
    replace: () => this.#replace(),
    replace_all: () => this.parts.finding.replaceAll() && this.parts.show(),
    play: (at) => this.#play(at),
    split: (at) => this.#split(at),
    merge: (at) => this.#merge(at),
    insert: (at) => this.#insert(at),
    insert_first: () => this.#insert(-1),
    remove: (at) => this.#remove(at),
    begin_here: (at) => this.#setHere(at, "startMs"),
    end_here: (at) => this.#setHere(at, "endMs"),
    earlier: (at) => this.#nudge(at, -NUDGE_MS),
    later: (at) => this.#nudge(at, NUDGE_MS),
    shift_all: () => this.#shift(0),
    shift_from: (at) => this.#shift(at),
    next: (at) => this.parts.list.focus(at + 1, this.#field),
    previous: (at) => this.parts.list.focus(at - 1, this.#field),
    first: () => this.parts.list.focus(0, "row"),
    last: () => this.parts.list.focus(this.#count - 1, "row"),
    next_mark: (at) => this.#goToMark(at, 1),
    previous_mark: (at) => this.#goToMark(at, -1),
    go_to_blocking: () => this.parts.list.focus(this.parts.model.blocking, "start"),
    write: (at) => this.parts.list.focus(at, "text"),
    leave: (at) => this.#leave(at),
  };

  constructor(private readonly parts: Parts) {}

  // False where it is nobody's here.
  do(name: string, at: number): boolean {
    const action = this.#table[name];
    action?.(at);
    return action !== undefined;
  }

  setTime(at: number, edge: "startMs" | "endMs", ms: number, group = ""): void {
    this.parts.edit(edits.change(this.#captions, at, { [edge]: Math.max(0, ms) }), at, group);
  }

  get #captions(): Captions {
    return this.parts.model.captions;
  }

  get #count(): number {
    return this.#captions.cues.length;
  }

  #say(key: string, values?: Record<string, number>): void {
    this.parts.messages.say(this.parts.words(key, values));
  }

  // Field by field a list is walked through in the same column.
  get #field(): Field {
    const { activeElement } = document;
    if (activeElement?.matches(".cue")) return "row";
    return ((activeElement as HTMLElement)?.dataset.edge as Field | undefined) ?? "text";
  }

  #undone(at: number | null, key: string): void {
    if (at === null) return this.#say("captions.nothing");
    const { list } = this.parts;
    const [wasFocused, field] = [list.isFocused, this.#field];
    this.#say(key);
    this.parts.show();
    const index = Math.min(at, this.#count - 1);
    if (wasFocused) list.focus(index, field);
    else list.reveal(index);
  }

  #replace(): void {
    if (!this.parts.finding.replace()) return;
    this.parts.show();
    this.parts.finding.go(1);
  }

  #play(at: number): void {
    const cue = this.#captions.cues[at];
    if (cue) void this.parts.preview.play(cue);
  }

  #split(at: number): void {
    const { edit, list, model } = this.parts;
    const text = list.row(at)?.text;
    const captions = text && edits.split(this.#captions, at, text.selectionStart, model.rules);
    if (!edit(captions ?? null, at)) return this.#say("captions.cannot_split");
    list.focus(at + 1, "text", [0, 0]);
    this.#say("captions.was_split");
  }

  #merge(at: number): void {
    const { edit, list, model } = this.parts;
    const { length } = shown(this.#captions.cues[at]?.text ?? "");
    if (!edit(edits.merge(this.#captions, at, model.rules), at)) return;
    list.focus(at, "text", [length, length]);
    this.#say("captions.was_merged");
  }

  #insert(at: number): void {
    const { edit, list, model, preview } = this.parts;
    edit(edits.insert(this.#captions, at, model.rules, preview.position ?? 0), at + 1);
    list.focus(at + 1, "text");
  }

  #remove(at: number): void {
    if (!this.parts.edit(edits.remove(this.#captions, at), at)) return;
    this.parts.list.focus(Math.min(at, this.#count - 1), "row");
    this.#say("captions.removed");
  }

  #setHere(at: number, edge: "startMs" | "endMs"): void {
    const ms = this.parts.preview.position;
    if (ms === null) this.#say("captions.play_first");
    else this.setTime(at, edge, ms);
  }

  #nudge(at: number, byMs: number): void {
    const [field, edge] = this.#field === "end" ? (["end", "endMs"] as const) : (["start", "startMs"] as const);
    const cue = this.#captions.cues[at];
    const typed = timeOf(this.parts.list.row(at)?.[field].value ?? "");
    if (cue) this.setTime(at, edge, (typed ?? cue[edge]) + byMs, `${edge}:${cue.key}`);
  }

  #shift(from: number): void {
    const { edit, messages, tools, words } = this.parts;
    const seconds = Number(tools.seconds.value.replace(",", ".").replace("−", "-"));
    const captions = edits.shift(this.#captions, from, Math.round(seconds * 1000));
    if (!edit(captions, from)) return messages.problem("", words("captions.cannot_shift"));
    this.#say("captions.shifted", { count: this.#count - from });
  }

  #goToMark(at: number, step: 1 | -1): void {
    const index = nextMarked(this.parts.model.marks, at, step);
    if (index < 0) return this.#say("captions.no_marks");
    this.parts.list.focus(index, "text");
  }

  // From a field to its caption, from there to the tools.
  #leave(at: number): void {
    if (document.activeElement?.matches(".cue")) this.parts.tools.save.focus();
    else this.parts.list.focus(at, "row");
  }
}
