// How loud a microphone is, and whether it hears anything at all. Pure.
const FLOOR_DB = -60;
const HEARD = 0.1; // -54 dB: a muted microphone is far below, a voice far above

// 0 to 1, for -60 to 0 dB of full scale.
export function loudnessOf(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < samples.length; at += 1) sum += samples[at]! ** 2;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length) || Number.MIN_VALUE);
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}

// Silent: nothing was heard for `patience_ms`.
export class Silence {
  #heard_at: number;

  constructor(
    now: number,
    public patience_ms: number,
  ) {
    this.#heard_at = now;
  }

  note(loudness: number, now: number): boolean {
    if (loudness >= HEARD) this.#heard_at = now;
    return now - this.#heard_at >= this.patience_ms;
  }
}
