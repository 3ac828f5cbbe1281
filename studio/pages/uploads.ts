// The upload page: files that were dropped or chosen, each in a row with two bars, what is sent and what is made of it.
import { type Fields, type Question, unfinished, Upload, UploadQueue } from "../upload/upload.ts";
import type { KadrPlayer } from "../player/kadr-player.ts";
import { clock } from "../player/time.ts";
import { allKept, nameOf } from "../record/store.ts";
import { takeDropped, takeFiles } from "./drop.ts";
import { type Asset, follow } from "./states.ts";
import { type Texts, textsIn } from "./texts.ts";

export class Uploads extends HTMLElement {
  #texts: Texts = textsIn(this);
  #early = new Map<Upload, Set<HTMLInputElement | HTMLSelectElement>>(); // changed before the title had an id
  #queue = new UploadQueue({ user: this.dataset.user ?? "" });

  connectedCallback(): void {
    const drop = this.querySelector<HTMLElement>(".drop")!;
    const take = (files: File[]) => files.forEach((file) => this.add(file));
    takeFiles(drop, take);
    if (!this.dataset.asset) takeDropped(document, drop, take); // all of the upload page
    if (!this.dataset.asset) void this.#remindOfAll();
    follow(() => [...this.querySelectorAll<HTMLElement>("li[data-asset-id]")], this.#moved, this.#advise);
  }

  #text(key: string, values: Record<string, string> = {}): string {
    return this.#texts.text(key, values);
  }

  // A sentence for a code of the API or of sending; its own words where there is none.
  #why(code: string, detail: string): string {
    const known = this.#texts.known(`code.${code}`) ?? this.#texts.known(`uploads.error.${code}`);
    return known ?? (detail || this.#text("code.internal_error"));
  }

  // Another row: of a file that was chosen, or that was recorded on this page.
  add(file: File, fields: Fields = {}): Upload {
    for (const row of this.querySelectorAll<HTMLElement>("li.left")) if (row.dataset.name === file.name) row.remove();
    const { asset } = this.dataset; // of which the file replaces the source
    const upload = this.#queue.add(file, fields, asset ? { asset } : {});
    this.#row(upload);
    return upload;
  }

