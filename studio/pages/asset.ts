// The page of a title: its state, the frame that the player shows as a poster, and texts to copy.
import type { KadrPlayer } from "../player/kadr-player.ts";
import { follow } from "./states.ts";

const heading = document.querySelector<HTMLElement>("[data-asset-id]")!;
const player = document.querySelector<KadrPlayer>("kadr-player");
// Playable now, or finished: there is more to show on the page.
follow(
  () => [heading],
  () => {
    if (!player || player.paused !== false) location.reload();
  },
);

const time = document.querySelector<HTMLInputElement>("input[name=time_s]");
if (player && time)
  for (const event of ["timeupdate", "seeked"])
    player.addEventListener(event, () => (time.value = player.currentTime.toFixed(2)));

for (const field of document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(".code :is(input, textarea)"))
  field.addEventListener("focus", () => field.select());
