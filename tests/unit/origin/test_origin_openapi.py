"""The origin's /openapi.json: valid, described, and complete for everything that somebody writes a URL of."""

import json
import re
from typing import Any

import pytest
from aiohttp import web
from openapi_spec_validator import validate
from pydantic import SecretStr

from core.http.openapi_document import DOCUMENT
from core.settings import Settings
from origin.app import create

KEYS = SecretStr(f"k1:{'ab' * 32}")
FOLLOWED = ("/s/", "/t/", "/v/", "/key/", "/by/")  # by players: nobody writes these URLs
NOT_PLAYBACK = {
    *("/", "/openapi.json", "/static", "/health/live", "/health/ready", "/metrics", "/watch", "/watch/"),
    *("/robots.txt", "/sitemap.xml", "/sitemaps/videos-{number}.xml", "/{key}.txt"),  # for crawlers
    *("/videos", "/{lang}/videos", "/{lang}/watch/{playback_id}"),  # pages, as /watch/{playback_id} in another language
}


@pytest.fixture(scope="module")
def app() -> web.Application:
    return create(Settings(playback_keys=KEYS, delivery_keys=KEYS, origin_public_url="https://media.example.org"))


@pytest.fixture(scope="module")
def whole(app: web.Application) -> dict[str, Any]:
    return json.loads(app[DOCUMENT])  # type: ignore[no-any-return]


def test_it_is_valid(whole: dict[str, Any]) -> None:
    validate(whole)
    assert whole["servers"] == [{"url": "https://media.example.org"}]


def test_every_public_route_is_in_it(app: web.Application, whole: dict[str, Any]) -> None:
    routes = {route.resource.canonical for route in app.router.routes() if route.resource}
    public = {path for path in routes - NOT_PLAYBACK if not path.startswith(FOLLOWED)}
    assert len(public) > 10
    assert set(whole["paths"]) == public


def test_all_of_it_is_described(whole: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in whole["tags"]}
    operations = [one for by_method in whole["paths"].values() for one in by_method.values()]
    assert len(operations) > 10
    assert {one["tags"][0] for one in operations} == tags
    assert [one["summary"] for one in operations if not re.fullmatch(r"[A-Z].*[^,:;]\.", one["summary"])] == []
    assert len({one["operationId"] for one in operations}) == len(operations)
    parameters = [parameter for one in operations for parameter in one["parameters"]]
    assert [parameter for parameter in parameters if not parameter["description"]] == []
