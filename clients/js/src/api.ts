// One call of Kadr's API, repeated until there is an answer that says something.
import { KadrError } from "./error.ts";
import type { ProblemShape } from "./openapi.ts";
import { pause } from "./pause.ts";
import { delayMs, isPassing, retryAfterMs } from "./retry.ts";

const TIMEOUT_MS = 30_000;
const RETRIES = 5;
const LONGEST_WAIT_MS = 60_000; // for a Retry-After; whoever asks for more gets no further call

export interface Settings {
  /** Where Kadr's API is, such as https://kadr.example.com. Default: KADR_API_URL of the environment. */
  apiUrl?: string;
  /** Default: KADR_API_KEY of the environment. */
  apiKey?: string;
  /** How often a call is repeated after a lost connection, 408, 425, 429 and 5xx. Default: 5. */
  retries?: number;
  /** After how many milliseconds without an answer a call counts as lost. Default: 30,000. */
  timeoutMs?: number;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** What is left out, undefined or null is not sent. */
  query?: object | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Of a request that creates something: with the same key it is created once, for a day. */
  idempotencyKey?: string | undefined;
  /** false: a second time would do something else, so it is repeated only where the first was certainly not taken. */
  repeat?: boolean | undefined;
  retries?: number | undefined;
  timeoutMs?: number | undefined;
}

export class Api {
  readonly #url: string;
  readonly #key: string;

  constructor(private readonly settings: Settings = {}) {
    const { apiUrl = process.env.KADR_API_URL ?? "", apiKey = process.env.KADR_API_KEY ?? "" } = settings;
    this.#url = apiUrl.replace(/\/+$/, "");
    this.#key = apiKey;
    if (apiUrl && !/^https?:\/\/[^/?#]+(\/[^?#]*)?$/.test(apiUrl)) {
      throw new TypeError(`apiUrl is ${apiUrl}; it must be a base URL such as https://kadr.example.com`);
    }
  }

  /** The JSON of a good answer; undefined where it has no body. Throws KadrError, or the signal's reason. */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const { signal, repeat = true, retries = this.settings.retries ?? RETRIES } = options;
    for (let failures = 1; ; failures += 1) {
      try {
        return (await this.#attempt(method, path, options)) as T;
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof KadrError)) throw error;
        // The attempt before has deleted it, and its answer was lost.
        if (method === "DELETE" && failures > 1 && error.status === 404) return undefined as T;
        const passing = error.code !== "not_configured" && (repeat ? isPassing(error.status) : error.status === 429);
        const waitMs = Math.max(delayMs(failures), error.retryAfterS * 1000);
        const tooLong = waitMs > LONGEST_WAIT_MS && retries !== Infinity;
        if (!passing || failures > retries || tooLong) throw error;
        await pause(waitMs, signal);
      }
    }
  }

  /** `data` of a good answer. */
  async data<T>(method: string, path: string, options?: CallOptions): Promise<T> {
    return (await this.call<{ data: T }>(method, path, options)).data;
  }

  async #attempt(method: string, path: string, options: CallOptions): Promise<unknown> {
    const { signal, query = {}, body, idempotencyKey, timeoutMs = this.settings.timeoutMs ?? TIMEOUT_MS } = options;
    if (!this.#url || !this.#key) {
      const missing = this.#url ? "apiKey" : "apiUrl";
      const hint = "Give apiUrl and apiKey to Kadr(), or set KADR_API_URL and KADR_API_KEY.";
      throw new KadrError("not_configured", `${missing} is missing.`, { hint });
    }
    const url = new URL(this.#url + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = { Authorization: `Bearer ${this.#key}`, Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
    const timeout = AbortSignal.timeout(timeoutMs);
    const request = {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      redirect: "manual" as const, // a POST that is redirected would become a GET
      cache: "no-store", // frameworks that keep answers of fetch must not keep these
    };
    try {
      const answer = await fetch(url, request);
      return read(answer, await answer.text());
    } catch (error) {
      if (error instanceof KadrError) throw error;
      const { cause = error } = error as Error;
      throw new KadrError("no_answer", `${url.origin} does not answer: ${(cause as Error).message}`, { cause: error });
    }
  }
}

function read(answer: Response, text: string): unknown {
  const body = parsed(text);
  if (answer.ok && (body !== undefined || !text)) return body;
  const { code, detail, hint, pointer, errors } = (body ?? {}) as Partial<ProblemShape>;
  const facts = {
    status: answer.status,
    hint: hint ?? undefined,
    pointer: pointer ?? undefined,
    faults: errors ?? [],
    requestId: answer.headers.get("x-request-id") ?? undefined,
    retryAfterS: retryAfterMs(answer.headers.get("retry-after"), Date.now()) / 1000,
  };
  if (code && !answer.ok) throw new KadrError(code, detail ?? "", facts);
  const where = answer.headers.get("location");
  const told = `${answer.status} without Kadr's JSON${where ? `, for ${where}` : ""}`;
  throw new KadrError("unexpected", `The answer was ${told}.`, { ...facts, hint: "Check apiUrl." });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
