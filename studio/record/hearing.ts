// Shows the level of a microphone, and says when it has heard nothing for too long: before an hour without sound is lost.
import { Silence } from "./loudness.ts";
import { Meter } from "./meter.ts";
import type { Panel } from "./panel.ts";

const BEFORE_MS = 4000;
const WHILE_MS = 15_000; // people think while they talk

export class Hearing {
  #meter: Meter | null = null;
  #silence = new Silence(0, BEFORE_MS);

  constructor(
    private readonly panel: Panel,
    private readonly silent: string, // the sentence
  ) {}

  start(devices: MediaStream | null): void {
    this.stop();
    const hears = Boolean(devices?.getAudioTracks().length);
    this.panel.part(".loudness").hidden = !hears;
    this.#say("");
    if (!hears) return;
    this.listenAnew();
    const bar = this.panel.part<HTMLMeterElement>("meter");
    this.#meter = new Meter(devices!, (loudness) => {
      bar.value = loudness;
      if (this.panel.stage !== "paused") this.#say(this.#silence.note(loudness, performance.now()) ? this.silent : "");
    });
  }

  // A stage begins in which it may be quiet for a while.
  listenAnew(): void {
    this.#silence = new Silence(performance.now(), this.panel.stage === "recording" ? WHILE_MS : BEFORE_MS);
  }

  stop(): void {
    this.#meter?.stop();
    this.#meter = null;
  }

  #say(words: string): void {
    const place = this.panel.part(".silent");
    if (place.textContent !== words) place.textContent = words;
  }
}
