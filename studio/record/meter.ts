// Measures a microphone ten times a second.
import { loudnessOf } from "./loudness.ts";

const EVERY_MS = 100;

export class Meter {
  #context = new AudioContext();
  #timer: ReturnType<typeof setInterval>;

  constructor(stream: MediaStream, heard: (loudness: number) => void) {
    const analyser = this.#context.createAnalyser();
    const samples = new Float32Array(analyser.fftSize);
    this.#context.createMediaStreamSource(stream).connect(analyser);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      heard(loudnessOf(samples));
    }, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    void this.#context.close();
  }
}
