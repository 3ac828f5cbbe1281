// Which answers are worth another attempt, and how long to wait before it. Pure.
const FIRST_MS = 500;
const MOST_MS = 30_000;

/** Whether the same request may be answered better in a moment. Status 0: there was no answer. */
export function isPassing(status: number): boolean {
  return status === 0 || status === 408 || status === 425 || status === 429 || status >= 500;
}

/** Full jitter: anything up to half a second after the first failure, up to 30 s after many. */
export function delayMs(failures: number, random = Math.random()): number {
  return random * Math.min(MOST_MS, FIRST_MS * 2 ** (failures - 1));
}

/** What a Retry-After of seconds or of a date asks for; 0 without one. */
export function retryAfterMs(header: string | null | undefined, now: number): number {
  const ms = Number(header) * 1000 || Date.parse(header ?? "") - now;
  return Math.max(0, ms || 0);
}
