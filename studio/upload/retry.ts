// What an answer means for whoever sent the request, and how long to wait before the next attempt. Pure.
export type Verdict = "good" | "again" | "refused" | "stop";

const FIRST_MS = 1000;
const MOST_MS = 30_000;
const MOST_ASKED_MS = 3_600_000; // by a server that asks for patience

// Of the status of an answer; 0: there was none.
export function verdictOn(status: number): Verdict {
  if (status >= 200 && status < 300) return "good";
  if (status === 403) return "refused";
  return status === 0 || status === 408 || status === 425 || status >= 500 || isBusy(status) ? "again" : "stop";
}

// The server asks for fewer requests.
export function isBusy(status: number): boolean {
  return status === 429 || status === 503;
}

// Full jitter: anything up to a second after the first failure, up to 30 s after many.
export function delayMs(failures: number, random = Math.random()): number {
  return random * Math.min(MOST_MS, FIRST_MS * 2 ** (failures - 1));
}

// What a Retry-After of seconds or of a date asks for; 0 without one.
export function retryAfterMs(header: string | undefined, now: number): number {
  const ms = Number(header) * 1000 || Date.parse(header ?? "") - now;
  return Math.min(Math.max(0, ms || 0), MOST_ASKED_MS);
}

// Some browsers say that they are not, and are.
export function isOnline(): boolean {
  return navigator.onLine !== false;
}

// After so many failures, the last one with this Retry-After.
export function pauseMs(failures: number, retry_after: string | undefined, now: number): number {
  const jitter = isOnline() ? delayMs(failures) : MOST_MS;
  return Math.max(jitter, retryAfterMs(retry_after, now));
}
