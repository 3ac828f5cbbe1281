"""Assets: what each call sends, lists page after page, and how one is waited for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kadr_client import AssetErrored, Kadr, KadrError
from kadr_client.assets import SLOWEST_POLL_S, poll_pause_s
from tests.small_kadr import SmallKadr

SHOW = "GET /v1/assets/as_1"


def asset(status: str, **more: Any) -> dict[str, Any]:
    return {"data": {"id": "as_1", "status": status, "error": None, **more}}


async def test_a_list_is_read_page_after_page(server: SmallKadr, kadr: Kadr) -> None:
    server.answers["GET /v1/assets"] = [
        {"data": [{"id": "as_1"}, {"id": "as_2"}], "next_cursor": "as_2"},
        {"data": [{"id": "as_3"}], "next_cursor": None},
    ]
    found = [one["id"] async for one in kadr.assets.list(status="ready", ref="product:42", page_size=2)]
    assert found == ["as_1", "as_2", "as_3"]
    asked = {"status": "ready", "ref": "product:42", "limit": "2"}
    assert [seen.query for seen in server.seen] == [asked, {**asked, "cursor": "as_2"}]


async def test_no_more_pages_than_are_needed(server: SmallKadr, kadr: Kadr) -> None:
    server.answers["GET /v1/assets"] = [{"data": [{"id": "as_1"}, {"id": "as_2"}], "next_cursor": "as_2"}]
    async for one in kadr.assets.list():
        assert one["id"] == "as_1"
        break
    assert len(server.seen) == 1


async def test_what_each_call_sends(server: SmallKadr, kadr: Kadr) -> None:
    for name in ("POST /v1/assets", "PATCH /v1/assets/as_1"):
        server.answers[name] = [asset("processing")]
    await kadr.assets.create(input_url="https://example.org/a.mp4", title="A", idempotency_key="mine")
    await kadr.assets.create_clip("as_1", 1.5, 3, policy="signed")
    at = datetime(2026, 11, 30, 12, tzinfo=UTC)
    await kadr.assets.update("as_1", metadata={"course": "Algebra"}, published_at=at, ref=None)
    pull, clip, change = server.seen
    assert pull.json == {"input_url": "https://example.org/a.mp4", "title": "A"}
    assert pull.headers["Idempotency-Key"] == "mine"
    assert clip.json == {"clip_of": "as_1", "start_s": 1.5, "end_s": 3, "policy": "signed"}
    assert change.json == {
        "metadata": {"course": "Algebra"},
        "published_at": "2026-11-30T12:00:00+00:00",
        "ref": None,
    }


async def test_a_time_without_a_zone_is_no_instant(kadr: Kadr) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await kadr.assets.update("as_1", published_at=datetime(2026, 11, 30))


async def test_waiting_until_it_is_ready(server: SmallKadr, kadr: Kadr) -> None:
    server.answers[SHOW] = [asset("processing"), asset("playable"), asset("playable"), asset("ready", title="A")]
    seen: list[str] = []
    ready = await kadr.wait("as_1", on_poll=lambda one: seen.append(one["status"]))
    assert ready["title"] == "A"
    assert seen == ["processing", "playable", "playable", "ready"]


async def test_waiting_until_it_can_be_watched(server: SmallKadr, kadr: Kadr) -> None:
    server.answers[SHOW] = [asset("processing"), asset("playable")]
    assert (await kadr.wait("as_1", until="playable"))["status"] == "playable"
    server.answers[SHOW] = [asset("ready")]
    assert (await kadr.wait("as_1", until="playable"))["status"] == "ready"


async def test_waiting_for_what_has_failed(server: SmallKadr, kadr: Kadr) -> None:
    error = {"code": "not_media", "message": "It is no video.", "hint": "Choose another file."}
    server.answers[SHOW] = [asset("errored", error=error)]
    with pytest.raises(AssetErrored) as failed:
        await kadr.wait("as_1")
    assert (failed.value.code, failed.value.hint, failed.value.asset["id"]) == ("not_media", error["hint"], "as_1")


async def test_waiting_for_so_long_only(server: SmallKadr, kadr: Kadr) -> None:
    server.answers[SHOW] = [asset("processing")]
    with pytest.raises(TimeoutError):
        await kadr.wait("as_1", timeout_s=0.05)


def test_a_long_wait_costs_few_polls() -> None:
    elapsed_s, polls = 0.0, 0
    while elapsed_s < 720:  # four a second were 2880
        elapsed_s += poll_pause_s(elapsed_s)
        polls += 1
    assert polls < 250
    assert poll_pause_s(10_000) == SLOWEST_POLL_S


async def test_a_token_for_a_viewer(server: SmallKadr, kadr: Kadr) -> None:
    server.answers["POST /v1/playback_ids/pb_2/token"] = [{"data": {"token": "t"}}]
    ids = [{"id": "pb_1", "policy": "public"}, {"id": "pb_2", "policy": "signed"}]
    server.answers[SHOW] = [asset("ready", playback_ids=ids), asset("ready", playback_ids=ids[:1])]
    assert (await kadr.playback_tokens.create("pb_2", viewer="user-17", ttl_s=600))["token"] == "t"
    assert server.seen[-1].json == {"viewer": "user-17", "ttl_s": 600}
    assert (await kadr.playback_tokens.create("as_1"))["token"] == "t"
    with pytest.raises(KadrError, match="not_signed"):
        await kadr.playback_tokens.create("as_1")


async def test_a_token_for_an_upload(server: SmallKadr, kadr: Kadr) -> None:
    server.answers["POST /v1/upload_tokens"] = [{"data": {"token": "ut_1", "expires_at": "2026-11-30T13:00:00Z"}}]
    token = await kadr.upload_tokens.create(ref="lesson:1", origins=["https://school.example"], expires_s=600)
    assert token["token"] == "ut_1"
    assert server.seen[-1].json == {"ref": "lesson:1", "origins": ["https://school.example"], "expires_s": 600}
