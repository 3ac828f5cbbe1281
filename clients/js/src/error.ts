// What every call of this package throws.
import type { FaultShape } from "./openapi.ts";

/** The parts of an error beside its code and its sentence. */
export interface ErrorFacts {
  status?: number;
  hint?: string | undefined;
  pointer?: string | undefined;
  faults?: readonly FaultShape[];
  requestId?: string | undefined;
  retryAfterS?: number;
  cause?: unknown;
}

/**
 * An error that Kadr answered, or that this package met on the way to it.
 *
 * `code` is one of docs/errors.md of Kadr, or one of this package: `no_answer`, `unexpected` (an answer that is not
 * Kadr's), `not_configured`, `empty_file`, `file_changed`, `storage_refused`, `timed_out`.
 */
export class KadrError extends Error {
  override readonly name: string = "KadrError";
  /** HTTP status of the answer; 0 where there was none. */
  readonly status: number;
  /** What is wrong, in a sentence. */
  readonly detail: string;
  /** What can be done about it; "" where nobody knows. */
  readonly hint: string;
  /** JSON pointer to the field at fault; "" where there is none. */
  readonly pointer: string;
  /** Every fault of the request that was found. */
  readonly faults: readonly FaultShape[];
  /** By which the server's log names the request; "" where nothing was answered. */
  readonly requestId: string;
  /** Seconds for which the server asked not to be called again; 0 where it did not. */
  readonly retryAfterS: number;

  constructor(
    readonly code: string,
    detail: string,
    { status = 0, hint = "", pointer = "", faults = [], requestId = "", retryAfterS = 0, cause }: ErrorFacts = {},
  ) {
    super([`${code}: ${detail}`, hint].filter(Boolean).join(" "), { cause });
    this.detail = detail;
    this.status = status;
    this.hint = hint;
    this.pointer = pointer;
    this.faults = faults;
    this.requestId = requestId;
    this.retryAfterS = retryAfterS;
  }
}
