// Calls of Kadr about one upload, each made once; who may make them is in the settings.
import { type Settings, UploadError } from "./events.ts";
import { verdictOn } from "./retry.ts";
import { type Answer, type Exchange, exchange } from "./transport.ts";

const STALL_S = 30;

export interface Described {
  id: string;
  asset_id: string;
  status: "open" | "completed" | "aborted" | "expired";
  parts: { number: number; size_bytes: number; arrived: boolean; url: string | null }[];
  part_size_bytes: number;
  expires_at: string;
}

export interface Body {
  data?: Described;
  code?: string;
  detail?: string;
  hint?: string;
}

export class Api {
  constructor(private readonly settings: Settings) {}

  get stall_ms(): number {
    return (this.settings.stall_s ?? STALL_S) * 1000;
  }

  create(key: string, body: string): Exchange {
    const { asset } = this.settings;
    const path = asset ? `assets/${asset}/source` : "uploads";
    return this.#call("POST", path, { "Content-Type": "application/json", "Idempotency-Key": key }, body);
  }

  show(id: string, from = 1): Exchange {
    return this.#call("GET", `uploads/${id}?from_part=${from}`);
  }

  complete(id: string): Exchange {
    return this.#call("POST", `uploads/${id}/complete`);
  }

  abort(id: string): Exchange {
    return this.#call("DELETE", `uploads/${id}`);
  }

  #call(method: string, path: string, headers: Record<string, string> = {}, body?: string): Exchange {
    const { apiUrl = "", token } = this.settings;
    if (token) headers.Authorization = `Bearer ${token}`;
    return exchange(method, `${apiUrl}/v1/${path}`, { headers, body, timeout_ms: this.stall_ms });
  }
}

export function bodyOf({ text }: Answer): Body {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

// What a good answer describes. Throws UploadError for any other.
export function describedIn(answer: Answer): Described {
  const { data, code, detail, hint } = bodyOf(answer);
  if (verdictOn(answer.status) === "good" && data) return data;
  throw new UploadError(code ?? "unexpected", detail, hint, answer.status);
}
