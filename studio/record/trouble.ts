// Why a camera, a microphone or a screen cannot be had, and why a recording has ended by itself. Pure.
export type Trouble = "denied" | "denied_system" | "not_shared" | "no_device" | "busy_device" | "failed";

export type Ending =
  | "asked" // by who records
  | "unshared" // by the browser's own button
  | "camera_gone"
  | "microphone_gone"
  | "discarded"
  | "full" // there is no room for more
  | "failed"; // the browser's recorder gave up

interface Named {
  name: string;
  message: string;
}

// `error`: what getUserMedia or, for a `screen`, getDisplayMedia has rejected with.
export function troubleOf({ name, message }: Named, screen: boolean): Trouble {
  if (name === "NotAllowedError" || name === "SecurityError") {
    if (/system/i.test(message)) return "denied_system";
    return screen ? "not_shared" : "denied";
  }
  if (name === "NotFoundError" || name === "OverconstrainedError") return "no_device";
  if (name === "NotReadableError" || name === "AbortError") return "busy_device";
  return "failed";
}

// `kind` of a track that has ended, of a screen or of a camera.
export function endingOf(kind: string, screen: boolean): Ending {
  if (kind === "audio") return "microphone_gone";
  return screen ? "unshared" : "camera_gone";
}
