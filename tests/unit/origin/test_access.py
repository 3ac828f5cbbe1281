"""Refusals that endpoints of the origin share: status and code of each, decided in one place."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from core.caching.refreshing_cache import RefreshingCache
from core.db import revocations
from core.db.playback_ids import Published
from core.errors import ObjectMissing
from core.http.problems import Problem
from core.model import AssetId, AssetStatus, OwnerId, PlaybackId, Policy, RevisionId
from origin import access
from origin.cdn.signers import kadr as kadr_token
from origin.context import PREFLIGHT, Context

PLAYBACK, ASSET, OWNER = PlaybackId("pb_1"), AssetId("as_1"), OwnerId("ow_1")
KEYS = {"k1": b"1" * 32}
PATTERN = re.compile(r"/s/(?P<token>[a-z0-9.]+)(?P<prefix>/v/as_1/)")


def published(**changes: Any) -> Published:
    facts: dict[str, Any] = {
        "policy": Policy.PUBLIC,
        "asset_id": ASSET,
        "owner_id": OWNER,
        "revision_id": RevisionId("ab"),
        "title": "A title",
        "status": AssetStatus.READY,
        "deleted": False,
        "taken_down": False,
        "allowed_domains": (),
    }
    return Published(**{**facts, **changes})


def context(*revoked: str) -> Context:
    async def read_published(playback_id: PlaybackId) -> Published | None:
        return published() if playback_id == PLAYBACK else None

    async def read_manifest(_: object) -> object:
        raise ObjectMissing

    return cast(
        Context,
        SimpleNamespace(
            revoked=set(revoked),
            delivery_keys=KEYS,
            published=RefreshingCache(read_published, name="published"),
            manifests=RefreshingCache(read_manifest, name="manifests"),
        ),
    )


def refusal(problem: Problem) -> tuple[int, str]:
    return problem.status, problem.code


@pytest.mark.parametrize("path", ["/s/a/v/as_2/", "/s/%61/v/as_1/", "/s/a/v/as_1/../", "/s//v/as_1/", ""])
def test_a_path_of_another_spelling_is_refused(path: str) -> None:
    with pytest.raises(Problem, match="Malformed media path") as refused:
        access.media_path(cast(web.Request, SimpleNamespace(raw_path=path)), PATTERN)
    assert refusal(refused.value) == (403, "path_refused")


def test_the_query_is_no_part_of_the_path() -> None:
    request = cast(web.Request, SimpleNamespace(raw_path="/s/a/v/as_1/?CMCD=bs"))
    assert access.media_path(request, PATTERN)["token"] == "a"


def test_delivery_tokens() -> None:
    token = kadr_token.token("/v/as_1/", 4_000_000_000, KEYS)
    access.check_delivery_token(context(), token, "/v/as_1/")
    with pytest.raises(Problem) as refused:
        access.check_delivery_token(context(), kadr_token.token("/v/as_1/", 1, KEYS), "/v/as_1/")
    assert refusal(refused.value) == (403, "token_expired")
    expired = kadr_token.token("/v/as_1/", 1, {"k1": b"2" * 32})  # not by our key
    for other_token, prefix in ((token, "/v/as_2/"), (expired, "/v/as_1/"), ("", "/")):
        with pytest.raises(Problem) as refused:
            access.check_delivery_token(context(), other_token, prefix)
        assert refusal(refused.value) == (403, "token_refused")


def test_the_edge_lets_pages_send_what_the_origin_lets_them_send() -> None:
    """The usual headers of players and of tracing by name, and by a star whatever else there is."""
    edge = (Path(__file__).parents[3] / "deploy/edge/nginx.conf").read_text()
    allowed = PREFLIGHT["Access-Control-Allow-Headers"]
    assert f'add_header Access-Control-Allow-Headers "{allowed}" always;' in edge
    assert {name.lower() for name in allowed.split(", ")} >= {
        *("range", "authorization", "cache-control", "pragma", "traceparent", "content-type", "*"),
        *("cmcd-object", "cmcd-request", "cmcd-session", "cmcd-status"),
    }


async def test_an_unknown_playback_id() -> None:
    assert await access.find_published(context(), PLAYBACK) == published()
    with pytest.raises(Problem) as refused:
        await access.find_published(context(), PlaybackId("pb_2"))
    assert refusal(refused.value) == (404, "not_found")


def test_a_removed_title() -> None:
    access.check_available(context(), published())
    for where, title in (
        (context(), published(deleted=True)),
        (context(), published(taken_down=True)),
        (context(revocations.asset(ASSET)), published()),
    ):
        with pytest.raises(Problem) as refused:
            access.check_available(where, title)
        assert refusal(refused.value) == (410, "gone")


def test_a_revoked_session_and_a_revoked_viewer() -> None:
    session, viewer = revocations.session(PLAYBACK, "5e"), revocations.viewer(OWNER, "u1")
    access.check_not_revoked(context(session), published(), PLAYBACK, "5f", "u1")
    access.check_not_revoked(context(viewer), published(), PLAYBACK, "5e", None)
    for subject in (session, viewer):
        with pytest.raises(Problem) as refused:
            access.check_not_revoked(context(subject), published(), PLAYBACK, "5e", "u1")
        assert refusal(refused.value) == (403, "revoked")


async def test_what_is_missing() -> None:
    with pytest.raises(Problem) as refused:
        await access.ready_manifest(context(), ASSET, RevisionId("ab"))
    assert refusal(refused.value) == (404, "not_ready")
    with pytest.raises(Problem) as refused, access.missing_is_removed():
        raise ObjectMissing
    assert refusal(refused.value) == (410, "gone")


async def test_what_was_just_made_is_found_at_the_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "SEEN_WITHIN_S", 0.0)
    answers: list[str | None] = [None, "made"]

    async def look() -> str | None:
        return answers.pop(0)

    assert await access.look_twice(look) == "made"
    answers += ["made", None]
    assert await access.look_twice(look) == "made"
    assert answers == [None], "what is there is not looked for again"
    answers += [None]
    assert await access.look_twice(look) is None
