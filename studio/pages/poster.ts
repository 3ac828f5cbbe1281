// The poster of a title: the frame that the player shows, a picture of one's own, and waiting until the chosen one is real.
import type { KadrPlayer } from "../player/kadr-player.ts";
import { clock } from "../player/time.ts";
import { takeFiles } from "./drop.ts";

const EVERY_MS = 1000;

export function choosePoster(player: KadrPlayer | null): void {
  followPlayer(player);
  void awaitPoster();
}

function section(): HTMLElement | null {
  return document.querySelector<HTMLElement>("#poster");
}

// The field of the second, and the button beside it, follow the player.
function followPlayer(player: KadrPlayer | null): void {
  const show = () => {
    const field = section()?.querySelector<HTMLInputElement>("input[name=time_s]");
    const button = section()?.querySelector<HTMLButtonElement>("[data-frame]");
    if (!player || !field || !button || document.activeElement === field) return;
    field.value = player.currentTime.toFixed(2);
    button.textContent = textsOf("studio.poster_this_frame").replace("{time}", clock(player.currentTime));
  };
  for (const event of ["timeupdate", "seeked", "loadeddata"]) player?.addEventListener(event, show);
}

function textsOf(key: string): string {
  const texts: Record<string, string> = JSON.parse(section()?.querySelector<HTMLElement>("kadr-poster")?.dataset.texts ?? "{}");
  return texts[key] ?? "";
}

// A worker makes what is no candidate. When it has, or could not, the section shows that.
async function awaitPoster(): Promise<void> {
  const asset = section()?.querySelector<HTMLElement>("kadr-poster")?.dataset.asset;
  while (section()?.dataset.waiting !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    const response = await fetch(`/v1/assets/${asset}/poster`).catch(() => null);
    const waiting = !response?.ok || (await response.json()).data.waiting;
    if (!waiting) await showAgain();
  }
}

// As the server shows it now; the player beside it plays on.
async function showAgain(): Promise<void> {
  const url = new URL(location.href);
  url.searchParams.set("saved", "poster");
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#poster");
  const old = section();
  if (!fresh || !old) return;
  const status = fresh.querySelector('[role="status"]');
  const words = status?.textContent ?? "";
  status?.replaceChildren();
  const held = old.contains(document.activeElement);
  old.replaceWith(document.adoptNode(fresh));
  if (held) section()?.querySelector<HTMLElement>("input, button")?.focus();
  // Said once the region is there, so that it is read out.
  if (words.trim()) status?.append(Object.assign(document.createElement("p"), { className: "notice", textContent: words.trim() }));
}

// A picture of one's own; a worker makes the poster of it, and says on this page where it could not.
class PosterFile extends HTMLElement {
  connectedCallback(): void {
    takeFiles(this.querySelector<HTMLElement>(".drop")!, ([file]) => void this.#send(file));
  }

  async #send(file: File | undefined): Promise<void> {
    if (!file) return;
    const problem = this.querySelector<HTMLElement>(".problem")!;
    const words = this.querySelector<HTMLElement>(".words")!;
    problem.hidden = true;
    words.textContent = textsOf("studio.poster_sending");
    // Without a type it would be taken for JSON; the server says of any other that it is no picture.
    const request = { method: "PUT", headers: { "Content-Type": file.type.startsWith("image/") ? file.type : "image/x-unknown" }, body: file };
    const response = await fetch(`/v1/assets/${this.dataset.asset}/poster`, request).catch(() => null);
    words.textContent = "";
    if (response?.ok) {
      const owner = section();
      if (owner) owner.dataset.waiting = "";
      words.textContent = textsOf("studio.poster_waiting");
      return void awaitPoster();
    }
    const { code = "internal_error", detail = "" } = (await response?.json().catch(() => null)) ?? {};
    problem.textContent = textsOf(`code.${code}`) || detail;
    problem.hidden = false;
  }
}
customElements.define("kadr-poster", PosterFile);
