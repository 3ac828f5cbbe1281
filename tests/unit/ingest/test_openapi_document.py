"""/openapi.json for people: all of it is described, its examples are valid, and a generated client works."""

import asyncio
import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate
from pydantic import SecretStr

from core.settings import Settings
from ingest.app import create
from ingest.bodies import fields, playback_requests, requests, track_requests
from ingest.openapi import document
from ingest.posters import IMAGE_TYPES
from ingest.upload_token_scope import CALLS

SETTINGS = Settings(playback_keys=SecretStr(f"k1:{'ab' * 32}"))


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return json.loads(json.dumps(document(create(SETTINGS), "1.0", "https://api.example.org")))  # type: ignore[no-any-return]


def operations(whole: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {
        f"{method} {path}": operation
        for path, by_method in whole["paths"].items()
        for method, operation in by_method.items()
    }
    assert len(found) > 25
    return found


def test_it_is_valid_and_says_where_the_api_is(whole: dict[str, Any]) -> None:
    validate(whole)
    assert whole["servers"] == [{"url": "https://api.example.org"}]


def test_every_property_and_parameter_is_described(whole: dict[str, Any]) -> None:
    schemas = whole["components"]["schemas"]
    properties = {
        f"{name}.{key}": spec for name, one in schemas.items() for key, spec in one.get("properties", {}).items()
    }
    assert len(properties) > 200
    assert [name for name, spec in properties.items() if not spec.get("description")] == []
    parameters = {f"{name} {one['name']}": one for name, op in operations(whole).items() for one in op["parameters"]}
    assert [name for name, one in parameters.items() if not one.get("description")] == []


def test_every_call_has_a_tag_and_a_whole_sentence(whole: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in whole["tags"] if tag["description"].endswith(".")}
    for name, operation in operations(whole).items():
        assert set(operation["tags"]) <= tags, name
        assert re.fullmatch(r"[A-Z].*[^,:;]\.", operation["summary"]), name
        assert not operation["summary"].count("  "), name
    assert len(tags) > 5


def test_it_says_which_calls_an_upload_token_makes(whole: dict[str, Any]) -> None:
    found = operations(whole)
    by_token = {name for name, one in found.items() if {"upload_token": []} in one.get("security", [])}
    assert by_token == {f"{method.lower()} {path}" for method, path in CALLS}
    assert "`UploadedAsset`" in found["get /v1/assets/{asset_id}"]["description"]
    assert set(whole["components"]["schemas"]["UploadedAsset"]["properties"]) == {
        *("id", "status", "progress", "steps", "error", "advice", "playback_ids", "playback_url"),
    }


@pytest.mark.parametrize(
    "model",
    [
        requests.NewUpload,
        requests.NewUploadToken,
        requests.NewPull,
        requests.NewSource,
        playback_requests.NewToken,
        playback_requests.NewRevocation,
        playback_requests.NewPlaybackId,
        requests.AssetChanges,
        requests.Reprocess,
        requests.PosterChoice,
        track_requests.NewTrack,
    ],
)
def test_examples_are_accepted(model: type[requests.Body], whole: dict[str, Any]) -> None:
    examples = whole["components"]["schemas"][model.__name__]["examples"]
    assert examples
    for example in examples:
        model.model_validate(example)


@pytest.fixture(scope="module")
async def client(whole: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The package that openapi-python-client generates, imported."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(json.dumps(whole))
    # Bodies that are images are bytes: this generator knows no other name for them.
    octets = "".join(f"  {media}: application/octet-stream\n" for media in IMAGE_TYPES)
    (folder / "config.yaml").write_text(
        f"post_hooks: []\npackage_name_override: generated_kadr_client\ncontent_type_overrides:\n{octets}"
    )
    generator = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--meta", "none"),
        *("--path", "openapi.json", "--config", "config.yaml", "--fail-on-warning"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await asyncio.wait_for(generator.communicate(), 120)
    assert generator.returncode == 0, told.decode()[-4000:]
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"generated_kadr_client.{name}")
    sys.path.remove(str(folder))


async def test_a_generated_client_builds_requests(client: Any) -> None:
    models = client("models")
    pull = models.NewPull(input_url="https://example.org/a.mp4", ref="product:1", title="A")
    body = pull.to_dict()
    assert body["ref"] == "product:1"
    parsed = requests.NewPull.model_validate(body)
    assert fields.ref_pair(parsed.ref) == ("product", "1")
    upload = models.NewUpload(filename="a.mp4", size_bytes=3, ref="product:1").to_dict()
    assert requests.NewUpload.model_validate(upload).size_bytes == 3


async def test_a_generated_client_has_every_call(client: Any, whole: dict[str, Any]) -> None:
    found = operations(whole)
    assert found
    for operation in found.values():
        tag = operation["tags"][0].replace(" ", "_")
        module = client(f"api.{tag}.{operation['operationId']}")
        assert callable(getattr(module, "asyncio_detailed", None))
