// A file on disk: by what it is known again, and blocks of it.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { KadrError } from "./error.ts";

const EDGE_BYTES = 65_536;
const BLOCK_BYTES = 262_144;

/** Its size in bytes, and what tells whether it has changed: size, time, and SHA-256 of its first and last 64 KiB. */
export interface Identity {
  size_bytes: number;
  fingerprint: string;
}

/** Throws the error of the file system where it cannot be read. */
export async function identify(path: string): Promise<Identity> {
  const file = await open(path);
  try {
    const { size, mtimeMs } = await file.stat();
    const hash = createHash("sha256").update(`${size} ${mtimeMs}\n`);
    for (const position of [0, Math.max(0, size - EDGE_BYTES)]) {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(EDGE_BYTES), position });
      hash.update(buffer.subarray(0, bytesRead));
    }
    return { size_bytes: size, fingerprint: hash.digest("hex") };
  } finally {
    await file.close();
  }
}

/** `size` bytes of a file from `start` on, never all of them in memory. Throws KadrError where there are fewer. */
export async function* blocksOf(path: string, start: number, size: number): AsyncGenerator<Uint8Array> {
  let left = size;
  const stream = createReadStream(path, { start, end: start + size - 1, highWaterMark: BLOCK_BYTES });
  for await (const block of stream as AsyncIterable<Uint8Array>) {
    left -= block.length;
    yield block;
  }
  if (left > 0) throw changed(path);
}

/** The error for a file that is not what it was. */
export function changed(path: string, cause?: unknown): KadrError {
  const hint = "Upload it again from its beginning.";
  return new KadrError("file_changed", `${path} has changed, or cannot be read any more.`, { hint, cause });
}
