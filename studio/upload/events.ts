// What an upload tells: its states, why it waits, why it failed, and what it asks.
export type State =
  | "queued" // has not begun
  | "preparing" // reads the file, asks the server for an upload or for what of it has arrived
  | "asking" // waits for the answer to a `question`
  | "elsewhere" // another tab, or another row of this page, sends the same file
  | "sending"
  | "waiting" // goes on by itself; `trouble` says what for
  | "paused"
  | "completing" // everything was sent, the server has not confirmed it yet
  | "done" // only now the page may be closed
  | "failed" // `error` says why; `start()` tries again
  | "cancelled";

export type Trouble =
  | "offline" // the browser has no network
  | "network" // no answer
  | "busy" // the server asks for patience, or is out of order
  | "storage"; // Kadr answers and its storage does not: its CORS rules, or a firewall

export interface Question {
  // unfinished: the same file was sent in part. finished: it was sent as a whole within the last day.
  kind: "unfinished" | "finished";
  asset_id: string;
  since: Date;
  sent_bytes: number;
  // true, the default: go on with the unfinished one; send the finished one again.
  // false: begin anew; be `done` with the asset there is.
  answer(yes: boolean): void;
}

export interface Fields {
  title?: string;
  ref?: string;
  language?: string;
  policy?: "public" | "signed";
  [option: string]: unknown; // of POST /v1/uploads
}

export interface Settings {
  apiUrl?: string; // "https://video.example.com"; default: where the page is from
  token?: string; // "ut_...", an upload token; default: the page's own cookie
  user?: string; // whose uploads these are: those of others at this browser are not gone on with
  asset?: string; // "as_...": the file replaces the source of this asset
  stall_s?: number; // how long nothing may move until a request is given up; default 30
}

export interface UploadEvents {
  state: Event;
  progress: Event;
  question: CustomEvent<Question>;
}

// `code` is one of docs/errors.md, or `file_changed`, `storage_refused`, `unexpected`.
export class UploadError extends Error {
  constructor(
    readonly code: string,
    readonly detail = "",
    readonly hint = "",
    readonly status = 0,
  ) {
    super(detail || code);
  }
}
