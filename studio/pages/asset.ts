// The page of a title: its state, its chapters and poster, and texts to copy.
import type { KadrPlayer } from "../player/kadr-player.ts";
import { editChapters } from "./chapters.ts";
import { choosePoster } from "./poster.ts";
import { follow, renew } from "./states.ts";
import { trim } from "./trim.ts";

const heading = document.querySelector<HTMLElement>("[data-asset-id]")!;
const advice = document.querySelector("#advice")!;
const player = document.querySelector<KadrPlayer>("kadr-player");
// Playable now, or finished: there is more to show on the page.
follow(
  () => [heading],
  () => {
    if (!player || player.paused !== false) location.reload();
  },
  (_, asset) => {
    if (asset.advice.length !== advice.querySelectorAll("li").length) void renew(advice, "#advice");
  },
);

// What was saved is seen by players within a second, and this page came sooner; one that plays by then goes on.
const SEEN_AFTER_MS = 1200;
if (player && new URLSearchParams(location.search).has("saved"))
  setTimeout(() => {
    const token = player.getAttribute("token") ?? "";
    for (const value of ["", token]) player.setAttribute("token", value);
  }, SEEN_AFTER_MS);

editChapters(player);
choosePoster(player);
trim(player);

for (const field of document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(".code :is(input, textarea)"))
  field.addEventListener("focus", () => field.select());
// Of a field of several lines that gets the focus, browsers bring the line of the cursor into view, and no more.
document.addEventListener("focusin", ({ target }) => {
  if (target instanceof HTMLTextAreaElement) target.scrollIntoView({ block: "nearest" });
});
