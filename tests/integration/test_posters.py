"""Pictures of a title through both doors: found, chosen by a person, served with the right life, never in the way."""

import asyncio
import io
import json
import re
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import av
import pytest

from tests import runs
from tests.catalogue import clip_file
from tests.stack import PLAIN, Stack
from tests.web import Answer, fetch, json_of, refused

WITHIN_S = 90
FOR_GOOD = "public, max-age=31536000, s-maxage=60, immutable"
FOR_NOW = "public, max-age=60"


@pytest.fixture(scope="module")
def scenes() -> Path:
    return clip_file("scenes")


@pytest.fixture(scope="module")
async def asset(stack: Stack, scenes: Path) -> Any:
    return await with_pictures(stack, await stack.upload(scenes, **PLAIN))


async def with_pictures(stack: Stack, asset_id: str) -> Any:
    """The asset once it is ready and its pictures are made."""
    await stack.wait(asset_id, "ready")
    return await until(stack, asset_id, "", lambda asset: asset["poster_url"] is not None)


async def until(stack: Stack, asset_id: str, below: str, good: Any) -> Any:
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while True:
        _, body = await stack.api("GET", f"/v1/assets/{asset_id}{below}")
        if good(body["data"]):
            return body["data"]
        assert time.monotonic() < deadline, body["data"]
        await asyncio.sleep(0.2)


async def poster_of(stack: Stack, asset: Any) -> Any:
    """Once nothing is waited for."""
    return await until(stack, asset["id"], "/poster", lambda poster: not poster["waiting"])


def decoded(answer: Answer) -> tuple[str, int, int, tuple[int, int, int]]:
    """(codec, width, height, the colour of its middle) of an image that was served."""
    assert answer.status == 200, answer
    with av.open(io.BytesIO(answer.body)) as opened:
        frame = next(opened.decode(video=0))
        red, green, blue = frame.to_ndarray(format="rgb24")[frame.height // 2, frame.width // 2].tolist()
        return opened.streams.video[0].codec_context.name, frame.width, frame.height, (red, green, blue)


def is_red(colour: tuple[int, int, int]) -> bool:
    return colour[0] > 180 and max(colour[1:]) < 60


def is_blue(colour: tuple[int, int, int]) -> bool:
    return colour[2] > 180 and max(colour[:2]) < 80


async def test_an_asset_gets_its_pictures(asset: Any) -> None:
    name, width, height, _ = decoded(await fetch(asset["poster_url"]))
    assert (name, width, height) == ("mjpeg", 640, 360), "never enlarged"
    preview = await fetch(asset["preview_url"])
    assert (preview.headers["Content-Type"], preview.body[8:16]) == ("image/webp", b"WEBPVP8X")
    assert b"ANIM" in preview.body[:64]


async def test_candidates_tell_why(stack: Stack, asset: Any) -> None:
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}/posters")
    candidates = body["data"]
    assert 1 <= len(candidates) <= 5
    assert 4 <= candidates[0]["time_s"] < 7, "a plain colour is no picture"
    assert candidates[0]["score"] == max(one["score"] for one in candidates), "the others are chosen to differ, too"
    for one in candidates:
        assert one["reason"].endswith(".")
        assert one["reasons"]
        assert one["signals"]
        assert not one["chosen"]
        shapes = {(image["shape"], image["type"], image["width"], image["height"]) for image in one["images"]}
        assert {("full", kind, 640, 360) for kind in ("image/jpeg", "image/webp")} <= shapes
        assert {shape for shape, *_ in shapes} == {"full", "1x1", "9x16"}
        for image in one["images"]:
            answer = await fetch(image["url"])
            assert (answer.headers["Content-Type"], len(answer.body)) == (image["type"], image["bytes"])
            _, width, height, _ = decoded(answer)
            assert (width, height) == (image["width"], image["height"])
    shown = await poster_of(stack, asset)
    assert (shown["by"], shown["candidate"]) == ("kadr", candidates[0]["id"])


