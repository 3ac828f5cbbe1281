// Assets: create from a URL, read, list, change, delete, wait for.
import { randomUUID } from "node:crypto";
import type { Api } from "./api.ts";
import { KadrError } from "./error.ts";
import type { AssetChanges, AssetQuery, AssetShape as Asset, NewPull } from "./openapi.ts";
import { pages } from "./pages.ts";
import { pause } from "./pause.ts";

const FIRST_LOOK_MS = 250;
const SLOWEST_LOOK_MS = 5000;
const LOOK_SHARE = 0.1; // of the time waited so far, so that a long title costs the API little
const WITHIN_MS = 3_600_000;

export interface WaitOptions {
  /** playable: the first renditions are there; ready, the default: all of them. */
  until?: "playable" | "ready";
  /** After this long it throws KadrError `timed_out`. Default: an hour. */
  timeoutMs?: number;
  /** Called with the asset after every look. */
  onLook?(asset: Asset): void;
  signal?: AbortSignal;
}

export class Assets {
  constructor(private readonly api: Api) {}

  /** Create an asset from a file at a public URL (`input_url`), or from part of another asset (`clip_of`). */
  async create(body: NewPull, { idempotencyKey = randomUUID() }: { idempotencyKey?: string } = {}): Promise<Asset> {
    return this.api.data<Asset>("POST", "/v1/assets", { body, idempotencyKey });
  }

  async get(id: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Asset> {
    return this.api.data<Asset>("GET", pathOf(id), { signal });
  }

  /** All assets that match, page by page as they are read: `for await (const asset of kadr.assets.list())`. */
  list(query: Omit<AssetQuery, "cursor"> = {}): AsyncGenerator<Asset, void, undefined> {
    return pages<Asset>(this.api, "/v1/assets", query);
  }

  /** Change what is said of an asset; fields that are left out stay. */
  async update(id: string, body: AssetChanges): Promise<Asset> {
    return this.api.data<Asset>("PATCH", pathOf(id), { body });
  }

  async delete(id: string): Promise<void> {
    await this.api.call("DELETE", pathOf(id));
  }

  /** The asset once it is ready, or playable. Throws KadrError with the code of its error where it is errored. */
  async wait(id: string, options: WaitOptions = {}): Promise<Asset> {
    const { until = "ready", timeoutMs = WITHIN_MS, onLook, signal } = options;
    const began = Date.now();
    for (;;) {
      const asset = await this.get(id, { signal });
      onLook?.(asset);
      if (asset.status === "errored") throw erroredWith(asset);
      if (asset.status === "ready" || asset.status === until) return asset;
      const waited = Date.now() - began;
      if (waited >= timeoutMs) {
        const share = Math.round(asset.progress * 100);
        throw new KadrError("timed_out", `${id} is ${asset.status}, at ${share} %, after ${timeoutMs / 1000} s.`);
      }
      const look = Math.min(Math.max(FIRST_LOOK_MS, LOOK_SHARE * waited), SLOWEST_LOOK_MS);
      await pause(Math.min(look, timeoutMs - waited), signal);
    }
  }
}

function pathOf(id: string): string {
  return `/v1/assets/${encodeURIComponent(id)}`;
}

function erroredWith({ id, error }: Asset): KadrError {
  return new KadrError(error?.code ?? "unexpected", `${id}: ${error?.message ?? "errored"}`, { hint: error?.hint });
}
