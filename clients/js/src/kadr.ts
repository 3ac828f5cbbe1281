import { Api, type CallOptions, type Settings } from "./api.ts";
import { Assets } from "./assets.ts";
import { Events } from "./events.ts";
import { PlaybackTokens, UploadTokens } from "./tokens.ts";
import { Uploads } from "./uploads.ts";
import { WebhookEndpoints } from "./webhook_endpoints.ts";

/**
 * Kadr's API, for programs that may have its key: never in a browser.
 *
 * Calls are repeated after lost connections, 408, 425, 429 and 5xx. They throw KadrError.
 */
export class Kadr {
  readonly #api: Api;
  readonly uploads: Uploads;
  readonly assets: Assets;
  readonly playbackTokens: PlaybackTokens;
  readonly uploadTokens: UploadTokens;
  readonly events: Events;
  readonly webhookEndpoints: WebhookEndpoints;

  constructor(settings: Settings = {}) {
    const api = new Api(settings);
    this.#api = api;
    this.uploads = new Uploads(api);
    this.assets = new Assets(api);
    this.playbackTokens = new PlaybackTokens(api);
    this.uploadTokens = new UploadTokens(api);
    this.events = new Events(api);
    this.webhookEndpoints = new WebhookEndpoints(api);
  }

  /**
   * Any other call of /openapi.json: its answer as JSON. Give an `idempotencyKey`, or `repeat: false`, where it creates
   * something.
   */
  call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    return this.#api.call<T>(method, path, options);
  }
}
