"""/asyncapi.json: every event as AsyncAPI 3.0, generated from the catalogue of events. Pure.

Two channels carry the same messages: requests to webhook endpoints, and the event bus on NATS JetStream.
"""

from typing import Any

from pydantic.json_schema import models_json_schema

from core.event_types import EVENT_TYPES, EventData
from core.http.openapi_document import sentences

_Schema = dict[str, Any]
_SCHEMAS = "#/components/schemas/"
_DESCRIPTION = (
    "What happens to uploads, videos and their tracks. Events are thin: they say what has changed, and whoever needs "
    "more reads the object from the API. Delivery is at least once: the event's `id` tells repeats apart, and "
    "`data.sequence` grows from event to event of one asset. The feed of an account, `GET /v1/events` in "
    "/openapi.json, answers with the same envelopes. Later releases may add types and fields: ignore what you do not "
    "know."
)
_SEQUENCE = {"type": "integer", "description": "Grows from event to event of one asset: the greater one is newer"}
_SIGNATURE = (
    "Signatures after Standard Webhooks, separated by spaces, each `v1,` and base64: HMAC-SHA256 over "
    "`{webhook-id}.{webhook-timestamp}.{body}`, with the bytes that the part of the endpoint's secret after `whsec_` "
    "encodes as base64. While a secret is being rotated there are two. Refuse a request without a valid one, and one "
    "whose timestamp is more than five minutes away."
)
_WEBHOOK_HEADERS = {
    "webhook-id": "The event's id, the same in every attempt",
    "webhook-timestamp": "When this attempt was made, in seconds since 1970",
    "webhook-signature": _SIGNATURE,
}
_BUS_HEADERS = {
    "Nats-Msg-Id": "The event's id, by which JetStream drops repeats",
    "Kadr-Owner": "Id of the account that the object belongs to",
}


def document(version: str, subject_prefix: str) -> dict[str, Any]:
    """The document of this release. `subject_prefix`: what subjects of the event bus begin with."""
    _, definitions = models_json_schema(
        [(one, "validation") for one in EVENT_TYPES.values()], ref_template=f"{_SCHEMAS}{{model}}"
    )
    data = {name: _data(name, schema) for name, schema in definitions["$defs"].items()}
    envelopes = {f"{one.__name__}Event": _envelope(one) for one in EVENT_TYPES.values()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Kadr events", "version": version, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {
            "webhooks": {
                "title": "Webhooks",
                "description": "POST requests to the endpoints that an account has registered. Answer 2xx within 15 s.",
                "messages": _messages("webhook"),
            },
            "bus": {
                "title": "Event bus",
                "address": f"{subject_prefix}.{{type}}",
                "description": "Subjects of NATS JetStream, for the events of all accounts, where the operator has set "
                "KADR_NATS_URL.",
                "parameters": {"type": {"description": "Type of the event", "enum": list(EVENT_TYPES)}},
                "messages": _messages("bus"),
            },
        },
        "operations": {
            "sendToEndpoints": {
                "action": "send",
                "channel": {"$ref": "#/channels/webhooks"},
                "summary": "Kadr sends each event to the endpoints whose patterns match its type.",
                "security": [{"$ref": "#/components/securitySchemes/signature"}],
                "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            },
            "publishToBus": {
                "action": "send",
                "channel": {"$ref": "#/channels/bus"},
                "summary": "Kadr publishes each event to the subject of its type.",
            },
        },
        "components": {
            "messageTraits": {
                "webhook": {"headers": _headers(_WEBHOOK_HEADERS)},
                "bus": {"headers": _headers(_BUS_HEADERS)},
            },
            "schemas": {**envelopes, **data},
            "securitySchemes": {
                "signature": {
                    "type": "httpApiKey", "in": "header", "name": "webhook-signature", "description": _SIGNATURE,
                },
            },
        },
    }  # fmt: skip


def _messages(trait: str) -> dict[str, Any]:
    """The messages of a channel, by the types of their events."""
    messages = {}
    for name, one in EVENT_TYPES.items():
        summary, description = sentences(one.__doc__)
        messages[name] = {
            "name": name,
            "title": name,
            "summary": summary,
            **({"description": description} if description else {}),
            "payload": {"$ref": f"{_SCHEMAS}{one.__name__}Event"},
            "traits": [{"$ref": f"#/components/messageTraits/{trait}"}],
        }
    return messages


def _data(name: str, schema: _Schema) -> _Schema:
    """The schema of an event's data as it is told; of what is part of it, such as an error, as it is."""
    if name not in {one.__name__ for one in EVENT_TYPES.values()}:
        return schema
    return {
        **schema,
        "properties": {**schema.get("properties", {}), "sequence": _SEQUENCE},
        "required": [*schema.get("required", ()), "sequence"],
    }


def _envelope(one: type[EventData]) -> _Schema:
    moment = {"type": "string", "format": "date-time"}
    return _object(
        {
            "id": {"type": "string", "pattern": "^ev_[0-9a-z]+$", "description": "Id of the event, in every delivery"},
            "type": {"const": one.type, "description": "Type of the event"},
            "created_at": {**moment, "description": "When it happened"},
            "timestamp": {**moment, "description": "The same as `created_at`, as Standard Webhooks names it"},
            "object": {
                **_object(
                    {
                        "type": {"const": one.object_type, "description": "Kind of the object"},
                        "id": {"type": "string", "description": "Id of the object"},
                    }
                ),
                "description": "What the event is about",
            },
            "data": {"$ref": f"{_SCHEMAS}{one.__name__}"},
        }
    )


def _object(properties: dict[str, _Schema]) -> _Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _headers(described: dict[str, str]) -> _Schema:
    properties = {name: {"type": "string", "description": text} for name, text in described.items()}
    return {"type": "object", "properties": properties, "required": list(properties)}
