// The text of captions beside the player: the line under the cursor is shown there, and a draft outlives a reload.
import type { KadrPlayer } from "../player/kadr-player.ts";

const field = document.querySelector<HTMLTextAreaElement>("textarea[name=text]")!;
const player = document.querySelector<KadrPlayer>("kadr-player");
const DRAFT = `kadr:captions:${location.pathname}`;
const TIMES = /(?:(\d+):)?(\d{2}):(\d{2}\.\d{3})\s+-->/;

// The time of the cue that this offset of the text is in; null before the first one.
function timeAt(text: string, offset: number): number | null {
  const end = text.indexOf("\n", offset);
  for (const line of text.slice(0, end < 0 ? undefined : end).split("\n").reverse()) {
    const found = TIMES.exec(line);
    if (found) return Number(found[1] ?? 0) * 3600 + Number(found[2]) * 60 + Number(found[3]);
  }
  return null;
}

let shown: number | null = null;
document.addEventListener("selectionchange", () => {
  if (document.activeElement !== field || !player?.readyState) return;
  const time = timeAt(field.value, field.selectionStart);
  if (time !== null && time !== shown) player.currentTime = shown = time;
});

const stored = field.defaultValue;
try {
  const draft = localStorage.getItem(DRAFT);
  if (draft !== null && draft !== stored) field.value = draft;
  field.addEventListener("input", () => localStorage.setItem(DRAFT, field.value));
  field.form?.addEventListener("submit", () => localStorage.removeItem(DRAFT));
} catch {
  // the browser stores nothing for this site
}
