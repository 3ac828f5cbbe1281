"""One call of the API: what is sent, what is repeated, and what an error says."""

import pytest
from aiohttp import web

from kadr_client import ApiError, Kadr, KadrError, NoAnswer
from tests.lone_origin import free_port
from tests.small_kadr import KEY, SmallKadr, problem

GOOD = {"data": {"id": "as_1"}}


async def test_a_call_has_the_key_and_gives_the_data(server: SmallKadr, kadr: Kadr) -> None:
    server.answers["GET /v1/assets/as_1"] = [GOOD]
    assert await kadr.assets.get("as_1") == {"id": "as_1"}
    (seen,) = server.seen
    assert seen.headers["Authorization"] == f"Bearer {KEY}"
    assert seen.headers["User-Agent"].startswith("kadr-client/")
    assert "Idempotency-Key" not in seen.headers


@pytest.mark.parametrize("fault", [500, 502, 503, 429, 408, "lost before", "lost after"])
async def test_what_may_pass_is_repeated_with_the_same_key(server: SmallKadr, kadr: Kadr, fault: int | str) -> None:
    name = "POST /v1/assets/as_1/retry"
    server.answers[name] = [GOOD]
    server.faults[name] = [fault, fault]
    assert await kadr.call("POST", "/v1/assets/as_1/retry") == {"id": "as_1"}
    keys = {seen.headers["Idempotency-Key"] for seen in server.named(name)}
    assert len(keys) == 1
    await kadr.call("POST", "/v1/assets/as_1/retry")
    assert server.seen[-1].headers["Idempotency-Key"] not in keys


async def test_retry_after_is_respected(server: SmallKadr, kadr: Kadr, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("kadr_client.transport.asyncio.sleep", sleep)
    server.answers["GET /v1/assets/as_1"] = [GOOD]
    asked = web.Response(status=429, headers={"Retry-After": "7"})
    server.faults["GET /v1/assets/as_1"] = [asked]
    await kadr.assets.get("as_1")
    assert waited == [7.0]


async def test_an_error_says_everything_and_is_not_repeated(server: SmallKadr, kadr: Kadr) -> None:
    errors = [{"pointer": "/ref", "code": "invalid", "detail": "No."}]
    server.answers["PATCH /v1/assets/as_1"] = [problem(422, "invalid", hint="Do.", pointer="/ref", errors=errors)]
    with pytest.raises(ApiError) as refused:
        await kadr.assets.update("as_1", ref="?")
    error = refused.value
    assert (error.status, error.code, error.detail, error.hint) == (422, "invalid", "It was told to.", "Do.")
    assert (error.request_id, error.pointer, error.errors) == ("0123456789abcdef", "/ref", tuple(errors))
    assert str(error) == "invalid: It was told to. Do."
    assert len(server.seen) == 1


async def test_after_the_last_try_the_error_is_that_of_the_last(server: SmallKadr, kadr: Kadr) -> None:
    server.faults["GET /v1/assets/as_1"] = [500] * 4 + [web.Response(status=502, text="<html>")]
    with pytest.raises(ApiError) as refused:
        await kadr.assets.get("as_1")
    assert (refused.value.code, refused.value.status) == ("http_502", 502)
    assert len(server.seen) == 5


async def test_an_api_that_was_there_is_waited_for_longer(server: SmallKadr) -> None:
    server.answers["GET /v1/assets/as_1"] = [GOOD]
    async with Kadr(server.url, KEY, tries=2, tries_later=6) as kadr:
        server.faults["GET /v1/assets/as_1"] = [502, 503]  # of a proxy with nobody behind it
        with pytest.raises(ApiError):
            await kadr.assets.get("as_1")
        await kadr.assets.get("as_1")
        server.faults["GET /v1/assets/as_1"] = [502, 503, "lost before", 502, 503]
        assert await kadr.assets.get("as_1") == {"id": "as_1"}


async def test_nobody_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with Kadr(url, KEY, tries=2) as kadr:
        with pytest.raises(NoAnswer, match=f"^no_answer: {url} does not answer") as lost:
            await kadr.assets.get("as_1")
    assert (lost.value.status, lost.value.code) == (0, "no_answer")


async def test_an_attempt_that_takes_too_long_is_made_again(server: SmallKadr) -> None:
    server.answers["GET /v1/assets/as_1"] = [GOOD]
    server.faults["GET /v1/assets/as_1"] = ["hangs"]
    async with Kadr(server.url, KEY, timeout_s=0.1) as kadr:
        assert await kadr.assets.get("as_1") == {"id": "as_1"}


async def test_a_deletion_whose_answer_was_lost_is_done(server: SmallKadr, kadr: Kadr) -> None:
    server.answers["DELETE /v1/assets/as_1"] = [web.Response(status=204), problem(404, "not_found")]
    server.faults["DELETE /v1/assets/as_1"] = ["lost after"]
    await kadr.assets.delete("as_1")
    assert len(server.seen) == 2
    with pytest.raises(ApiError, match="not_found"):
        await kadr.assets.delete("as_1")


@pytest.mark.parametrize(
    "answer", [web.Response(text="<html>"), web.json_response([1]), web.Response(status=301, headers={"Location": "/"})]
)
async def test_something_else_than_kadr_has_answered(server: SmallKadr, kadr: Kadr, answer: web.Response) -> None:
    server.faults["GET /v1/assets/as_1"] = [answer]
    with pytest.raises(KadrError):
        await kadr.assets.get("as_1")
    assert len(server.seen) == 1


@pytest.mark.parametrize(("url", "key"), [("video.example.com", KEY), ("", KEY), ("https://video.example.com", "")])
def test_what_cannot_be_meant(url: str, key: str) -> None:
    with pytest.raises(ValueError, match="api_"):
        Kadr(url, key)


async def test_a_client_that_is_not_open() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Kadr("https://video.example.com", KEY).assets.get("as_1")
