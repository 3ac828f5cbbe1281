// How much longer a recording has room in this browser. Pure.
const LITTLE_S = 600;
const NONE_S = 30; // what is under way still has to be written
const JUDGED_MS = 10_000;

export type Space = "enough" | "little" | "none";

export interface Estimate {
  quota?: number;
  usage?: number;
}

// Null where the browser does not say how much there is.
export function secondsLeft({ quota, usage }: Estimate, bytes_per_s: number): number | null {
  return quota === undefined || usage === undefined ? null : Math.max(0, quota - usage) / bytes_per_s;
}

export function spaceFor(left_s: number | null): Space {
  if (left_s === null || left_s >= LITTLE_S) return "enough";
  return left_s >= NONE_S ? "little" : "none";
}

// Measured once there is enough to measure, until then what was asked for: what stands still takes little.
export function bytesPerSecond(bytes: number, elapsed_ms: number, bits_per_s: number): number {
  return elapsed_ms < JUDGED_MS ? bits_per_s / 8 : Math.max(1, (bytes * 1000) / elapsed_ms);
}
