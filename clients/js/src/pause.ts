import { setTimeout as after } from "node:timers/promises";

/** Wait. Rejects with the reason of the signal as soon as that is aborted. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await after(ms, undefined, signal ? { signal } : {}).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}
