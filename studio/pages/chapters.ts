// The chapters of a title: another line at the player's time, and the automatic ones to begin with.
import type { KadrPlayer } from "../player/kadr-player.ts";
import { asLines, type Edited, withChapterAt } from "./chapter_lines.ts";

export function editChapters(player: KadrPlayer | null): void {
  const field = document.querySelector<HTMLTextAreaElement>("textarea[name=chapters]")!;
  const add = document.querySelector<HTMLButtonElement>("#chapters [data-add]")!;
  const start = document.querySelector<HTMLButtonElement>("#chapters [data-start]")!;
  const write = ({ text, from, to }: Edited) => {
    field.value = text;
    field.rows = Math.max(field.rows, Math.min(16, text.split("\n").length + 1));
    field.focus();
    field.setSelectionRange(from, to);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  add.hidden = !player;
  add.addEventListener("click", () => {
    write(withChapterAt(field.value, player?.currentTime || 0, add.dataset.add ?? ""));
  });
  void automatic(field.dataset.automatic).then((text) => {
    start.hidden = !text;
    start.addEventListener("click", () => {
      if (!field.value.trim()) write({ text, from: 0, to: 0 });
      start.hidden = true;
    });
  });
}

async function automatic(url: string | undefined): Promise<string> {
  if (!url) return "";
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) return "";
  const { chapters } = await response.json();
  return asLines(chapters);
}
