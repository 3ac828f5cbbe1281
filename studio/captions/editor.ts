// <kadr-captions>: the form with the text of a track becomes a list of captions beside the player.
import type { KadrPlayer } from "../player/kadr-player.ts";
import { Actions } from "./actions.ts";
import { Conflict } from "./conflict.ts";
import type { Captions } from "./cue.ts";
import { button, make } from "./dom.ts";
import * as edits from "./edits.ts";
import { Finding } from "./finding.ts";
import { type Command, commandOf, leavesText, type Place } from "./keys.ts";
import { CueList } from "./list.ts";
import { stored } from "./markup.ts";
import { Messages } from "./messages.ts";
import { Model } from "./model.ts";
import { Preview } from "./preview.ts";
import { Saving } from "./saving.ts";
import { followCursor, selectLine } from "./text_mode.ts";
import { wordsOf, type Words } from "./texts.ts";
import { timeOf } from "./times.ts";
import { Tools } from "./tools.ts";
import { parse, serialise, Unreadable } from "./webvtt.ts";
import { shownAt } from "./windowing.ts";

export class CaptionsEditor extends HTMLElement {
  #started = false;
  #words!: Words;
  #model!: Model;
  #list!: CueList;
  #tools!: Tools;
  #finding!: Finding;
  #actions!: Actions;
  #preview!: Preview;
  #saving!: Saving;
  #messages!: Messages;
  #conflict: Conflict | null = null;

  connectedCallback(): void {
    if (this.#started) return;
    this.#started = true;
    const { texts = "{}", rules = "{}", language = "und", url = "", etag = "" } = this.dataset;
    const stage = this.querySelector<HTMLElement>(".stage")!;
    this.#words = wordsOf(JSON.parse(texts), document.documentElement.lang);
    this.#model = new Model(parse(this.#field.value), JSON.parse(rules));
    this.#list = new CueList(language, this.#words, () => covered(stage, this.#list.element));
    this.#tools = new Tools(this.#words);
    this.#messages = new Messages(this.#words);
    const say = (words: string) => this.#messages.say(words);
    this.#finding = new Finding(this.#model, this.#list, this.#tools, this.#words, say);
    const player = this.querySelector<KadrPlayer>("kadr-player");
    this.#preview = new Preview(player, this.#words("captions.preview"), language, (ms) => this.#follow(ms));
    this.#saving = new Saving(this.#page(url), etag, `kadr:captions:${location.pathname}`);
    this.#actions = new Actions(this.#parts());
    stage.append(this.#tools.element, this.#messages.element);
    this.#form.after(this.#list.element, this.#insertFirst);
    this.#form.before(this.#backToList);
    this.#backToList.append(button("list", this.#words("captions.as_list")));
    this.#insertFirst.append(button("insert_first", this.#words("captions.insert_first")));
    this.#form.querySelector("button")!.hidden = true;
    this.#listen();
    // What gets the focus is not under what stays at the top of the page.
    const uncover = () => {
      document.documentElement.style.scrollPaddingTop = `${covered(stage, this.#form.parentElement!)}px`;
    };
    new ResizeObserver(uncover).observe(stage);
    this.#showText(false);
    this.#begin();
  }

  #insertFirst = make("p", { className: "empty" });
  #backToList = make("p", { hidden: true });

  get #form(): HTMLFormElement {
    return this.querySelector("form")!;
  }

  get #field(): HTMLTextAreaElement {
    return this.querySelector("textarea[name=text]")!;
  }

