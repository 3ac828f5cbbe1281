// A viewer's session: it starts with a playlist, and is renewed where its files have expired, as after a long pause.
import { ask, type Facts, Refusal } from "./facts.ts";

interface Answer {
  playlist_url: string;
  renewal_url: string;
}

export class Session {
  #renewal: Promise<string | null> | null = null; // the playlist URL that starts the same session again
  #used = false; // since the last file that arrived

  constructor(private readonly facts: Facts) {}

  // To be called beside loading the playlist: later the page's token may have expired.
  begin(): void {
    this.#renewal ??= this.#ask(this.facts.session_url).catch(() => null);
  }

  // Files arrive: the next refusal may be answered with another renewal.
  goesOn(): void {
    this.#used = false;
  }

  // The playlist to go on with. Throws Refusal where the session has ended, or was renewed in vain.
  async renewed(): Promise<string> {
    if (this.#used) throw new Refusal("token_expired");
    this.#used = true;
    const playlist = (await this.#renewal) ?? this.facts.hls_url;
    const next = await this.#ask(playlist.replace("/index.m3u8", "/session"));
    this.#renewal = Promise.resolve(next);
    return playlist;
  }

  async #ask(url: string): Promise<string> {
    const { renewal_url } = await ask<Answer>(url);
    const { pathname, search } = new URL(renewal_url);
    return new URL(pathname + search, this.facts.hls_url).href; // whichever name the server has for itself
  }
}
