// What somebody has changed in the page's forms and not saved: kept in this tab, so that it outlives a reload, and a
// sign-in after the session has ended. Only forms with `data-unsaved`, the words that say so.
const KEY = "kadr-unsaved ";
const FIELDS = "input[name]:not([type=hidden], [type=file]), textarea[name]";

type Field = HTMLInputElement | HTMLTextAreaElement;
type Changes = Record<string, string>; // the value by the field's name

interface Kept {
  changes: Changes;
  sent: boolean;
}

export class Unsaved {
  #forms = [...document.querySelectorAll<HTMLFormElement>("form[data-unsaved]")];

  // `saved`: the name of the form that was stored just now, if one was. `refused`: the path of the one that was refused;
  // it stands on the page as it was sent.
  constructor(
    saved: string | null,
    private refused: string,
  ) {
    for (const form of this.#forms) {
      this.#bringBack(form, saved);
      form.addEventListener("input", () => this.#keep(form, false));
      form.addEventListener("submit", () => this.#keep(form, true));
    }
  }

  get isAny(): boolean {
    return this.#forms.some((form) => Object.keys(this.#changes(form)).length > 0);
  }

  #changes(form: HTMLFormElement): Changes {
    const all = pathOf(form) === this.refused;
    return Object.fromEntries(
      fieldsOf(form)
        .filter((field) => (isRadio(field) ? field.checked && (all || !field.defaultChecked) : all || field.value !== field.defaultValue))
        .map(({ name, value }) => [name, value]),
    );
  }

  #keep(form: HTMLFormElement, sent: boolean): void {
    const changes = this.#changes(form);
    keep(pathOf(form), Object.keys(changes).length ? { changes, sent } : null);
  }

  #bringBack(form: HTMLFormElement, saved: string | null): void {
    const path = pathOf(form);
    const kept = path === this.refused ? null : read(path);
    if (kept && !(kept.sent && path.endsWith(`/${saved}`)))
      for (const field of fieldsOf(form)) {
        const value = kept.changes[field.name];
        if (value === undefined) continue;
        if (isRadio(field)) field.checked = field.value === value;
        else field.value = value;
      }
    this.#keep(form, false);
    if (kept && Object.keys(this.#changes(form)).length) tell(form);
  }
}

// Said once the region is there, so that it is read out.
function tell(form: HTMLFormElement): void {
  const region = document.createElement("p");
  region.setAttribute("role", "status");
  form.prepend(region);
  region.className = "notice";
  setTimeout(() => (region.textContent = form.dataset.unsaved ?? ""));
}

function pathOf(form: HTMLFormElement): string {
  return new URL(form.action).pathname;
}

function fieldsOf(form: HTMLFormElement): Field[] {
  return [...form.querySelectorAll<Field>(FIELDS)];
}

function isRadio(field: Field): field is HTMLInputElement {
  return field.type === "radio";
}

// Browsers may refuse to store anything; then nothing outlives the page.
function keep(path: string, kept: Kept | null): void {
  try {
    if (kept) sessionStorage.setItem(KEY + path, JSON.stringify(kept));
    else sessionStorage.removeItem(KEY + path);
  } catch {}
}

function read(path: string): Kept | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY + path) ?? "null");
  } catch {
    return null;
  }
}
