// The tools beside the player: a row of buttons, and the panels that two of them open.
import { button, iconButton, make } from "./dom.ts";
import { LIST } from "./keys.ts";
import type { Words } from "./texts.ts";

const ROW = ["undo", "redo", "next_mark", "find", "more"] as const;

const MOST_COUNTED = 99; // in the button; its name has the number

export class Tools {
  readonly element = make("div", { className: "tools" });
  readonly wanted = make("input", { type: "search", autocomplete: "off" });
  readonly by = make("input", { type: "text", autocomplete: "off" });
  readonly sameCase = make("input", { type: "checkbox" });
  readonly seconds = make("input", { type: "text", inputMode: "decimal", autocomplete: "off", value: "0.5" });
  readonly follow = make("input", { type: "checkbox", checked: true });
  readonly save = make("button", { type: "button", data: { act: "save" } });
  #found = make("span", { className: "hint", role: "status" });
  #count = make("span");
  #panels: Record<"find" | "more", HTMLElement>;

  constructor(private readonly words: Words) {
    const row = make("div", { className: "row" }, ...ROW.map((act) => iconButton(act, words(`captions.${act}`))), this.save);
    row.setAttribute("role", "toolbar");
    row.ariaLabel = words("captions.tools");
    this.save.append(words("studio.save"));
    this.#panels = { find: this.#findPanel(), more: this.#morePanel() };
    this.element.append(row, ...Object.values(this.#panels));
    this.#button("next_mark").append(this.#count);
    for (const [name, panel] of Object.entries(this.#panels)) {
      panel.id = `captions-${name}`;
      panel.hidden = true;
      this.#button(name).ariaExpanded = "false";
      this.#button(name).setAttribute("aria-controls", panel.id);
    }
  }

  // What can be done now; `marked`: how many captions have marks.
  show(can: { undo: boolean; redo: boolean; save: boolean }, marked: number): void {
    for (const act of ["undo", "redo"] as const) this.#button(act).ariaDisabled = String(!can[act]);
    this.save.ariaDisabled = String(!can.save);
    this.#count.textContent = marked > MOST_COUNTED ? `${MOST_COUNTED}+` : String(marked);
    const name = this.words("captions.next_mark_of", { count: marked });
    Object.assign(this.#button("next_mark"), { ariaLabel: name, title: name });
  }

  // What is for the list is away while the captions are edited as text.
  showText(is: boolean): void {
    for (const act of ["undo", "redo", "next_mark", "find", "more"]) this.#button(act).hidden = is;
  }

  showFound(count: number): void {
    this.#found.textContent = this.wanted.value.trim() ? this.words("captions.found", { count }) : "";
  }

  // Opens it, or closes it; one at a time, as they take room from the list on a phone.
  toggle(name: "find" | "more", open = this.#panels[name].hidden): void {
    for (const [other, panel] of Object.entries(this.#panels)) {
      panel.hidden = !(other === name && open);
      this.#button(other).ariaExpanded = String(!panel.hidden);
    }
    if (open) this.#panels[name].querySelector<HTMLElement>("input, button")?.focus();
  }

  // The button that opened a panel gets the focus back. False where none was open.
  close(): boolean {
    const open = Object.entries(this.#panels).find(([, panel]) => !panel.hidden);
    if (!open) return false;
    this.toggle(open[0] as "find" | "more", false);
    this.#button(open[0]).focus();
    return true;
  }

  #button(act: string): HTMLButtonElement {
    return this.element.querySelector<HTMLButtonElement>(`.row [data-act=${act}]`)!;
  }

  #buttons(...acts: string[]): HTMLElement {
    return make("div", { className: "actions" }, ...acts.map((act) => button(act, this.words(`captions.${act}`))));
  }

  #findPanel(): HTMLElement {
    const { words } = this;
    return make(
      "div",
      { className: "panel" },
      labelled(words("captions.wanted"), this.wanted),
      labelled(words("captions.by"), this.by),
      make("label", { className: "choice" }, this.sameCase, make("span", {}, words("captions.same_case"))),
      this.#buttons("find_previous", "find_next", "replace", "replace_all"),
      this.#found,
    );
  }

  #morePanel(): HTMLElement {
    const { words } = this;
    return make(
      "div",
      { className: "panel" },
      labelled(words("captions.seconds"), this.seconds),
      this.#buttons("shift_all", "shift_from"),
      make("label", { className: "choice" }, this.follow, make("span", {}, words("captions.follow"))),
      make("div", { className: "actions" }, button("text", words("captions.as_text"))),
      make("details", {}, make("summary", {}, words("captions.keys")), keyList(words)),
    );
  }
}

function keyList(words: Words): HTMLElement {
  const list = make("dl", { className: "keys" }, make("dt", {}, "↑ ↓"), make("dd", {}, words("captions.key.arrows")));
  for (const [keys, command] of LIST) list.append(make("dt", {}, keys), make("dd", {}, words(`captions.key.${command}`)));
  return list;
}

function labelled(name: string, field: HTMLInputElement): HTMLElement {
  return make("label", {}, make("span", {}, name), field);
}
