// The texts of an element, which its page gives it in `data-texts`, in the page's language.
export interface Texts {
  known(key: string): string | undefined;
  text(key: string, values?: Record<string, string>): string;
}

export function textsIn(element: HTMLElement): Texts {
  const texts: Record<string, string> = JSON.parse(element.dataset.texts ?? "{}");
  const text = (key: string, values: Record<string, string> = {}) =>
    (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  return { known: (key) => texts[key], text };
}
