// How a recording is told to people. Pure.
import { clock } from "../player/time.ts";
import type { Kept } from "./store.ts";

// 3400000 -> "3.4 MB".
export function sizeIn(language: string, bytes: number): string {
  const [unit, of] = bytes < 1e9 ? ["megabyte", 1e6] : ["gigabyte", 1e9];
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: 1 }).format(bytes / of);
}

// "30 Nov 2026, 10:15".
export function timeIn(language: string, { began_at }: Pick<Kept, "began_at">): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(began_at);
}

export function lengthAndSizeIn(language: string, { length_ms, bytes }: Pick<Kept, "length_ms" | "bytes">): string {
  return `${clock(length_ms / 1000)} · ${sizeIn(language, bytes)}`;
}
