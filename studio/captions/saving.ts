// Saving, what was not saved yet, and what to do where somebody else was quicker.
import type { Captions } from "./cue.ts";
import { type Draft, Drafts } from "./draft.ts";
import type { Model } from "./model.ts";
import { read, type Track, write } from "./track_api.ts";
import { parse, serialise } from "./webvtt.ts";

export interface Page {
  readonly model: Model;
  readonly url: string;
  readonly reviewed: HTMLInputElement;
  // What somebody typed as one text that the editor cannot read, for the server to judge; null in the list.
  rawText(): string | null;
  // `takeUp`: what is chosen may be written over theirs.
  conflict(theirs: Captions, base: Captions | null, takeUp: () => void): void;
  refused(code: string, detail: string): void;
  changed(): void;
}

export class Saving {
  #drafts: Drafts;
  #busy = false;
  #reviewed: boolean; // as the server has it

  constructor(
    private readonly page: Page,
    private etag: string,
    draftName: string,
  ) {
    this.#drafts = new Drafts(draftName);
    this.#reviewed = page.reviewed.checked;
  }

  get isNeeded(): boolean {
    const { model, reviewed } = this.page;
    return !this.#busy && (model.isChanged || reviewed.checked !== this.#reviewed || this.page.rawText() !== null);
  }

  // What was left unsaved; null for nothing. `current`: whether the captions are still those it began from.
  draft(): (Draft & { current: boolean }) | null {
    const draft = this.#drafts.read();
    if (!draft) return null;
    const text = serialise(this.page.model.base);
    if (draft.text !== text || draft.reviewed !== this.#reviewed) return { ...draft, current: draft.etag === this.etag };
    this.#drafts.forget();
    return null;
  }

  keep(): void {
    if (!this.isNeeded) return this.#drafts.forget();
    const { model, reviewed } = this.page;
    const { etag } = this;
    this.#drafts.keep(() => ({ etag, text: this.page.rawText() ?? serialise(model.captions), reviewed: reviewed.checked }));
  }

  forget(): void {
    this.#drafts.forget();
    this.page.reviewed.checked = this.#reviewed;
  }

  // True once it is stored.
  async save(): Promise<boolean> {
    const { model, reviewed, url } = this.page;
    const [sent, raw] = [model.captions, this.page.rawText()];
    const text = raw ?? (model.isChanged ? serialise(sent) : undefined);
    this.#busy = true;
    this.page.changed();
    const answer = await write(url, this.etag, { text, reviewed: reviewed.checked });
    this.#busy = false;
    if ("track" in answer) this.#stored(answer.track, sent);
    else if (answer.problem.code === "changed") await this.#compare(sent);
    else this.page.refused(answer.problem.code, answer.problem.detail);
    this.page.changed();
    return "track" in answer;
  }

  #stored({ etag, reviewed, text }: Track, sent: Captions): void {
    this.etag = etag;
    this.#reviewed = reviewed;
    this.page.model.saved(parse(text ?? "WEBVTT\n"), sent);
    this.keep();
  }

  // Nothing is written over the other version until somebody has seen both and taken it up.
  async #compare(sent: Captions): Promise<void> {
    const answer = await read(this.page.url);
    if ("problem" in answer) return this.page.refused(answer.problem.code, answer.problem.detail);
    if (this.page.rawText() !== null || this.page.model.captions !== sent) return this.page.refused("changed", "");
    this.compareWith(answer.track, this.page.model.base);
  }

  // `base`: what both began from, where that is known.
  compareWith({ etag, reviewed, text }: Track, base: Captions | null): void {
    const theirs = parse(text ?? "WEBVTT\n");
    this.page.conflict(theirs, base, () => {
      this.etag = etag;
      this.#reviewed = reviewed;
      this.page.model.adopt(theirs);
    });
  }
}