  get #list(): HTMLElement {
    return this.querySelector(".uploads")!;
  }

  // But of recordings, which this browser has.
  async #remindOfAll(): Promise<void> {
    const user = this.dataset.user ?? "";
    const [left, recordings] = await Promise.all([unfinished(user), allKept(user)]);
    const recorded = new Set(recordings.map(nameOf));
    for (const { name } of left) if (!recorded.has(name)) this.#remind(name);
  }

  #remind(name: string): void {
    const row = document.createElement("li");
    row.className = "left";
    row.dataset.name = name;
    row.textContent = this.#text("uploads.interrupted", { name });
    this.#list.prepend(row);
  }

  #row(upload: Upload): void {
    const row = document.createElement("li");
    row.innerHTML = `<span class="name"></span><span class="actions"></span>
      <div class="bars"><span class="label"></span><progress class="sending" max="1" value="0"></progress><span class="told"></span></div>
      <div class="bars making" hidden><span class="label"></span><progress max="1" value="0"></progress><span><span class="percent">0</span> %</span></div>
      <p class="words" role="status"></p><p class="advice" role="status" hidden></p>`;
    const name = row.querySelector<HTMLElement>(".name")!;
    name.textContent = upload.fields.title ?? upload.file.name;
    if (!this.dataset.asset) row.querySelector(".words")!.before(this.#fields(upload, name));
    const labels = row.querySelectorAll(".label");
    labels[0]!.textContent = this.#text("uploads.sending");
    labels[1]!.textContent = this.#text("uploads.making");
    for (const [index, bar] of row.querySelectorAll("progress").entries())
      bar.ariaLabel = `${labels[index]!.textContent}: ${upload.file.name}`;
    this.#list.append(row);
    upload.addEventListener("state", () => this.#show(row, upload));
    upload.addEventListener("progress", () => this.#measure(row, upload));
    upload.addEventListener("question", (event) => this.#ask(row, upload, (event as CustomEvent<Question>).detail));
    this.#show(row, upload);
  }

  // What the title is called and who may watch it, editable while it is sent and made.
  #fields(upload: Upload, heading: HTMLElement): HTMLElement {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = this.#text("studio.details");
    details.append(summary);
    const add = (name: string, field: HTMLInputElement | HTMLSelectElement) => {
      const label = document.createElement("label");
      const words = document.createElement("span");
      words.textContent = this.#text(`studio.${name}`);
      field.name = name;
      if (typeof upload.fields[name] === "string") field.value = upload.fields[name];
      field.addEventListener("change", () => void this.#change(upload, field));
      if (name === "title")
        field.addEventListener("input", () => (heading.textContent = field.value.trim() || upload.file.name));
      label.append(words, field);
      details.append(label);
    };
    const input = (placeholder: string) => Object.assign(document.createElement("input"), { placeholder });
    add("title", input(upload.file.name));
    add("ref", input("product:42"));
    add("language", input("en"));
    const policy = document.createElement("select");
    for (const value of ["public", "signed"]) policy.add(new Option(this.#text(`studio.policy.${value}`), value));
    add("policy", policy);
    return details;
  }

  // Kadr may have been told of the upload already and not have answered: then this is told once it has.
  async #change(upload: Upload, field: HTMLInputElement | HTMLSelectElement): Promise<void> {
    const { assetId, fields } = upload;
    const value = field.value.trim() || null;
    field.setCustomValidity("");
    if (!assetId) {
      this.#early.set(upload, (this.#early.get(upload) ?? new Set()).add(field));
      if (value === null) delete fields[field.name];
      else fields[field.name] = value;
      return;
    }
    if (value === null && (field.name === "title" || field.name === "policy")) return;
    const request = {
      method: "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ [field.name]: value }),
    };
    const response = await fetch(`/v1/assets/${assetId}`, request).catch(() => null);
    if (response?.ok) return;
    const { code = "", detail = "" } = (await response?.json().catch(() => null)) ?? {};
    field.setCustomValidity(this.#why(code, detail));
    field.reportValidity();
  }

  #measure(row: HTMLElement, { progress }: Upload): void {
    const { fraction: share, left_s } = progress;
    row.querySelector<HTMLProgressElement>(".sending")!.value = share;
    const percent = `${Math.floor(share * 100)} %`;
    const left = left_s === null ? "" : ` · ${this.#text("uploads.left", { time: clock(left_s) })}`;
    row.querySelector(".told")!.textContent = percent + left;
  }

  #show(row: HTMLElement, upload: Upload): void {
    const { state, error } = upload;
    if (upload.assetId) {
      for (const field of this.#early.get(upload) ?? []) void this.#change(upload, field);
      this.#early.delete(upload);
    }
    const words: Record<string, string> = {
      queued: "",
      preparing: this.#text("uploads.preparing"),
      asking: "",
      elsewhere: this.#text("uploads.other_tab"),
      sending: this.#text("uploads.keep_open"),
      waiting: this.#text("uploads.waiting"),
      paused: this.#text("uploads.paused"),
      completing: this.#text("uploads.keep_open"),
      done: this.#text("uploads.sent"),
      failed: error ? this.#why(error.code, error.detail) : "",
    };
    if (state === "cancelled") return row.remove();
    row.classList.toggle("failed", state === "failed");
    row.querySelector(".words")!.textContent = words[state] ?? "";
    this.#measure(row, upload);
    this.#actions(row, upload);
    if (state !== "done") return;
    if (this.dataset.asset) return location.reload(); // its page shows what becomes of it
    row.dataset.assetId = upload.assetId;
    row.dataset.status = "processing";
    row.querySelector<HTMLElement>(".making")!.hidden = false;
  }

  #actions(row: HTMLElement, upload: Upload): void {
    const { state } = upload;
    const buttons: [text: string, act: () => void][] = [];
    if (state === "sending" || state === "waiting") buttons.push(["uploads.pause", () => upload.pause()]);
    if (state === "paused") buttons.push(["uploads.resume", () => upload.resume()]);
    if (state === "failed") buttons.push(["studio.retry", () => upload.start()]);
    if (state !== "done" && state !== "completing") buttons.push(["uploads.cancel", () => void upload.cancel()]);
    this.#buttons(row, buttons);
    if (state === "done") {
      const open = Object.assign(document.createElement("a"), {
        className: "button quiet",
        href: `/studio/assets/${upload.assetId}`,
        textContent: this.#text("uploads.open"),
      });
      row.querySelector(".actions")!.append(open);
    }
  }

  #buttons(row: HTMLElement, buttons: [text: string, act: () => void][]): void {
    const made = buttons.map(([text, act]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet" });
      button.textContent = this.#text(text);
      button.ariaLabel = `${button.textContent}: ${row.querySelector(".name")!.textContent}`;
      button.addEventListener("click", act);
      return button;
    });
    row.querySelector(".actions")!.replaceChildren(...made);
  }

  // An unfinished upload of the same file goes on by itself; one that was finished is asked about.
  #ask(row: HTMLElement, upload: Upload, question: Question): void {
    if (question.kind === "unfinished") return question.answer(true);
    row.querySelector(".words")!.textContent = this.#text("uploads.again");
    this.#buttons(row, [
      ["uploads.again_yes", () => question.answer(true)],
      ["uploads.cancel", () => void upload.cancel()],
    ]);
  }

  // Playable: it plays in its row, before all of it is made.
  #moved = (row: HTMLElement, asset: Asset): boolean => {
    const making = row.querySelector<HTMLElement>(".making")!;
    if (asset.status === "errored") {
      making.hidden = true;
      row.classList.add("failed");
      row.querySelector(".words")!.textContent = this.#why(asset.error?.code ?? "", asset.error?.message ?? "");
    } else if (!row.querySelector("kadr-player") && this.dataset.player) {
      const { id } = asset.playback_ids[0]!;
      const player = document.createElement("kadr-player") as KadrPlayer;
      player.setAttribute("playback-id", id);
      player.setAttribute("origin", this.dataset.player);
      player.tokenProvider = () => tokenOf(id);
      row.append(player);
    }
    if (asset.status === "ready") making.hidden = true;
    return true; // the row is this element's, not the server's
  };

  // One line, of what matters most; the page of the title has the others.
  #advise = (row: HTMLElement, { advice, status }: Asset): void => {
    const line = row.querySelector<HTMLElement>(".advice")!;
    const [first] = status === "errored" ? [] : advice;
    const words = first ? this.#why(first.code, `${first.message} ${first.hint}`) : "";
    if (line.textContent === words) return; // else it would be read out again
    line.textContent = words;
    line.hidden = !words;
  };
}

async function tokenOf(playbackId: string): Promise<string> {
  const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" };
  const response = await fetch(`/v1/playback_ids/${playbackId}/token`, request);
  return (await response.json()).data.token;
}

customElements.define("kadr-uploads", Uploads);
