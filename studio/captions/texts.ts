// Texts and numbers in the language of the page, and the sentences of marks.
import type { Mark } from "./marks.ts";
import { shortTime } from "./times.ts";

export interface Words {
  (key: string, values?: Record<string, string | number>): string;
}

// `known`: the texts that the server gave to the page.
export function wordsOf(known: Record<string, string>, language: string): Words {
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  return (key, values = {}) =>
    (known[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      return value === undefined ? whole : typeof value === "number" ? number.format(value) : value;
    });
}

// "Too fast: 24 characters a second; at most 20."
export function sentence({ kind, found, limit }: Mark, words: Words): string {
  const isTime = kind === "reversed" || kind === "overlap";
  const shown = (value: number) => (isTime ? shortTime(Math.round(value * 1000)) : rounded(value, limit));
  return words(`captions.mark.${kind}`, { found: shown(found), limit: isTime ? shown(limit) : limit });
}

// As few decimals as show that the limit is broken.
function rounded(value: number, limit: number): number {
  for (const scale of [1, 10, 100]) {
    const near = Math.round(value * scale) / scale;
    if (scale >= (Number.isInteger(limit) ? 1 : 100) && near !== limit) return near;
  }
  return Math.round(value * 1000) / 1000;
}
