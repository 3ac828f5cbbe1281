// The player's texts in the language of its page, out of the catalogue that the server's pages share.
export interface Texts {
  (key: string, values?: Record<string, string>): string;
  readonly language: string;
  readonly controls: Record<string, string>; // media-chrome's texts by the English ones
}

import first from "texts:first";

const LANGUAGES: Record<string, () => Promise<{ default: Record<string, string> }>> = {
  en: () => import("texts:en"),
  ru: () => import("texts:ru"),
};
const CONTROLS = "controls.";

// The language a reader sees: the nearest `lang` attribute, also outside of shadow roots, or else the browser's.
export function languageOf(element: Element): string {
  for (let node: Node | null = element; node; node = node.parentNode ?? (node as ShadowRoot).host ?? null) {
    const lang = node instanceof Element && node.getAttribute("lang");
    if (lang) return base(lang);
  }
  return base(navigator.language);
}

function base(tag: string): string {
  const primary = tag.toLowerCase().split("-")[0] ?? "";
  return primary in LANGUAGES ? primary : "en";
}

// The few texts that are shown before anything is loaded.
export function firstTexts(language: string): Texts {
  return from(language, first[language] ?? {});
}

export async function textsIn(language: string): Promise<Texts> {
  const { default: all } = await (LANGUAGES[language] ?? LANGUAGES.en!)();
  return from(language, all);
}

function from(language: string, all: Record<string, string>): Texts {
  const text = (key: string, values: Record<string, string> = {}) =>
    (all[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  const controls = Object.entries(all).filter(([key]) => key.startsWith(CONTROLS));
  return Object.assign(text, {
    language,
    controls: Object.fromEntries(controls.map(([key, value]) => [key.slice(CONTROLS.length), value])),
  });
}
