// What the editor has to say: that something is done, politely; that something is wrong, at once.
import { button, make } from "./dom.ts";
import type { Words } from "./texts.ts";

export interface Act {
  readonly act: string;
  readonly name: string;
}

export class Messages {
  readonly element = make("div", { className: "messages" });
  #said = make("p", { role: "status" });
  #wrong = make("p", { role: "alert" });

  constructor(private readonly words: Words) {
    this.element.append(this.#said, this.#wrong);
  }

  say(words: string, act?: Act): void {
    this.clear();
    this.#fill(this.#said, "notice", words, act);
  }

  // By its code, in the language of the page; else in the words that came with it.
  problem(code: string, detail: string, act?: Act): void {
    this.clear();
    const key = `code.${code}`;
    const known = code === "network" ? this.words("captions.network") : this.words(key);
    this.#fill(this.#wrong, "problem", known === key ? detail : known, act);
  }

  // What was said is read by the time somebody goes on, unless it offers something.
  settle(): void {
    if (!this.element.querySelector("button")) this.clear();
  }

  clear(): void {
    for (const one of [this.#said, this.#wrong]) {
      one.replaceChildren();
      one.className = "";
    }
  }

  #fill(element: HTMLElement, className: string, words: string, act?: Act): void {
    element.className = className;
    element.append(words);
    if (act) element.append(" ", button(act.act, act.name));
  }
}
