"""The types of the client are those of the API, field by field: no field, value or null is missing or made up."""

from typing import Any, get_type_hints

import pytest
from pydantic import BaseModel, TypeAdapter

from ingest.bodies import events, requests, responses, webhooks
from ingest.bodies.playback_requests import NewToken
from kadr_client.shapes import asset, event, fields, upload

# What tells people, and forms of strings: types have neither.
TOLD = {"title", "description", "examples", "format", "additionalProperties", "default", "required"}


def schema(of: Any) -> Any:
    """What a type says of JSON, without what is only told, and with every type written out."""
    if isinstance(of, type) and issubclass(of, BaseModel):
        whole = of.model_json_schema(mode="serialization", by_alias=True)
    else:
        whole = TypeAdapter(of).json_schema(mode="serialization")
    named = whole.pop("$defs", {})

    def plain(part: Any) -> Any:
        if isinstance(part, list):
            return [plain(one) for one in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return plain(named[part["$ref"].rpartition("/")[2]])
        if "const" in part:
            return {"enum": [part["const"]], "type": "string"}
        if isinstance(part.get("properties"), dict):
            return {name: plain(one) for name, one in part["properties"].items()}
        kept = {name: plain(one) for name, one in part.items() if name not in TOLD}
        if isinstance(values := kept.get("enum"), list):
            kept["enum"] = sorted(values)
        if isinstance(extra := part.get("additionalProperties"), dict):
            kept["values"] = plain(extra)
        return kept

    return plain(whole)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (asset.Asset, responses.AssetShape),
        (asset.Track, responses.TrackShape),
        (upload.Upload, responses.Upload),
        (upload.PlaybackToken, responses.Token),
        (upload.UploadToken, responses.UploadTokenShape),
        (event.Event, events.EventShape),
        (event.NewWebhookEndpoint, webhooks.WebhookEndpointWithSecret),
        (event.DeliveryDetails, webhooks.DeliveryDetails),
    ],
)
def test_answers(ours: Any, theirs: type[BaseModel]) -> None:
    told = schema(theirs)
    assert len(told) > 1
    assert schema(ours) == told


def values_of(part: Any) -> set[str]:
    """The strings that a schema lists anywhere."""
    if isinstance(part, dict):
        own = part["enum"] if "enum" in part else [part["const"]] if "const" in part else []
        return {one for one in own if isinstance(one, str)}.union(*map(values_of, part.values()))
    return set().union(*map(values_of, part)) if isinstance(part, list) else set()


FILE = {"filename", "size_bytes", "content_type", "sha256"}


@pytest.mark.parametrize(
    ("ours", "theirs", "apart"),
    [
        (fields.AssetFields, requests.NewUpload, FILE),
        (fields.AssetFields, requests.NewPull, {"input_url", "clip_of", "start_s", "end_s"}),
        (fields.AssetChanges, requests.AssetChanges, set()),
        (fields.TokenLimits, NewToken, set()),
        (fields.UploadTerms, requests.NewUploadToken, set()),
        (fields.EndpointChanges, webhooks.WebhookEndpointChanges, set()),
        (fields.NewWatermark, requests.NewWatermark, set()),
        (fields.NewClip, requests.Clip, set()),
        (fields.NewChapter, requests.NewChapter, set()),
    ],
)
def test_requests(ours: Any, theirs: type[BaseModel], apart: set[str]) -> None:
    hints = get_type_hints(ours)
    assert set(hints) == set(theirs.model_fields) - apart
    listed = {name: values_of(TypeAdapter(hint).json_schema()) for name, hint in hints.items()}
    wanted = {name: values_of(schema_of_field(theirs, name)) for name in hints}
    assert {name: values for name, values in listed.items() if values} == {
        name: values for name, values in wanted.items() if listed[name]
    }


def schema_of_field(model: type[BaseModel], name: str) -> Any:
    """One field, with the types that it names."""
    whole = model.model_json_schema()
    field = whole["properties"][name]
    named = [
        whole["$defs"][ref] for ref in whole.get("$defs", {}) if f'"#/$defs/{ref}"' in str(field).replace("'", '"')
    ]
    return [field, *named]
