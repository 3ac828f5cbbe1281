// A viewer's session: it starts with a playlist, is renewed where its files have expired, as after a long pause, and
// is left with the page, so that its seat is free for the viewer's next one.
import { ask, type Facts, Refusal } from "./facts.ts";

const NOT_AGAIN_WITHIN_MS = 60_000; // files that are refused with fresh URLs are not a matter of time

interface Answer {
  renewal_url: string;
}

export class Session {
  #renewal: Promise<string | null> | null = null; // the playlist URL that starts the same session again
  #latest: string | null = null;
  #renewedAt = -Infinity;

  constructor(private readonly facts: Facts) {}

  // To be called beside loading the playlist: later the page's token may have expired.
  begin(): void {
    this.#renewal ??= this.#ask(this.facts.session_url).catch(() => null);
  }

  // The playlist to go on with. Throws Refusal where the session has ended, or has been renewed in vain.
  async renewed(): Promise<string> {
    if (performance.now() - this.#renewedAt < NOT_AGAIN_WITHIN_MS) throw new Refusal("token_expired");
    const playlist = (await this.#renewal) ?? this.facts.hls_url;
    const next = await this.#ask(playlist.replace("/index.m3u8", "/session"));
    this.#renewedAt = performance.now();
    this.#renewal = Promise.resolve(next);
    return playlist;
  }

  // Without a token nobody counts sessions.
  leave(): void {
    if (this.#latest === null || !new URL(this.facts.hls_url).searchParams.has("token")) return;
    navigator.sendBeacon(this.#latest.replace("/index.m3u8", "/leave"));
  }

  async #ask(url: string): Promise<string> {
    const { renewal_url } = await ask<Answer>(url);
    const { pathname, search } = new URL(renewal_url);
    this.#latest = new URL(pathname + search, this.facts.hls_url).href; // whichever name the server has for itself
    return this.#latest;
  }
}
