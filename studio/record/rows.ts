// The recordings that were not sent yet, each in a row: watch it, name it, send it, download it, delete it.
import type { Texts } from "../pages/texts.ts";
import { stayAwake } from "../upload/awake.ts";
import type { Upload } from "../upload/upload.ts";
import type { Panel } from "./panel.ts";
import { chunksOf, describe, fileOf, type Kept, nameOf, remove } from "./store.ts";
import { lengthAndSizeIn, timeIn } from "./told.ts";

const LANGUAGE = document.documentElement.lang;

export class Rows {
  constructor(
    private readonly panel: Panel,
    private readonly texts: Texts,
    private readonly send: (file: File, title: string) => Upload,
  ) {}

  // `made`: where it is not in the store, or not all of it. As long as it is here, leaving the page is asked about.
  async add(kept: Kept, made: File | null = null): Promise<HTMLElement | null> {
    const file = made ?? fileOf(kept, await chunksOf(kept));
    if (!file.size) return null;
    const { content } = this.panel.part<HTMLTemplateElement>("template");
    const row = content.firstElementChild!.cloneNode(true) as HTMLElement;
    row.dataset.recording = kept.id;
    row.querySelector(".name")!.textContent = this.texts.text("record.of", { time: timeIn(LANGUAGE, kept) });
    row.querySelector(".facts")!.textContent = lengthAndSizeIn(LANGUAGE, kept);
    const url = URL.createObjectURL(file);
    this.#name(row, kept, made === null);
    show(row.querySelector("video")!, url);
    Object.assign(row.querySelector("a")!, { href: url, download: nameOf(kept) });
    if (made) stayAwake(row, true);
    const gone = () => {
      row.remove();
      stayAwake(row, false);
      this.#count();
      URL.revokeObjectURL(url);
    };
    row.querySelector("[data-act=send]")!.addEventListener("click", () => this.#send(row, kept, file, gone));
    row.querySelector("[data-act=delete]")!.addEventListener("click", () => void this.#delete(kept, gone));
    this.panel.part(".recordings").append(row);
    this.#count();
    return row;
  }

  #count(): void {
    this.panel.part("h3").hidden = this.panel.part(".recordings > :not([hidden])") === null;
  }

  #name(row: HTMLElement, kept: Kept, isStored: boolean): void {
    const title = row.querySelector("input")!;
    title.value = kept.title;
    title.placeholder = row.querySelector(".name")!.textContent!;
    title.addEventListener("change", () => {
      kept.title = title.value.trim();
      if (isStored) void describe(kept).catch(() => {});
    });
  }

  // It is kept until Kadr has confirmed all of it; an upload that is cancelled leaves it here.
  #send(row: HTMLElement, kept: Kept, file: File, gone: () => void): void {
    const { value, placeholder } = row.querySelector("input")!;
    row.querySelector("video")!.pause();
    row.hidden = true;
    this.panel.tell(null);
    this.#count();
    const upload = this.send(file, value.trim() || placeholder);
    upload.addEventListener("state", () => {
      if (upload.state === "cancelled") row.hidden = false;
      this.#count();
      if (upload.state === "done") void remove(kept).catch(() => {}).then(gone);
    });
  }

  async #delete(kept: Kept, gone: () => void): Promise<void> {
    if (!(await this.panel.ask("record.delete_question", "record.delete_yes"))) return;
    await remove(kept).catch(() => {});
    gone();
    this.panel.tell("record.deleted");
    this.panel.focus();
  }
}

// A recording does not say how long it is: a browser finds out by looking for its end.
function show(video: HTMLVideoElement, url: string): void {
  const isEndless = () => video.duration === Infinity;
  video.addEventListener("loadedmetadata", () => isEndless() && (video.currentTime = Number.MAX_SAFE_INTEGER), { once: true });
  video.addEventListener("durationchange", () => isEndless() || (video.currentTime = 0));
  video.src = url;
}
