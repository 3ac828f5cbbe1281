// The page of a title: its state, the frame that the player shows as a poster, and texts to copy.
import type { KadrPlayer } from "../player/kadr-player.ts";
import { follow, renew } from "./states.ts";

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

const time = document.querySelector<HTMLInputElement>("input[name=time_s]");
if (player && time)
  for (const event of ["timeupdate", "seeked"])
    player.addEventListener(event, () => (time.value = player.currentTime.toFixed(2)));

// A picture of one's own as the poster; a worker makes it, and says on this page where it could not.
class PosterFile extends HTMLElement {
  connectedCallback(): void {
    const input = this.querySelector("input")!;
    input.addEventListener("change", () => void this.#send(input.files?.[0]));
  }

  async #send(file: File | undefined): Promise<void> {
    if (!file) return;
    const texts: Record<string, string> = JSON.parse(this.dataset.texts ?? "{}");
    const request = { method: "PUT", headers: { "Content-Type": file.type }, body: file };
    const response = await fetch(`/v1/assets/${this.dataset.asset}/poster`, request).catch(() => null);
    if (response?.ok) return location.assign(`${location.pathname}?saved=poster#poster`);
    const { code = "internal_error", detail = "" } = (await response?.json().catch(() => null)) ?? {};
    const problem = this.querySelector<HTMLElement>(".problem")!;
    problem.textContent = texts[`code.${code}`] ?? detail;
    problem.hidden = false;
  }
}
customElements.define("kadr-poster", PosterFile);

for (const field of document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(".code :is(input, textarea)"))
  field.addEventListener("focus", () => field.select());
