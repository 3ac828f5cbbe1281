// The page of a title: its state, its chapters and poster, and texts to copy.
import type { KadrPlayer } from "../player/kadr-player.ts";
import { readCaptionsFile } from "./captions_file.ts";
import { editChapters } from "./chapters.ts";
import { offerCopying } from "./copying.ts";
import { choosePoster } from "./poster.ts";
import { type Asset, follow, renew } from "./states.ts";
import { trim } from "./trim.ts";
import { Unsaved } from "./unsaved.ts";

const heading = document.querySelector<HTMLElement>("[data-asset-id]")!;
const advice = document.querySelector("#advice")!;
const player = document.querySelector<KadrPlayer>("kadr-player");
const address = new URL(`/studio/assets/${heading.dataset.assetId}`, location.href);
const saved = new URLSearchParams(location.search).get("saved");
const unsaved = new Unsaved(saved, location.pathname);
// The answer to a form has the form's address, which cannot be read again.
if (location.pathname !== address.pathname) history.replaceState(null, "", address.href + location.hash);

// Playable now, or finished: there is more to show. The page is not loaded again under somebody who types or watches.
follow(
  () => [heading],
  () => {
    if (isInUse()) offerMore();
    else location.reload();
  },
  (_, asset) => {
    if (asset.advice.length !== advice.querySelectorAll("li").length) void renew(advice, "#advice");
    showSteps(asset);
  },
);

function isInUse(): boolean {
  const isTyping = document.activeElement?.matches("input, textarea, select") ?? false;
  return isTyping || unsaved.isAny || (player?.currentTime ?? 0) > 0 || player?.paused === false;
}

function offerMore(): void {
  const offer = document.querySelector<HTMLTemplateElement>("#more-to-show")!.content.cloneNode(true) as DocumentFragment;
  offer.querySelector("button")!.addEventListener("click", () => location.reload());
  document.querySelector("#more")!.replaceChildren(offer);
}

function showSteps({ progress, steps }: Asset): void {
  const bar = document.querySelector<HTMLProgressElement>(".not-yet progress");
  if (bar) bar.value = progress;
  const list = document.querySelector<HTMLElement>(".steps")!;
  const shown = [...list.querySelectorAll("li")].map(({ dataset }) => dataset.state);
  if (steps.map(({ state }) => state).join() !== shown.join()) void renew(list, ".steps");
  list.hidden = steps.every(({ state }) => state === "done");
}

// What was saved is seen by players within a second, and this page came sooner; one that plays by then goes on.
const SEEN_AFTER_MS = 1200;
if (player && saved !== null)
  setTimeout(() => {
    const token = player.getAttribute("token") ?? "";
    for (const value of ["", token]) player.setAttribute("token", value);
  }, SEEN_AFTER_MS);

editChapters(player);
readCaptionsFile();
choosePoster(player);
trim(player);
offerCopying();

for (const field of document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(".code :is(input, textarea)"))
  field.addEventListener("focus", () => field.select());
// Of a field of several lines that gets the focus, browsers bring the line of the cursor into view, and no more.
document.addEventListener("focusin", ({ target }) => {
  if (target instanceof HTMLTextAreaElement) target.scrollIntoView({ block: "nearest" });
});
