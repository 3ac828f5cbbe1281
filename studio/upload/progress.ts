// What is shown of bytes that are sent: a share that never falls, the speed, the time left. Pure.
export interface Shown {
  fraction: number; // at most 0.99 until the server has confirmed that the upload is complete, then 1
  sent_bytes: number;
  size_bytes: number;
  bytes_per_s: number; // over the last 10 s
  left_s: number | null; // null: not known yet
}

const MOST = 0.99;
const WINDOW_MS = 10_000;
const KNOWN_AFTER_MS = 5000;
const EVERY_MS = 200;

export class Progress {
  #sent = 0; // falls where a part has failed
  #shown = 0; // does not
  #moved = 0; // all bytes that were sent, those of parts that failed, too
  #since = 0;
  #samples: [at: number, moved: number][] = [];
  #done = false;

  constructor(readonly size: number) {}

  // Bytes that had arrived before sending began.
  begin(sent: number): void {
    this.#sent = sent;
    this.#shown = Math.max(this.#shown, sent);
  }

  // How much has arrived and is under way now.
  note(sent: number, now: number): void {
    this.#moved += Math.max(0, sent - this.#sent);
    this.begin(sent);
    const samples = this.#samples;
    if (samples.length === 0) this.#since = now;
    if (samples.length > 1 && now - samples.at(-2)![0] < EVERY_MS) samples.pop();
    samples.push([now, this.#moved]);
    while (samples.length > 2 && samples[1]![0] <= now - WINDOW_MS) samples.shift();
  }

  // Nothing is sent for a while: what was measured says nothing about afterwards.
  rest(): void {
    this.#samples = [];
  }

  done(): void {
    this.#shown = this.size;
    this.#done = true;
    this.rest();
  }

  shown(now: number): Shown {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const speed = first && last && now > first[0] ? ((last[1] - first[1]) * 1000) / (now - first[0]) : 0;
    const known = speed > 0 && now - this.#since >= KNOWN_AFTER_MS;
    return {
      fraction: this.#done ? 1 : Math.min(MOST, this.#shown / (this.size || 1)),
      sent_bytes: this.#shown,
      size_bytes: this.size,
      bytes_per_s: speed,
      left_s: known ? (this.size - this.#sent) / speed : null,
    };
  }
}
