// The track in the API: written over the version that was read, and no other.
export interface Track {
  readonly text: string | null;
  readonly etag: string;
  readonly reviewed: boolean;
}

export interface Problem {
  readonly code: string;
  readonly detail: string;
}

export type Answer = { track: Track } | { problem: Problem };

// `text` is left out where only the tick has changed: sent, it counts as edited by a person.
export function write(url: string, etag: string, change: { text?: string; reviewed: boolean }): Promise<Answer> {
  const headers = { "Content-Type": "application/json", "If-Match": etag };
  return ask(url, { method: "PUT", headers, body: JSON.stringify(change) });
}

export function read(url: string): Promise<Answer> {
  return ask(url, { cache: "no-store" });
}

async function ask(url: string, request: RequestInit): Promise<Answer> {
  try {
    const response = await fetch(url, request);
    const body = await response.json();
    if (response.ok) return { track: body.data };
    return { problem: { code: String(body.code), detail: [body.detail, body.hint].filter(Boolean).join(" ") } };
  } catch {
    return { problem: { code: "network", detail: "" } };
  }
}
