"""The committed types of clients/js are those of the API and its events."""

from tests import client_types
from tests.client_types import TYPES, digest_of_schemas, heading


def test_the_types_are_those_of_the_api() -> None:
    """Of its schemas as they are now, and not edited since."""
    text = TYPES.read_text()
    body = text.split("\n", 2)[2]
    assert text == heading(digest_of_schemas(), body) + body, "run `make client-types`, and commit what it writes"


def test_what_a_type_of_event_says() -> None:
    schemas = client_types.schemas()
    properties = schemas["AssetErroredEvent"]["properties"]
    assert properties["type"] == {"const": "video.asset.errored"}
    assert set(properties["data"]["properties"]) == {"error", "sequence"}
    assert {"$ref": "#/components/schemas/AssetErroredEvent"} in schemas["KadrEvent"]["oneOf"]
