// One PUT of part of a file, not repeated. By node:http, since fetch would send a stream without its length, which the
// URLs of storage require.
import * as http from "node:http";
import * as https from "node:https";
import { once } from "node:events";
import { pipeline } from "node:stream/promises";

const MOST_ANSWER_BYTES = 4096;

export interface Answer {
  status: number;
  text: string;
  retryAfter: string | undefined;
}

export interface PutOptions {
  signal: AbortSignal;
  /** Milliseconds after which a connection on which nothing moves is given up. */
  stallMs: number;
  /** Called with the number of bytes of each block as it is sent. */
  moved(bytes: number): void;
}

/** Send `size` bytes. Rejects where there is no answer, or with what `blocks` or `moved` throws. */
export async function put(
  url: string,
  blocks: AsyncIterable<Uint8Array>,
  size: number,
  { signal, stallMs, moved }: PutOptions,
): Promise<Answer> {
  const { request } = url.startsWith("https:") ? https : http;
  const sent = request(url, { method: "PUT", headers: { "Content-Length": size }, signal, timeout: stallMs });
  sent.on("timeout", () => sent.destroy(new Error(`nothing moved for ${stallMs / 1000} s`)));
  const answered = once(sent, "response") as Promise<[http.IncomingMessage]>;
  const counted = async function* () {
    for await (const block of blocks) {
      yield block;
      moved(block.length);
    }
  };
  sent.on("error", () => {}); // after the answer nobody waits for one
  pipeline(counted, sent).catch(() => {}); // what it throws, `sent` emits
  const [answer] = await answered;
  let text = "";
  for await (const block of answer.setEncoding("utf8")) {
    if (text.length < MOST_ANSWER_BYTES) text += block;
  }
  if (!sent.writableFinished) sent.destroy(); // refused before all of it was sent
  return { status: answer.statusCode ?? 0, text, retryAfter: answer.headers["retry-after"] };
}
