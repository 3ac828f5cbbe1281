// What a page knows of a title before anything plays: the answer of /play/{playback_id}/player.json.
export interface Facts {
  playback_id: string;
  title: string;
  duration_s: number;
  width: number;
  height: number;
  has_sound: boolean;
  hls_url: string;
  session_url: string;
  poster_url: string | null;
  thumbhash: string | null;
  colour: string | null;
  storyboard_url: string | null;
  chapters_url: string | null;
}

// Why something cannot be played: a code of docs/errors.md, or `network`, `decode` or `unsupported`.
export class Refusal extends Error {
  constructor(
    readonly code: string,
    readonly detail = "",
  ) {
    super(detail || code);
  }
}

// GET of a JSON answer's `data`. Throws Refusal with the code of a problem, or `network` without any answer.
export async function ask<Data>(url: string): Promise<Data> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "omit" });
  } catch (error) {
    throw new Refusal("network", String(error));
  }
  const body = await response.json().catch(() => ({}));
  const busy = response.status === 429 || response.status >= 500;
  if (!response.ok) throw new Refusal(busy ? "busy" : (body.code ?? "network"), body.detail);
  return body.data as Data;
}

// The facts with absolute URLs, whatever name the server has for itself.
export function absolute(facts: Facts, base: URL): Facts {
  const known = Object.entries(facts).map(([name, value]) => [
    name,
    name.endsWith("_url") && typeof value === "string" ? new URL(value, base).href : value,
  ]);
  return Object.fromEntries(known) as Facts;
}