async def test_the_storyboard_covers_the_title(asset: Any) -> None:
    vtt = await fetch(asset["storyboard_url"])
    cues = re.findall(r"(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)", vtt.body.decode())
    times = [(clock(begin), clock(end)) for begin, end, *_ in cues]
    assert times[0][0] == 0
    assert abs(times[-1][1] - Fraction(str(asset["duration_s"]))) < Fraction(1, 1000)
    assert all(one[1] == after[0] for one, after in pairwise(times))
    sheets = {urljoin(asset["storyboard_url"], url) for _, _, url, *_ in cues}
    for url in sheets:
        answer = await fetch(url)
        assert answer.headers["Cache-Control"] == FOR_GOOD
        _, width, height, _ = decoded(answer)
        for _, _, at, *region in cues:
            x, y, wide, high = map(int, region)
            assert urljoin(asset["storyboard_url"], at) not in sheets - {url}
            assert (x + wide <= width, y + high <= height) == (True, True)
    told = json_of(await fetch(asset["storyboard_url"].replace("storyboard.vtt", "storyboard.json")))
    assert [tile["start"] for tile in told["tiles"]] == [float(begin) for begin, _ in times]


def clock(text: str) -> Fraction:
    hours, minutes, seconds = text.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)


async def test_a_version_stays_and_an_alias_does_not(asset: Any) -> None:
    url = asset["poster_url"]
    version = parse_qs(urlsplit(url).query)["v"][0]
    first = await fetch(url)
    assert first.headers["Cache-Control"] == FOR_GOOD
    alias = await fetch(url.partition("?")[0])
    assert (alias.headers["Cache-Control"], alias.body) == (FOR_NOW, first.body)
    other = await fetch(url.replace(version, "0" * 12))
    assert (other.headers["Cache-Control"], other.body) == (FOR_NOW, first.body)
    assert (await fetch(url, If_None_Match=first.headers["ETag"])).status == 304
    narrow = decoded(await fetch(f"{url}&width=300"))
    assert narrow[:3] == ("mjpeg", 320, 180)
    assert decoded(await fetch(f"{url}&shape=1x1"))[1:3] == (360, 360)
    for query in ("width=x", "width=0", "width=99999", "width=-1", "width=1e3"):
        refused(await fetch(f"{url}&{query}"), 422, "invalid")
    refused(await fetch(f"{url}&shape=round"), 404, "not_found")
    refused(await fetch(urljoin(url, "c000000000000.jpg")), 404, "not_found")


async def test_the_frame_at_any_time(asset: Any) -> None:
    base = urljoin(asset["poster_url"], "thumbnail.jpg")
    red, green, end = [decoded(await fetch(f"{base}?time={at}&width=320")) for at in ("1.96", "2.0", "9999")]
    assert [one[1:3] for one in (red, green, end)] == [(320, 180)] * 3
    assert is_red(red[3])
    assert green[3][1] > max(green[3][0], green[3][2]) + 60, "the very frame"
    full = await fetch(base.replace(".jpg", ".webp"))
    assert decoded(full)[:3] == ("webp", 640, 360)
    assert full.headers["Cache-Control"] == FOR_NOW
    before, after = [decoded(await fetch(f"{base}?time={at}&width=640"))[3] for at in ("6.96", "7.0")]
    assert (is_red(before), is_red(after)) == (False, True), "of another segment, too"
    for query in ("time=-1", "time=x", "time=1e3", "time=NaN", "width=5000", "width=1"):
        refused(await fetch(f"{base}?{query}"), 422, "invalid")


