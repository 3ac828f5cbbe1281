// Several files, one or two at once: the others wait their turn.
import { Upload } from "./engine.ts";
import type { Fields, Settings } from "./events.ts";

const BUSY = new Set(["preparing", "sending", "waiting", "completing"]);

export interface QueueSettings extends Settings {
  atOnce?: number; // default 2
}

export class UploadQueue {
  readonly uploads: Upload[] = [];

  constructor(readonly settings: QueueSettings = {}) {}

  // `fields` may be changed until it is sent.
  add(file: File, fields: Fields = {}, settings: Settings = {}): Upload {
    const upload = new Upload(file, fields, { ...this.settings, ...settings });
    this.uploads.push(upload);
    upload.addEventListener("state", this.#next);
    queueMicrotask(this.#next); // after whoever adds it has begun to listen
    return upload;
  }

  #next = (): void => {
    const { atOnce = 2 } = this.settings;
    for (const upload of this.uploads) {
      if (this.uploads.filter(({ state }) => BUSY.has(state)).length >= atOnce) return;
      if (upload.state === "queued") upload.start();
    }
  };
}
