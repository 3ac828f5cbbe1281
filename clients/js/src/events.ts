// The feed of an account's events, in the order in which they happened.
import type { Api } from "./api.ts";
import type { KadrEvent } from "./openapi.ts";

const WAIT_S = 30;
const MARGIN_MS = 15_000; // of a call that the server answers after WAIT_S at the latest

export interface EventQuery {
  /** `next_cursor` of the answer before. `now`: what comes from now on. Default: from the oldest event that is kept. */
  after?: string | undefined;
  /** The newest so many events; not with `after`. */
  last?: number | undefined;
  /** Types, beginnings of types with `.*`, or `*`. Default: every event. */
  types?: readonly string[] | undefined;
  /** At most so many at once, up to 500. Default: 100. */
  limit?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface EventPage {
  events: KadrEvent[];
  /** Where this page ends: keep it once its events are handled, and begin with it next time. */
  cursor: string;
}

interface Answer {
  data: KadrEvent[];
  next_cursor: string;
  has_more: boolean;
}

export class Events {
  constructor(private readonly api: Api) {}

  /** One page, at once. */
  async page(query: EventQuery = {}): Promise<EventPage & { hasMore: boolean }> {
    const { data, next_cursor, has_more } = await this.#ask(query, 0);
    return { events: data, cursor: next_cursor, hasMore: has_more };
  }

  /**
   * Every page from `after` on, and then what happens, as it happens, for as long as it is read. A page without events
   * comes where there were none for a while. Lost connections are repeated for as long as it takes. Throws KadrError
   * `cursor_expired` where events after the cursor are deleted already: begin again without it.
   */
  async *follow(query: EventQuery = {}): AsyncGenerator<EventPage, void, undefined> {
    let { after, last } = query;
    for (let waitS = 0; ; ) {
      const { data, next_cursor, has_more } = await this.#ask({ ...query, after, last }, waitS, Infinity);
      yield { events: data, cursor: next_cursor };
      after = next_cursor;
      last = undefined;
      waitS = has_more ? 0 : WAIT_S;
    }
  }

  #ask({ signal, types, ...query }: EventQuery, waitS: number, retries?: number): Promise<Answer> {
    return this.api.call<Answer>("GET", "/v1/events", {
      query: { ...query, types: types?.join(","), wait_s: waitS },
      signal,
      retries,
      timeoutMs: waitS * 1000 + MARGIN_MS,
    });
  }
}
