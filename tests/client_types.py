"""The types of clients/js, written from the schemas of the API's OpenAPI document: `make client-types`.

The file is committed, so that the package is built without Python. Its first lines have two digests: of the schemas it
was written from, and of the rest of the file. tests/unit/clients/test_js_types.py compares both.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from core.event_types import EVENT_TYPES
from core.settings import Settings
from ingest import asyncapi
from ingest.app import create
from ingest.openapi import document
from tests.node import npm

PACKAGE = Path(__file__).parents[1] / "clients" / "js"
TYPES = PACKAGE / "src" / "openapi.ts"


def schemas() -> dict[str, Any]:
    """All schemas of the API, and those of its events, without what types do not say."""
    api = document(create(Settings(playback_keys=SecretStr(f"k1:{'ab' * 32}"))), "1")["components"]["schemas"]
    events = _events()
    assert not api.keys() & events.keys(), "the same name for a schema of the API and for one of events"
    return {name: _plain(schema) for name, schema in {**api, **events}.items()}


def _events() -> dict[str, Any]:
    """The schemas of /asyncapi.json, and one for any event, so that a comparison of `type` tells the data."""
    found: dict[str, Any] = asyncapi.document("1", "kadr")["components"]["schemas"]
    any_of_them = [{"$ref": f"#/components/schemas/{model.__name__}Event"} for model in EVENT_TYPES.values()]
    return {**found, "KadrEvent": {"oneOf": any_of_them}}


def _plain(value: Any) -> Any:
    """Without generated titles, defaults of null, and the forms that a string may have."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    silent = {"title"} if isinstance(value.get("title"), str) else set()
    silent |= {"default"} if value.get("default", "") is None else set()
    silent |= {"anyOf"} if value.get("type") == "string" else set()
    return {key: _plain(one) for key, one in value.items() if key not in silent}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_schemas() -> str:
    return digest(json.dumps(schemas(), sort_keys=True))


def heading(schemas_digest: str, body: str) -> str:
    """The first lines of the file."""
    return (
        f"// Written by `make client-types`: do not edit. Schemas: {schemas_digest}\n// What follows: {digest(body)}\n"
    )


def main() -> None:
    """Install the generator where it is not yet, and write the file."""
    if not (PACKAGE / "node_modules" / "openapi-typescript").is_dir():
        npm("ci", "--silent", "--ignore-scripts", cwd=PACKAGE)
    source = PACKAGE / "openapi.json"
    empty = {"openapi": "3.1.0", "info": {"title": "Kadr", "version": "1"}, "paths": {}}
    source.write_text(json.dumps({**empty, "components": {"schemas": schemas()}}))
    try:
        npm("run", "--silent", "types", cwd=PACKAGE)
    finally:
        source.unlink()
    body = TYPES.read_text()
    TYPES.write_text(heading(digest_of_schemas(), body) + body)


if __name__ == "__main__":
    main()
