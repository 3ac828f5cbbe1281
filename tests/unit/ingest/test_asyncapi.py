"""/asyncapi.json: valid by the published schema of AsyncAPI, described, and in step with the catalogue of events."""

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator
from pydantic import SecretStr

from core.event_types import EVENT_TYPES
from core.http.openapi_document import EVENTS
from core.settings import Settings
from ingest.app import create
from studio import MODULES

PUBLISHED = MODULES / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"


@pytest.fixture(scope="module")
def whole() -> Any:
    settings = Settings(playback_keys=SecretStr(f"k1:{'ab' * 32}"), nats_subject_prefix="media.kadr")
    return json.loads(create(settings)[EVENTS])


@pytest.mark.skipif(
    not PUBLISHED.exists(), reason="the schemas of studio/package.json are not installed (make test-setup does)"
)
def test_it_is_valid(whole: Any) -> None:
    published = Draft7Validator(json.loads(PUBLISHED.read_text()))
    assert [error.message for error in published.iter_errors(whole)] == []
    broken = {**whole, "channels": {"bus": {**whole["channels"]["bus"], "messages": {"one": {"payload": 1}}}}}
    assert list(published.iter_errors(broken)), "the schema looks into messages"
    for schema in whole["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)


def test_both_channels_carry_every_event(whole: Any) -> None:
    for channel in whole["channels"].values():
        assert {name: one["name"] for name, one in channel["messages"].items()} == {name: name for name in EVENT_TYPES}
    bus = whole["channels"]["bus"]
    assert (bus["address"], bus["parameters"]["type"]["enum"]) == ("media.kadr.{type}", list(EVENT_TYPES))


def test_every_message_names_its_own_schemas(whole: Any) -> None:
    schemas = whole["components"]["schemas"]
    assert len(schemas) > 2 * len(EVENT_TYPES), "envelopes, data, and what is part of data"
    for name, one in EVENT_TYPES.items():
        envelope = schemas[whole["channels"]["webhooks"]["messages"][name]["payload"]["$ref"].rpartition("/")[2]]
        assert envelope["properties"]["type"]["const"] == name
        assert envelope["properties"]["object"]["properties"]["type"]["const"] == one.object_type
        data = schemas[envelope["properties"]["data"]["$ref"].rpartition("/")[2]]
        assert set(data["properties"]) == {*one.model_fields, "sequence"}
        assert data["additionalProperties"] is False


def test_references_lead_somewhere(whole: Any) -> None:
    found: list[str] = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            found.extend([value["$ref"]] if "$ref" in value else [])
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(whole)
    assert len(found) > 50
    for reference in found:
        at = whole
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


def test_everything_is_described(whole: Any) -> None:
    schemas = whole["components"]["schemas"]
    properties = {
        f"{name}.{key}": spec for name, one in schemas.items() for key, spec in one.get("properties", {}).items()
    }
    assert len(properties) > 100
    assert [name for name, spec in properties.items() if not (spec.get("description") or "$ref" in spec)] == []
    for name, one in whole["channels"]["bus"]["messages"].items():
        assert one["summary"].endswith("."), name
