// Webhook endpoints: where Kadr sends events to, and what has become of each delivery.
import type { Api } from "./api.ts";
import type {
  DeliveriesQuery,
  DeliveryDetails,
  DeliveryShape as Delivery,
  NewWebhookEndpoint,
  Redelivered,
  Redelivery,
  TestSent,
  WebhookEndpointChanges,
  WebhookEndpointShape as WebhookEndpoint,
  WebhookEndpointWithSecret,
} from "./openapi.ts";
import { pages } from "./pages.ts";

const PATH = "/v1/webhook_endpoints";

export class WebhookEndpoints {
  constructor(private readonly api: Api) {}

  /** A new endpoint with its secret, which is shown only now. Not repeated after a lost answer: list them then. */
  async create(body: NewWebhookEndpoint): Promise<WebhookEndpointWithSecret> {
    return this.api.data<WebhookEndpointWithSecret>("POST", PATH, { body, repeat: false });
  }

  /** All endpoints, the oldest first. */
  list(): AsyncGenerator<WebhookEndpoint, void, undefined> {
    return pages<WebhookEndpoint>(this.api, PATH, {});
  }

  async get(id: string): Promise<WebhookEndpoint> {
    return this.api.data<WebhookEndpoint>("GET", pathOf(id));
  }

  /** Change an endpoint; what is left out stays. `enabled: true` switches it on again. */
  async update(id: string, body: WebhookEndpointChanges): Promise<WebhookEndpoint> {
    return this.api.data<WebhookEndpoint>("PATCH", pathOf(id), { body });
  }

  async delete(id: string): Promise<void> {
    await this.api.call("DELETE", pathOf(id));
  }

  /** A new secret, shown only now; the one before signs, too, for 24 hours. `force`: also within these. */
  async rotateSecret(id: string, { force = false } = {}): Promise<WebhookEndpointWithSecret> {
    const path = `${pathOf(id)}/rotate_secret`;
    return this.api.data<WebhookEndpointWithSecret>("POST", path, { body: { force }, repeat: false });
  }

  /** Send `webhook_endpoint.test`; `delivery` of its event tells how it was answered. */
  async test(id: string): Promise<TestSent> {
    return this.api.data<TestSent>("POST", `${pathOf(id)}/test`, { body: {} });
  }

  /** Send again: one event (`event_id`), those of a time (`from`, `to`), or all that are dead (`dead: true`). */
  async redeliver(id: string, body: Redelivery): Promise<Redelivered> {
    return this.api.data<Redelivered>("POST", `${pathOf(id)}/redeliver`, { body });
  }

  /** What was sent, and what is to be, the newest first. */
  deliveries(id: string, query: Omit<DeliveriesQuery, "cursor"> = {}): AsyncGenerator<Delivery, void, undefined> {
    return pages<Delivery>(this.api, `${pathOf(id)}/deliveries`, query);
  }

  /** One delivery with all its attempts and what was answered. */
  async delivery(id: string, eventId: string): Promise<DeliveryDetails> {
    return this.api.data<DeliveryDetails>("GET", `${pathOf(id)}/deliveries/${encodeURIComponent(eventId)}`);
  }
}

function pathOf(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`;
}
