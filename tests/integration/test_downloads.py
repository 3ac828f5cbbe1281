"""Progressive files over HTTP: made of what is published, read by ranges, as restricted as the stream, and kept."""

import asyncio
import subprocess
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from core.db import outbox
from core.db.postgres import Pool
from core.errors import Rejected
from core.model import AssetStatus, StepId, StepKind
from tests import runs
from tests.catalogue import Titles
from tests.database import new_asset
from tests.media import FFMPEG, generate
from tests.stack import Stack
from tests.web import fetch, refused
from workers.engine import failures

WITHIN_S = 240
TITLE = 'Lesson 1: "Ünïcode"'
WANTED = {"downloads": "standard", "ladder": "apple", "effort": "economy", "title": TITLE}
VTT = "WEBVTT\n\n00:01.000 --> 00:02.500\nHello\n"


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of 1280x720: enough for a large and a small file."""
    path = tmp_path_factory.mktemp("wide") / "wide.mp4"
    generate(path, "testsrc2=size=1280x720:rate=25:duration=4", "sine=frequency=440:duration=4")
    return path


@pytest.fixture(scope="module")
async def asset(stack: Stack, wide: Path) -> Any:
    return await with_downloads(stack, await stack.upload(wide, **WANTED))


async def with_downloads(stack: Stack, asset_id: str, *, instead_of: frozenset[str] = frozenset()) -> Any:
    """The asset once it lists its files, of which none has one of these ETags."""
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while True:
        _, body = await stack.api("GET", f"/v1/assets/{asset_id}")
        asset = body["data"]
        if asset["downloads"] and not instead_of & set((await etags(asset)).values()):
            return asset
        assert asset["status"] != "errored", asset["error"]
        assert time.monotonic() < deadline, asset["steps"]
        await asyncio.sleep(0.2)


async def etags(asset: Any) -> dict[str, str]:
    """By name; what is listed can be gone again where the title is being published just now."""
    answers = {entry["name"]: await fetch(entry["url"], "HEAD") for entry in asset["downloads"]}
    return {name: answer.headers["ETag"] for name, answer in answers.items() if answer.status == 200}


def urls(asset: Any) -> dict[str, str]:
    return {entry["name"]: entry["url"] for entry in asset["downloads"]}


async def save(url: str, path: Path) -> Path:
    answer = await fetch(url)
    assert answer.status == 200, answer
    path.write_bytes(answer.body)
    return path


async def test_what_is_listed(asset: Any) -> None:
    listed = {entry["name"]: (entry["width"], entry["height"]) for entry in asset["downloads"]}
    assert listed == {"high.mp4": (1280, 720), "low.mp4": (640, 360), "audio.m4a": (None, None)}
    playback_id = asset["playback_ids"][0]["id"]
    for entry in asset["downloads"]:
        assert entry["url"].endswith(f"/play/{playback_id}/{entry['name']}")
        head = await fetch(entry["url"], "HEAD")
        assert (head.status, int(head.headers["Content-Length"])) == (200, entry["bytes"])
    assert asset["options"]["downloads"] == "standard"


@pytest.mark.parametrize(
    ("name", "kind"), [("high.mp4", "video/mp4"), ("low.mp4", "video/mp4"), ("audio.m4a", "audio/mp4")]
)
async def test_a_file_plays_to_its_last_frame(asset: Any, tmp_path: Path, name: str, kind: str) -> None:
    answer = await fetch(urls(asset)[name])
    assert answer.headers["Content-Type"] == kind
    file = tmp_path / name
    file.write_bytes(answer.body)
    assert answer.body.index(b"moov") < answer.body.index(b"mdat"), "it plays before it has arrived"
    with av.open(str(file)) as opened:
        lengths = {}
        for stream in opened.streams:
            assert stream.duration is not None
            assert stream.time_base is not None
            lengths[stream.type] = stream.duration * stream.time_base
    assert set(lengths) == ({"audio"} if name == "audio.m4a" else {"video", "audio"})
    assert lengths.get("video", Fraction(4)) == 4 == asset["duration_s"]
    assert abs(lengths["audio"] - 4) <= Fraction(1024, 48_000)
    decoding = [FFMPEG, "-v", "error", "-xerror", "-i", str(file), "-fps_mode", "passthrough", "-f", "framecrc", "-"]
    decoded = await asyncio.to_thread(subprocess.run, decoding, check=True, capture_output=True, timeout=60)
    assert decoded.stderr == b""
    if name != "audio.m4a":
        assert sum(line.startswith(b"0,") for line in decoded.stdout.splitlines()) == 100


async def test_it_is_read_by_ranges(asset: Any) -> None:
    url = urls(asset)["high.mp4"]
    whole = await fetch(url)
    size = len(whole.body)
    assert (whole.headers["Accept-Ranges"], whole.headers["Cache-Control"]) == ("bytes", "private, no-cache")
    for asked, first, last in (
        ("bytes=0-99", 0, 99),
        ("bytes=-50", size - 50, size - 1),
        (f"bytes=7-{size}", 7, size - 1),
    ):
        part = await fetch(url, Range=asked)
        assert (part.status, part.headers["Content-Range"]) == (206, f"bytes {first}-{last}/{size}")
        assert part.body == whole.body[first : last + 1]
    assert (await fetch(url, Range=f"bytes={size}-")).status == 416
    assert (await fetch(url, If_None_Match=whole.headers["ETag"])).status == 304
    assert whole.headers["Access-Control-Allow-Origin"] == "*"


async def test_it_is_saved_under_the_titles_name(asset: Any) -> None:
    url = urls(asset)["low.mp4"]
    assert "Content-Disposition" not in (await fetch(url)).headers
    saved = await fetch(f"{url}?download=1", "HEAD")
    assert saved.headers["Content-Disposition"] == (
        "attachment; filename=\"Lesson 1 Unicode-low.mp4\"; filename*=UTF-8''Lesson%201%20%C3%9Cn%C3%AFcode-low.mp4"
    )


@pytest.mark.parametrize("name", ["medium.mp4", "high.m4a", "HIGH.mp4", "high.mp4x", "init.mp4", "..%2fhigh.mp4"])
async def test_other_names_are_not_there(asset: Any, name: str) -> None:
    url = urls(asset)["high.mp4"].replace("high.mp4", name)
    refused(await fetch(url), 404, "not_found")


async def test_none_unless_they_are_asked_for(title: Titles) -> None:
    asset = await title("public")
    assert (asset["downloads"], asset["options"]["downloads"]) == ([], "none")
    assert "downloads" not in [step["kind"] for step in asset["steps"]]
    refused(await fetch(asset["playback_url"].replace("index.m3u8", "high.mp4")), 404, "not_found")


async def test_a_signed_title_asks_for_its_token(stack: Stack, tiny: Path, asset: Any) -> None:
    signed = await with_downloads(stack, await stack.upload(tiny, policy="signed", **WANTED))
    assert set(urls(signed)) == {"high.mp4", "audio.m4a"}, "one rung is as good as both"
    url, _, token = urls(signed)["high.mp4"].partition("?token=")
    assert (await fetch(f"{url}?token={token}", Range="bytes=0-9")).status == 206
    assert (await fetch(f"{url}?token={token}&download=1", "HEAD")).headers["Content-Disposition"]
    refused(await fetch(url), 403, "token_missing")
    refused(await fetch(f"{url}?token={token[:-1]}{'0' if token[-1] != '0' else '1'}"), 403, "token_refused")
    refused(await fetch(f"{urls(asset)['high.mp4']}?token={token}"), 403, "token_refused")
    # A token for one page is one for its files, too.
    wanted = {"domain": "example.org"}
    path = f"/v1/playback_ids/{signed['playback_ids'][0]['id']}/token"
    _, body = await stack.api("POST", path, json=wanted)
    bound = f"{url}?token={body['data']['token']}"
    refused(await fetch(bound), 403, "domain_refused")
    assert (await fetch(bound, "HEAD", Referer="https://example.org/1")).status == 200
    assert (await stack.api("DELETE", f"/v1/assets/{signed['id']}"))[0] == 204
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while (gone := await fetch(f"{url}?token={token}", "HEAD")).status != 410:
        assert time.monotonic() < deadline, gone
        await asyncio.sleep(0.1)


async def test_tracks_that_are_added_leave_them_as_they_are(stack: Stack, asset: Any) -> None:
    """Several at once: each publishes the title again, and none forgets what another has brought."""
    before = await etags(asset)
    languages = ("en", "de", "fr", "it")

    async def add(language: str) -> None:
        words = {"kind": "subtitles", "language": language, "text": VTT}
        status, body = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=words)
        assert status == 201, body

    async with asyncio.TaskGroup() as group:
        for language in languages:
            group.create_task(add(language))
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while True:
        text = (await fetch(asset["playback_url"])).body.decode()
        if all(f'LANGUAGE="{language}"' in text for language in languages):
            break
        assert time.monotonic() < deadline, text
        await asyncio.sleep(0.2)
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}")
    assert body["data"]["downloads"] == asset["downloads"]
    assert await etags(asset) == before


async def test_they_are_made_again_with_the_title(stack: Stack, asset: Any, tmp_path: Path) -> None:
    before = await etags(asset)
    status, body = await stack.api("POST", f"/v1/assets/{asset['id']}/reprocess", json={"effort": "balanced"})
    assert status == 202, body
    # The pictures are others then, the sound is not.
    made = frozenset(tag for name, tag in before.items() if name != "audio.m4a")
    again = await with_downloads(stack, asset["id"], instead_of=made)
    assert (await etags(again))["audio.m4a"] == before["audio.m4a"]
    assert urls(again) == urls(asset), "addresses stay"
    file = await save(urls(again)["high.mp4"], tmp_path / "high.mp4")
    with av.open(str(file)) as opened:
        assert sum(1 for _ in opened.decode(video=0)) == 100


async def test_a_step_that_fails_harms_nothing(pool: Pool) -> None:
    asset_id = await new_asset(pool)
    await pool.execute("UPDATE assets SET status = 'ready' WHERE id = $1", asset_id)
    why = Rejected("corrupt", "It cannot be decoded.", "Export it again.")
    for failed in (why, failures.out_of_attempts(crashed=True)):
        async with pool.acquire() as connection, connection.transaction():
            await failures.record_failure(
                connection, asset_id, StepKind.DOWNLOADS, StepId("st"), {"revision": "0"}, failed
            )
    row = await pool.fetchrow("SELECT status, error FROM assets WHERE id = $1", asset_id)
    assert row is not None
    assert (row["status"], row["error"]) == (AssetStatus.READY, None)
    assert "video.asset.errored" not in [event.type for event in await outbox.of_object(pool, asset_id, 0)]
