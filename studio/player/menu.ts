// A menu over the control bar: sections of radio items, or of plain ones. By pointer, keyboard and screen reader.
export interface Choice {
  label: string;
  chosen?: boolean; // of a radio item; undefined for one that only does something
  choose(): void;
}
export interface Section {
  label: string;
  choices: Choice[];
}

export class Menu {
  readonly panel = document.createElement("div");
  #sections: () => Section[];
  #drawing = false;

  // `sections` is asked each time the menu opens. The panel is added to `parent`, the button keeps its place.
  constructor(
    readonly button: HTMLButtonElement,
    parent: HTMLElement,
    sections: () => Section[],
  ) {
    this.#sections = sections;
    this.panel.className = "menu";
    this.panel.role = "menu";
    this.panel.hidden = true;
    this.panel.tabIndex = -1;
    this.panel.ariaLabel = button.ariaLabel;
    parent.append(this.panel);
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => (this.open ? this.close() : this.show()));
    button.addEventListener("keydown", (event) => {
      if (event.key === " ") return event.stopPropagation(); // the player's key is not meant
      if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
      event.preventDefault();
      event.stopPropagation();
      this.show();
    });
    this.panel.addEventListener("keydown", (event) => this.#key(event));
    this.panel.addEventListener("focusout", ({ relatedTarget }) => {
      if (!this.#drawing && relatedTarget !== button && !this.panel.contains(relatedTarget as Node | null)) this.close(false);
    });
  }

  get open(): boolean {
    return !this.panel.hidden;
  }

  show(): void {
    this.refresh();
    this.panel.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.panel.dispatchEvent(new Event("toggle"));
    (this.panel.querySelector<HTMLElement>('[aria-checked="true"]') ?? this.#items()[0] ?? this.panel).focus();
  }

  close(focusButton = true): void {
    if (!this.open) return;
    this.panel.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    if (focusButton) this.button.focus();
    this.panel.dispatchEvent(new Event("toggle"));
  }

  // Draw it again, as when the choices have changed while it is open.
  refresh(): void {
    const focused = this.#items().indexOf(this.#focused() as HTMLElement);
    const sections = this.#sections().filter(({ choices }) => choices.length > 0);
    this.#drawing = true; // who had the focus gets it back
    this.panel.replaceChildren(...sections.map((section) => this.#draw(section, sections.length > 1)));
    if (focused >= 0) this.#items()[focused]?.focus();
    this.#drawing = false;
  }

  #draw({ label, choices }: Section, named: boolean): HTMLElement {
    const group = document.createElement("div");
    group.role = "group";
    group.ariaLabel = label;
    if (named) {
      const title = document.createElement("div");
      title.className = "menu-title";
      title.ariaHidden = "true";
      title.textContent = label;
      group.append(title);
    }
    for (const { label, chosen, choose } of choices) {
      const item = document.createElement("button");
      item.type = "button";
      item.role = chosen === undefined ? "menuitem" : "menuitemradio";
      if (chosen !== undefined) item.ariaChecked = String(chosen);
      item.tabIndex = -1;
      item.textContent = label;
      item.addEventListener("click", () => {
        this.close();
        choose();
      });
      group.append(item);
    }
    return group;
  }

  #items(): HTMLElement[] {
    return [...this.panel.querySelectorAll<HTMLElement>("button")];
  }

  #focused(): Element | null {
    return (this.panel.getRootNode() as ShadowRoot).activeElement;
  }

  #key(event: KeyboardEvent): void {
    const items = this.#items();
    const at = items.indexOf(this.#focused() as HTMLElement);
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: -1 };
    event.stopPropagation(); // the player's keys are not meant
    if (event.key === "Escape") this.close();
    else if (event.key in steps) items.at(steps[event.key]! % items.length)?.focus();
    else if (event.key === "Tab") return this.close();
    else if (event.key.length === 1 && event.key !== " ") {
      const wanted = event.key.toLowerCase();
      [...items.slice(at + 1), ...items].find(({ textContent }) => textContent?.toLowerCase().startsWith(wanted))?.focus();
    } else return;
    event.preventDefault();
  }
}