  get #isText(): boolean {
    return !this.#field.closest("label")!.hidden;
  }

  #page(url: string): ConstructorParameters<typeof Saving>[0] {
    return {
      model: this.#model,
      url,
      reviewed: this.querySelector<HTMLInputElement>("input[name=reviewed]")!,
      rawText: () => (this.#isText ? unreadable(this.#field.value) : null),
      conflict: (theirs, base, takeUp) => this.#compare(theirs, base, takeUp),
      refused: (code, detail) => this.#messages.problem(code, detail),
      changed: () => this.#showTools(),
    };
  }

  #parts(): ConstructorParameters<typeof Actions>[0] {
    return {
      model: this.#model,
      list: this.#list,
      tools: this.#tools,
      finding: this.#finding,
      preview: this.#preview,
      messages: this.#messages,
      words: this.#words,
      edit: (captions, at, group) => this.#edit(captions, at, group),
      show: () => this.#show(),
    };
  }

  // What was left unsaved the last time.
  #begin(): void {
    const draft = this.#saving.draft();
    if (!draft) return this.#show();
    const raw = unreadable(draft.text);
    if (raw === null) this.#model.edit(parse(draft.text), 0);
    this.querySelector<HTMLInputElement>("input[name=reviewed]")!.checked = draft.reviewed;
    const style = { dateStyle: "medium", timeStyle: "short" } as const;
    const time = new Date(draft.at).toLocaleString(document.documentElement.lang, style);
    const act = { act: "throw_away", name: this.#words("captions.throw_away") };
    this.#messages.say(this.#words(draft.current ? "captions.draft" : "captions.old_draft", { time }), act);
    this.#show();
    if (raw !== null) {
      this.#showText(true);
      this.#field.value = raw;
    } else if (!draft.current) this.#saving.compareWith(this.#asRead(), null);
    this.#showTools();
  }

  // The track as this page brought it.
  #asRead(): { etag: string; text: string; reviewed: boolean } {
    const reviewed = this.querySelector<HTMLInputElement>("input[name=reviewed]")!.defaultChecked;
    return { etag: this.dataset.etag ?? "", text: this.#field.defaultValue, reviewed };
  }

  #listen(): void {
    this.addEventListener("click", ({ target }) => this.#clicked(target as Element));
    this.addEventListener("input", ({ target }) => this.#typed(target as HTMLElement));
    this.addEventListener("change", ({ target }) => this.#committed(target as HTMLElement));
    this.addEventListener("focusout", () => this.#model.settle());
    document.addEventListener("keydown", (event) => {
      const { activeElement } = document;
      if (this.isConnected && (activeElement === document.body || this.contains(activeElement))) this.#pressed(event);
    });
    // The undo of a browser's menu knows one field only.
    this.addEventListener("beforeinput", (event) => {
      const command = { historyUndo: "undo", historyRedo: "redo" }[event.inputType] as "undo" | "redo" | undefined;
      if (!command || !this.#list.isFocused) return;
      event.preventDefault();
      this.#do(command, this.#list.current);
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#save();
    });
    followCursor(this.#field, (ms) => this.#preview.seek(ms));
  }

  #clicked(target: Element): void {
    const pressed = target.closest<HTMLButtonElement>("button[data-act]");
    if (!pressed || this.#conflict?.element.contains(pressed)) return;
    const index = this.#list.element.contains(pressed) ? this.#list.indexOf(pressed) : this.#list.current;
    this.#do(pressed.dataset.act!, index);
  }

  #typed(target: HTMLElement): void {
    if (target === this.#field) return this.#saving.keep();
    if (target === this.#tools.wanted) return this.#finding.forget();
    if (!target.matches(".cue textarea")) return;
    this.#messages.settle();
    const index = this.#list.indexOf(target);
    const { value } = target as HTMLTextAreaElement;
    const cue = this.#model.captions.cues[index];
    if (cue) this.#edit(edits.change(this.#model.captions, index, { text: stored(value) }), index, `text:${cue.key}`);
  }

  #committed(target: HTMLElement): void {
    if (target === this.#tools.sameCase) this.#finding.forget();
    else if (target.matches("input[name=reviewed]")) this.#edit(null, 0);
    else if (target.matches(".cue .time")) this.#timed(target as HTMLInputElement);
  }

  // False where that is no time.
  #timed(field: HTMLInputElement): boolean {
    const index = this.#list.indexOf(field);
    const ms = timeOf(field.value);
    if (ms === null) this.#messages.problem("", this.#words("captions.no_time", { text: field.value }));
    else this.#actions.setTime(index, field.dataset.edge === "start" ? "startMs" : "endMs", ms);
    this.#list.row(index)?.restore();
    return ms !== null;
  }

  #pressed(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const place = this.#conflict ? "outside" : placeOf(target);
    const command = commandOf(event, place);
    if (place === "outside" && this.#pressedOutside(event, target, command)) return;
    const step = place === "text" && isPlain(event) ? this.#arrow(event.key, target as HTMLTextAreaElement) : 0;
    if (step) this.#do(step === 1 ? "next" : "previous", this.#list.current);
    else if (command) this.#do(command, this.#list.current);
    else return;
    event.preventDefault();
  }

  #arrow(key: string, { value, selectionStart, selectionEnd }: HTMLTextAreaElement): number {
    return selectionStart === selectionEnd ? leavesText(key, value, selectionStart) : 0;
  }

  // True where the key is the field's own, or was used here.
  #pressedOutside(event: KeyboardEvent, target: HTMLElement, command: Command | null): boolean {
    if (this.#conflict) return command !== "save";
    if (event.key === "Escape" && this.#tools.close()) return true;
    if (event.key === "Enter" && (target === this.#tools.wanted || target === this.#tools.by)) {
      event.preventDefault();
      this.#do(target === this.#tools.by ? "replace" : event.shiftKey ? "find_previous" : "find_next", 0);
      return true;
    }
    const isField = target.matches("textarea, input:not([type=checkbox])");
    return isField && (command === "undo" || command === "redo");
  }

  // `at`: the caption it is about.
  #do(name: string, at: number): void {
    if (name === "save") void this.#save();
    else if (name === "text") this.#toText();
    else if (name === "list") this.#toList();
    else if (name === "throw_away") this.#throwAway();
    else this.#actions.do(name, at);
  }

  #throwAway(): void {
    this.#saving.forget();
    this.#edit(this.#model.base, 0);
    if (this.#isText) this.#showText(false);
    this.#messages.say(this.#words("captions.thrown_away"));
    this.#list.focus(this.#list.current, "row");
  }

  #edit(captions: Captions | null, at: number, group = ""): boolean {
    const isChanged = this.#model.edit(captions, at, group);
    if (isChanged) this.#show();
    else this.#showTools();
    this.#saving.keep();
    return isChanged;
  }

  #show(): void {
    const { captions, marks } = this.#model;
    this.#list.show(captions.cues, marks);
    this.#preview.show(captions.cues);
    this.#showTools();
    this.#insertFirst.hidden = captions.cues.length > 0 || this.#isText;
    this.#saving.keep();
  }

  #showTools(): void {
    const { canUndo, canRedo, marked } = this.#model;
    this.#tools.show({ undo: canUndo, redo: canRedo, save: this.#saving.isNeeded }, marked);
  }

  // Follows the player while it plays and nobody writes in the list.
  #follow(ms: number): void {
    const { cues } = this.#model.captions;
    const index = shownAt(cues, ms);
    const isShown = index >= 0 && ms < cues[index]!.endMs;
    this.#list.playing = isShown ? index : -1;
    if (isShown && this.#tools.follow.checked && this.#preview.isPlaying && !this.#list.isFocused) this.#list.reveal(index);
  }

  async #save(): Promise<void> {
    if (this.#conflict) return;
    if (this.#isText && unreadable(this.#field.value) === null) this.#take();
    const { activeElement } = document; // by a key, a time is saved that its field has not given yet
    if (activeElement?.matches(".cue .time") && !this.#timed(activeElement as HTMLInputElement)) return;
    if (!this.#saving.isNeeded) return this.#messages.say(this.#words("captions.nothing_to_save"));
    const blocking = this.#model.blocking;
    if (blocking >= 0 && !this.#isText) {
      const act = { act: "go_to_blocking", name: this.#words("captions.go_to", { number: blocking + 1 }) };
      return this.#messages.problem("", this.#words("captions.blocked"), act);
    }
    if (!(await this.#saving.save())) return;
    if (this.#isText) this.#field.value = serialise(this.#model.captions);
    this.#show();
    this.#messages.say(this.#words("studio.saved"));
  }

  #compare(theirs: Captions, base: Captions | null, takeUp: () => void): void {
    const done = (captions: Captions | null) => {
      this.#conflict?.element.remove();
      this.#conflict = null;
      this.#form.hidden = this.#tools.element.hidden = false;
      this.#list.element.hidden = this.#isText;
      this.#show();
      this.#list.focus(this.#list.current, "row");
      if (!captions) return;
      takeUp();
      this.#model.edit(captions, 0);
      if (this.#isText) this.#field.value = serialise(captions);
      this.#show();
      void this.#save();
    };
    const conflict = new Conflict(this.#model.captions, theirs, base, this.dataset.language ?? "", this.#words, done);
    if (!conflict.count) return done(theirs);
    this.#conflict = conflict;
    this.#form.hidden = this.#list.element.hidden = true;
    this.#form.before(conflict.element);
    this.#tools.element.hidden = true;
    this.#messages.settle();
    conflict.element.querySelector("h2")!.focus();
  }

  #toText(): void {
    this.#field.value = serialise(this.#model.captions);
    this.#showText(true);
    this.#tools.close();
    this.#field.focus();
  }

  // What was typed there is one step.
  #toList(): void {
    try {
      this.#take();
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      this.#messages.problem("", this.#words("captions.unreadable", { line: error.line }));
      return selectLine(this.#field, error.line);
    }
    this.#showText(false);
    this.#show();
    this.#list.focus(this.#list.current, "row");
  }

  // Throws Unreadable.
  #take(): void {
    const captions = parse(this.#field.value);
    if (serialise(captions) !== serialise(this.#model.captions)) this.#edit(captions, 0);
  }

  #showText(is: boolean): void {
    this.#field.closest("label")!.hidden = !is;
    this.#list.element.hidden = is;
    this.#backToList.hidden = !is;
    if (is) this.#insertFirst.hidden = true;
    this.#tools.showText(is);
  }
}

function placeOf(target: HTMLElement): Place {
  if (!target.closest(".cue")) return "outside";
  if (target.matches("textarea")) return "text";
  if (target.matches(".time")) return "time";
  return target.matches(".cue") ? "row" : "button";
}

function isPlain({ ctrlKey, metaKey, altKey, shiftKey, isComposing }: KeyboardEvent): boolean {
  return !(ctrlKey || metaKey || altKey || shiftKey || isComposing);
}

// The text where it is no WebVTT, such as SubRip, which the server reads as well; else null.
function unreadable(text: string): string | null {
  try {
    parse(text);
    return null;
  } catch {
    return text;
  }
}

// How much of the list's place at the top of the page what stays there takes.
function covered(stage: HTMLElement, list: HTMLElement): number {
  const [above, below] = [stage.getBoundingClientRect(), list.getBoundingClientRect()];
  return above.left < below.right && below.left < above.right ? above.height : 0;
}
