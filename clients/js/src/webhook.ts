// Whether a request is Kadr's webhook: https://www.standardwebhooks.com. Pure.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { KadrEvent } from "./openapi.ts";

const TOLERANCE_S = 300;
const PREFIX = "whsec_";

/** The request is not to be believed. Answer it with 400. */
export class WebhookRefused extends Error {
  override readonly name = "WebhookRefused";
}

/** `Headers`, as of a web `Request`, or the headers of Node's IncomingMessage. */
export type WebhookHeaders = { get(name: string): string | null } | Record<string, string | string[] | undefined>;

export interface VerifyOptions {
  /** How old, or how far ahead of this clock, a request may be. Default: 300 s. */
  toleranceS?: number;
  /** Default: now. */
  now?: Date;
}

/**
 * The event in the body of a webhook. Throws WebhookRefused where its signature is of none of the secrets, or too old.
 *
 * `body`: as it arrived, before any parsing. `secrets`: whsec_..., one or several, as while one takes another's place.
 * The same event may come more than once: its `id` tells.
 */
export function verifyWebhook(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  { toleranceS = TOLERANCE_S, now = new Date() }: VerifyOptions = {},
): KadrEvent {
  const keys = [secrets].flat().map(keyOf);
  if (keys.length === 0) throw new TypeError("verifyWebhook() needs a secret, whsec_...");
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature");
  const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : NaN;
  if (!(Math.abs(now.getTime() / 1000 - seconds) <= toleranceS)) {
    throw new WebhookRefused(`webhook-timestamp is ${timestamp}, more than ${toleranceS} s from now.`);
  }
  const given = signatures.split(" ").filter((one) => one.startsWith("v1,"));
  const wanted = keys.map((key) => createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest());
  const genuine = given.some((one) => wanted.some((digest) => isSame(Buffer.from(one.slice(3), "base64"), digest)));
  if (!genuine) throw new WebhookRefused("webhook-signature is of none of the secrets.");
  return eventIn(body);
}

function keyOf(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const key = Buffer.from(text, "base64");
  // Node skips what is not base64: a secret that was cut or mistyped would be another one.
  if (key.length === 0 || key.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, "")) {
    throw new TypeError("A webhook secret is whsec_ and base64, as Kadr has shown it.");
  }
  return key;
}

function isSame(given: Buffer, wanted: Buffer): boolean {
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function header(headers: WebhookHeaders, name: string): string {
  const value = isHeaders(headers) ? headers.get(name) : ownHeader(headers, name);
  if (typeof value !== "string" || value === "") throw new WebhookRefused(`${name} is missing.`);
  return value;
}

function isHeaders(headers: WebhookHeaders): headers is { get(name: string): string | null } {
  return typeof headers.get === "function";
}

function ownHeader(headers: WebhookHeaders, name: string): unknown {
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
}

function eventIn(body: string | Uint8Array): KadrEvent {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  try {
    return JSON.parse(text) as KadrEvent;
  } catch (error) {
    throw new WebhookRefused("The body is not JSON.", { cause: error });
  }
}
