// The part of a title that is to be made a title of its own: its ends from the player, and the part alone to look at.
import type { KadrPlayer } from "../player/kadr-player.ts";
import { clock } from "../player/time.ts";
import { LEAST_S, partOf } from "./part.ts";

export function trim(player: KadrPlayer | null): void {
  const form = document.querySelector<HTMLFormElement>("#trim form");
  if (!player || !form) return;
  const start = form.querySelector<HTMLInputElement>("[name=start_s]")!;
  const end = form.querySelector<HTMLInputElement>("[name=end_s]")!;
  const told = form.querySelector<HTMLElement>("output")!;
  const whole = Number(end.max);
  const show = () => {
    const { from, to, fault } = partOf(start.value, end.value, whole);
    end.setCustomValidity(fault ? (told.dataset.short ?? "") : "");
    told.textContent = fault ? (told.dataset.short ?? "") : `${clock(from)}–${clock(to)} (${clock(to - from)})`;
  };
  const take = (field: HTMLInputElement, seconds: number) => {
    field.value = String(Math.round(seconds * 100) / 100);
    show();
  };
  let until: number | null = null;
  const act: Record<string, () => void> = {
    from: () => {
      take(start, player.currentTime);
      if (Number(end.value) - Number(start.value) < LEAST_S) take(end, whole);
    },
    to: () => {
      take(end, player.currentTime);
      if (Number(end.value) - Number(start.value) < LEAST_S) take(start, 0);
    },
    play: () => {
      const { from, to, fault } = partOf(start.value, end.value, whole);
      if (fault) return void end.reportValidity();
      until = to;
      // The place counts once something is loaded.
      void player.play().then(() => (player.currentTime = from));
    },
  };
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-part]")) {
    button.hidden = false;
    button.addEventListener("click", () => act[button.dataset.part ?? ""]?.());
  }
  // It stops where the part ends, unless somebody has gone elsewhere.
  player.addEventListener("timeupdate", () => {
    if (until === null || player.currentTime < until || player.currentTime > until + 1) return;
    until = null;
    player.pause();
  });
  for (const field of [start, end]) field.addEventListener("input", show);
  show();
}
