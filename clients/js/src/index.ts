export type { CallOptions, Settings } from "./api.ts";
export type { Assets, WaitOptions } from "./assets.ts";
export { KadrError } from "./error.ts";
export type { EventPage, EventQuery, Events } from "./events.ts";
export { Kadr } from "./kadr.ts";
export type * from "./openapi.ts";
export type {
  AssetShape as Asset,
  DeliveryShape as Delivery,
  UploadTokenShape as UploadToken,
  WebhookEndpointShape as WebhookEndpoint,
} from "./openapi.ts";
export type { Progress } from "./part_sender.ts";
export type { PlaybackTokens, UploadTokens } from "./tokens.ts";
export type { BegunUpload, BeginOptions, FinishOptions, UploadFields, Uploads } from "./uploads.ts";
export { type VerifyOptions, verifyWebhook, type WebhookHeaders, WebhookRefused } from "./webhook.ts";
export type { WebhookEndpoints } from "./webhook_endpoints.ts";