async def test_many_at_once_have_one_made(asset: Any) -> None:
    base = urljoin(asset["poster_url"], "thumbnail.jpg")
    answers = await asyncio.gather(*(fetch(f"{base}?time=5.2&width=160") for _ in range(40)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1


@pytest.mark.acceptance("sixteen pictures are made: the queue itself has a unit test")
async def test_a_full_queue_says_when_to_come_back(asset: Any) -> None:
    base = urljoin(asset["poster_url"], "thumbnail.jpg")
    different = await asyncio.gather(*(fetch(f"{base}?time=6.{n:02}&width=160") for n in range(40)))
    assert {answer.status for answer in different} == {200, 503}, "a bounded queue"
    busy = next(answer for answer in different if answer.status == 503)
    assert (busy.headers["Retry-After"], json.loads(busy.body)["code"]) == ("1", "busy")


async def test_a_person_chooses_and_stays_chosen(stack: Stack, scenes: Path) -> None:
    asset = await with_pictures(stack, await stack.upload(scenes, **PLAIN))
    path = f"/v1/assets/{asset['id']}/poster"
    before = asset["poster_url"]
    _, body = await stack.api("GET", f"{path}s")
    other = body["data"][-1]
    status, body = await stack.api("PUT", path, json={"candidate": other["id"]})
    assert (status, body["data"]["by"], body["data"]["candidate"]) == (202, "candidate", other["id"])
    _, body = await stack.api("GET", f"{path}s")
    assert [one["id"] for one in body["data"] if one["chosen"]] == [other["id"]]
    await reads(asset["poster_url"].partition("?")[0], other["images"][0]["bytes"])
    # A moment of the video: made by a worker, and what was chosen before is shown until then.
    status, body = await stack.api("PUT", path, json={"time_s": 1.02})
    assert (status, body["data"]["by"], body["data"]["waiting"]) == (202, "candidate", True)
    shown = await poster_of(stack, asset)
    assert (shown["by"], round(shown["time_s"], 2), shown["error"]) == ("time", 1.0, None)
    await shows(shown["url"], is_red)
    # Found again, with other weights: the person's choice stays.
    status, _ = await stack.api("POST", f"/v1/assets/{asset['id']}/reprocess", json={"effort": "balanced"})
    assert status == 202
    again = await with_pictures(stack, asset["id"])
    assert (await poster_of(stack, again))["by"] == "time"
    assert again["poster_url"] != before
    status, body = await stack.api("DELETE", path)
    assert (status, body["data"]["by"]) == (200, "kadr")
    assert (await until(stack, asset["id"], "", lambda asset: asset["poster_url"] == before))["poster_url"] == before


async def reads(url: str, size: int) -> None:
    """An origin may show the old one for a second."""
    deadline = time.monotonic() + 10
    while len((await fetch(url)).body) != size:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def shows(url: str, wanted: Callable[[tuple[int, int, int]], bool]) -> None:
    """The same for its colour."""
    deadline = time.monotonic() + 10
    while not wanted(decoded(await fetch(url))[3]):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def events_of(stack: Stack, asset: Any) -> list[dict[str, Any]]:
    """The events of a ready asset; its stream ends by itself."""
    url = f"{stack.endpoints['api']}/v1/assets/{asset['id']}/events"
    answer = await fetch(url, Authorization=f"Bearer {stack.endpoints['api_key']}")
    blocks = [block.splitlines() for block in answer.body.decode().split("\n\n") if block.startswith("id: ")]
    return [json.loads(block[-1].removeprefix("data: ")) for block in blocks]


async def test_a_picture_of_ones_own(stack: Stack, asset: Any) -> None:
    path = f"/v1/assets/{asset['id']}/poster"
    status, body = await stack.api("PUT", path, data=picture("blue"), headers={"Content-Type": "image/png"})
    assert (status, body["data"]["waiting"]) == (202, True)
    shown = await poster_of(stack, asset)
    assert (shown["by"], shown["candidate"], shown["time_s"]) == ("upload", None, None)
    await shows(shown["url"], is_blue)
    # What is no picture is refused with a reason, and what was chosen stays.
    hurt = picture("red")[:200]
    status, _ = await stack.api("PUT", path, data=hurt, headers={"Content-Type": "image/png"})
    assert status == 202
    after = await poster_of(stack, asset)
    assert (after["by"], after["error"]["code"]) == ("upload", "picture_refused")
    assert after["error"]["hint"]
    assert after["url"] == shown["url"]
    refusals = [event for event in await events_of(stack, asset) if event["type"] == "video.poster.errored"]
    assert [event["data"]["error"]["code"] for event in refusals] == ["picture_refused"]
    log = (stack.home / "logs" / "worker-1.log").read_text()
    rejected = [line for line in map(json.loads, log.splitlines()) if line["event"] == "step.rejected"]
    assert ("picture_refused", asset["id"]) in [(line["code"], line["asset"]) for line in rejected]
    for body, kind in ((b"<svg/>", "image/svg+xml"), (b"", "image/png"), (b"GIF89a", "image/gif")):
        status, problem = await stack.api("PUT", path, data=body, headers={"Content-Type": kind})
        assert (status, problem["code"]) == (422, "picture_refused")
    for wrong in (
        {},
        {"time_s": 1, "candidate": "c000000000000"},
        {"time_s": -1},
        {"time_s": 9999},
        {"candidate": "x"},
    ):
        status, problem = await stack.api("PUT", path, json=wrong)
        assert (status, problem["code"]) == (422, "invalid"), problem
    assert (await stack.api("DELETE", path))[0] == 200


def picture(colour: str) -> bytes:
    """A PNG of one colour."""
    made = io.BytesIO()
    frame = av.VideoFrame(320, 240, "rgb24")
    value = {"red": (255, 0, 0), "blue": (0, 0, 255)}[colour]
    frame.planes[0].update(bytes(value) * (frame.planes[0].line_size // 3) * 240)
    with av.open(made, "w", format="image2pipe") as opened:
        stream = opened.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "rgb24"
        opened.mux([*stream.encode(frame), *stream.encode(None)])
    return made.getvalue()


async def test_signed_titles_show_nothing_without_a_token(stack: Stack, scenes: Path) -> None:
    wanted = {**PLAIN, "policy": "signed"}
    asset = await with_pictures(stack, await stack.upload(scenes, **wanted))
    for url in (asset["poster_url"], asset["storyboard_url"], asset["preview_url"]):
        good = await fetch(url)
        assert (good.status, good.headers["Cache-Control"].partition(",")[0]) == (200, "private")
        refused(await fetch(url.partition("?")[0]), 403, "token_missing")
    vtt = (await fetch(asset["storyboard_url"])).body.decode()
    sheet = re.search(r"^(\S+)#xywh", vtt, re.MULTILINE)
    assert sheet is not None
    assert (await fetch(urljoin(asset["storyboard_url"], sheet[1]))).status == 200
    still = urljoin(asset["poster_url"], "thumbnail.jpg")
    refused(await fetch(f"{still}?time=1"), 403, "token_missing")
    assert (await fetch(f"{still}?{urlsplit(asset['poster_url']).query}&time=1&width=160")).status == 200


async def test_a_part_has_pictures_of_that_part(stack: Stack, scenes: Path) -> None:
    """Made of what is published: the upload has more."""
    wanted = {**PLAIN, "clip": {"start_s": 0.0, "end_s": 2.0}}
    asset = await with_pictures(stack, await stack.upload(scenes, **wanted))
    assert is_red(decoded(await fetch(asset["poster_url"]))[3])
    shown = await poster_of(stack, asset)
    assert shown["fallback"] == "all_rejected"
    vtt = (await fetch(asset["storyboard_url"])).body.decode()
    assert re.findall(r"--> (\S+)", vtt)[-1] == "00:00:02.000"


async def test_an_upright_title_has_upright_pictures(stack: Stack, scenes: Path) -> None:
    wanted = {**PLAIN, "profile": "short-vertical"}
    asset = await with_pictures(stack, await stack.upload(scenes, **wanted))
    assert asset["aspect_ratio"] == "9:16"
    _, width, height, _ = decoded(await fetch(asset["poster_url"]))
    assert abs(width / height - 9 / 16) < 0.02
    vtt = (await fetch(asset["storyboard_url"])).body.decode()
    assert "#xywh=0,0,90,160" in vtt


async def test_what_is_gone_is_gone(stack: Stack, tiny: Path) -> None:
    asset = await with_pictures(stack, await stack.upload(tiny, **PLAIN))
    assert (await stack.api("POST", f"/v1/assets/{asset['id']}/takedown"))[0] == 202
    deadline = time.monotonic() + 10
    while (await fetch(asset["poster_url"])).status != 410:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}")
    assert body["data"]["poster_url"] is None


async def test_sound_alone_has_no_pictures(stack: Stack, tiny: Path) -> None:
    asset = await stack.wait(await stack.upload(tiny, profile="audio-only"), "ready")
    assert asset["poster_url"] is None
    assert not [step for step in asset["steps"] if step["kind"] == "pictures"]
    refused(await fetch(asset["watch_url"].replace("/watch/", "/image/") + "/poster.jpg"), 404, "not_found")
