"""Tracks over HTTP: subtitles and dubs that are added to a title, and that its next revision carries them."""

import asyncio
import re
import subprocess
import time
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests import runs
from tests.media import FFMPEG, generate
from tests.stack import PLAIN, Stack
from tests.web import fetch

WITHIN_S = 60
VTT = "WEBVTT\n\n00:01.000 --> 00:03.500\nHello & welcome\n\n00:05.000 --> 00:06.000\nBye\n"
SRT = "1\n00:00:01,000 --> 00:00:03,500\nGuten <i>Tag</i>\n"


@pytest.fixture(scope="module")
async def asset(stack: Stack, clip: Path) -> Any:
    asset_id = await stack.upload(clip, ladder="apple", effort="economy", language="en")
    return await stack.wait(asset_id, "ready")


async def multivariant_with(asset: Any, wanted: str, *, there: bool = True) -> str:
    """The playlist once it has (or has no more) what is wanted."""
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while True:
        text = (await fetch(asset["playback_url"])).body.decode()
        if (wanted in text) is there:
            return text
        assert time.monotonic() < deadline, text
        await asyncio.sleep(0.2)


def line_with(text: str, wanted: str) -> dict[str, str]:
    """The attributes of the one EXT-X-MEDIA line that has it."""
    (line,) = [line for line in text.splitlines() if line.startswith("#EXT-X-MEDIA") and wanted in line]
    return {name: value.strip('"') for name, value in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', line)}


async def add(stack: Stack, asset: Any, **wanted: Any) -> Any:
    status, body = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=wanted)
    assert status == 201, body
    return body["data"]


async def test_subtitles_are_written_edited_and_removed(stack: Stack, asset: Any) -> None:
    before = (await fetch(asset["playback_url"])).body.decode()
    track = await add(stack, asset, kind="subtitles", language="en", text=VTT)
    assert (track["status"], track["name"], track["generated"]) == ("ready", "English", False)
    text = await multivariant_with(asset, "TYPE=SUBTITLES")
    said = line_with(text, "TYPE=SUBTITLES")
    assert (said["LANGUAGE"], said["NAME"], said["AUTOSELECT"], said["DEFAULT"], said["FORCED"]) == (
        *("en", "English"),
        *("YES", "NO", "NO"),
    )
    assert all('SUBTITLES="' in line for line in text.splitlines() if line.startswith("#EXT-X-STREAM-INF"))
    playlist_url = urljoin(asset["playback_url"], said["URI"])
    playlist = (await fetch(playlist_url)).body.decode()
    segments = [urljoin(playlist_url, line) for line in playlist.splitlines() if line and not line.startswith("#")]
    assert sum(map(Fraction, re.findall(r"#EXTINF:([0-9.]+)", playlist))) == Fraction(7007, 1000)
    shown = (await fetch(segments[0])).body.decode()
    assert "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000" in shown
    assert "Hello &amp; welcome" in shown or "Hello & welcome" in shown
    # The media of before is not made again.
    assert before.count("#EXT-X-STREAM-INF") == text.count("#EXT-X-STREAM-INF")

    path = f"/v1/assets/{asset['id']}/tracks/{track['id']}"
    _, body = await stack.api("GET", path)
    assert body["data"]["text"].startswith("WEBVTT")
    _, body = await stack.api("GET", f"{path}?text_format=srt")
    assert body["data"]["text"].startswith("1\n00:00:0") and "Hello & welcome" in body["data"]["text"]
    assert (await stack.api("GET", f"{path}?text_format=ass"))[0] == 422
    assert (await stack.api("PUT", path, json={"text": SRT}))[0] == 428
    assert (await stack.api("PUT", path, json={"text": SRT}, headers={"If-Match": '"7"'}))[0] == 412
    changes = {"text": SRT, "language": "de", "name": "Deutsch"}
    status, body = await stack.api("PUT", path, json=changes, headers={"If-Match": '"1"'})
    assert (status, body["data"]["language"]) == (200, "de")
    text = await multivariant_with(asset, 'LANGUAGE="de"')
    said = line_with(text, "TYPE=SUBTITLES")
    playlist_url = urljoin(asset["playback_url"], said["URI"])
    first = next(line for line in (await fetch(playlist_url)).body.decode().splitlines() if line.endswith(".vtt"))
    assert "Guten <i>Tag</i>" in (await fetch(urljoin(playlist_url, first))).body.decode()
    assert (await stack.api("DELETE", path, headers={"If-Match": '"1"'}))[0] == 412
    assert (await stack.api("DELETE", path))[0] == 204
    await multivariant_with(asset, "TYPE=SUBTITLES", there=False)
    assert (await stack.api("GET", path))[0] == 404


@pytest.mark.parametrize(
    ("wanted", "code", "pointer"),
    [
        ({"kind": "subtitles", "language": "en", "text": "hello"}, "not_captions", "/text"),
        ({"kind": "subtitles", "language": "en", "text": VTT.replace("-->", "->")}, "not_captions", "/text"),
        ({"kind": "subtitles", "language": "en"}, "invalid", ""),
        ({"kind": "subtitles", "language": "en", "text": VTT, "input_url": "https://a.test/"}, "invalid", ""),
        ({"kind": "audio", "language": "en", "text": VTT}, "invalid", ""),
        ({"kind": "audio", "language": "en", "input_url": "http://127.0.0.1/a"}, "input_url_refused", "/input_url"),
        ({"kind": "subtitles", "language": "e n", "text": VTT}, "invalid", "/language"),
        ({"kind": "subtitles", "language": "en", "name": 'a"b', "text": VTT}, "invalid", "/name"),
    ],
)
async def test_what_is_no_track_is_refused(
    stack: Stack, asset: Any, wanted: dict[str, Any], code: str, pointer: str
) -> None:
    status, problem = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=wanted)
    assert (status, problem["code"], problem["pointer"]) == (422, code, pointer)
    if code == "not_captions":
        assert "Line" in problem["detail"] or "ine" in problem["hint"]


async def test_captions_that_begin_at_an_hour_are_moved_to_the_title(stack: Stack, asset: Any) -> None:
    late = SRT.replace("00:00:0", "10:00:0")
    assert late != SRT
    track = await add(stack, asset, kind="subtitles", language="sv", text=late)
    assert [warning["code"] for warning in track["warnings"]] == ["cues_moved"]
    path = f"/v1/assets/{asset['id']}/tracks/{track['id']}"
    _, body = await stack.api("GET", path)
    assert "\n00:00:0" in body["data"]["text"]
    assert "10:00:0" not in body["data"]["text"]
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}")
    assert "cues_moved" in {warning["code"] for warning in body["data"]["warnings"]}
    outside = {"kind": "subtitles", "language": "sv", "text": SRT.replace("00:00:0", "00:30:0")}
    status, problem = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=outside)
    assert (status, problem["code"], problem["pointer"]) == (422, "cues_outside", "/text")
    assert (await stack.api("DELETE", path))[0] == 204


async def test_forced_subtitles_are_told_from_full_ones(stack: Stack, asset: Any) -> None:
    forced = await add(stack, asset, kind="subtitles", language="da", name="Skilte", text=SRT, forced=True)
    full = await add(stack, asset, kind="subtitles", language="da", name="Dansk", text=SRT)
    assert (forced["forced"], full["forced"]) == (True, False)
    text = await multivariant_with(asset, 'NAME="Dansk"')
    assert (line_with(text, "Skilte")["FORCED"], line_with(text, "Dansk")["FORCED"]) == ("YES", "NO")
    assert text.index('NAME="Dansk"') < text.index('NAME="Skilte"'), "the full text is offered first"
    path = f"/v1/assets/{asset['id']}/tracks/{forced['id']}"
    status, body = await stack.api("PUT", path, json={"text": SRT}, headers={"If-Match": forced["etag"]})
    assert (status, body["data"]["forced"]) == (200, True), "what it is does not change with its text"
    for track in (forced, full):
        assert (await stack.api("DELETE", f"/v1/assets/{asset['id']}/tracks/{track['id']}"))[0] == 204
    await multivariant_with(asset, 'LANGUAGE="da"', there=False)


async def test_a_dub_is_as_long_as_the_title(stack: Stack, asset: Any, tmp_path: Path) -> None:
    """From another asset, which is shorter than the title and of another frequency."""
    dub = tmp_path / "dub.m4a"
    generate_sound(dub)
    other = await stack.upload(dub, profile="audio-only", language="fr")
    await stack.wait(other, "ready")
    before = {entry["id"] for entry in await listed(stack, asset)}
    track = await add(stack, asset, kind="audio", language="fr", asset_id=other)
    assert track["status"] in ("queued", "in_progress")
    text = await multivariant_with(asset, 'LANGUAGE="fr"')
    said = line_with(text, 'LANGUAGE="fr"')
    assert (said["TYPE"], said["NAME"], said["DEFAULT"], said["AUTOSELECT"]) == ("AUDIO", "français", "NO", "YES")
    own = line_with(text, 'LANGUAGE="en"')
    assert own["GROUP-ID"] == said["GROUP-ID"]
    lengths = []
    for attributes in (own, said):
        playlist = (await fetch(urljoin(asset["playback_url"], attributes["URI"]))).body.decode()
        lengths.append(sum(map(Fraction, re.findall(r"#EXTINF:([0-9.]+)", playlist))))
    assert lengths[0] == lengths[1]
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}")
    (shown,) = [entry for entry in body["data"]["tracks"] if entry["id"] == track["id"]]
    assert shown["status"] == "ready"
    assert {entry["id"] for entry in await listed(stack, asset)} - before == {track["id"]}


async def listed(stack: Stack, asset: Any) -> Any:
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}/tracks")
    return body["data"]


async def test_a_dub_without_sound_is_told_of_the_track_only(stack: Stack, asset: Any, tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"
    generate(silent, "testsrc2=size=64x64:rate=25:duration=1")
    other = await stack.upload(silent, **PLAIN)
    await stack.wait(other, "ready")
    track = await add(stack, asset, kind="audio", language="it", asset_id=other)
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while (entry := await one(stack, asset, track))["status"] in ("queued", "in_progress"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    assert (entry["status"], entry["error"]["code"]) == ("errored", "no_audio")
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}")
    assert (body["data"]["status"], body["data"]["error"]) == ("ready", None)


async def one(stack: Stack, asset: Any, track: Any) -> Any:
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}/tracks/{track['id']}")
    return body["data"]


async def test_tracks_of_a_title_that_is_still_being_made(stack: Stack, tiny: Path) -> None:
    """Added before it is ready, in its first revision or the one after."""
    asset_id = await stack.upload(tiny, **PLAIN)
    _, body = await stack.api("GET", f"/v1/assets/{asset_id}")
    await add(stack, body["data"], kind="captions", language="en", text=VTT)
    await add(stack, body["data"], kind="audio", language="sv", asset_id=asset_id)
    asset = await stack.wait(asset_id, "ready")
    text = await multivariant_with(asset, "TYPE=SUBTITLES")
    assert line_with(text, "TYPE=SUBTITLES")["LANGUAGE"] == "en"
    text = await multivariant_with(asset, 'LANGUAGE="sv"')
    assert line_with(text, 'LANGUAGE="sv"')["TYPE"] == "AUDIO"


async def test_another_owners_tracks_are_not_there(stack: Stack, asset: Any) -> None:
    for path in ("tr_0", "tr_01h455vb4pex5vsknk084sn02q"):
        assert (await stack.api("GET", f"/v1/assets/{asset['id']}/tracks/{path}"))[0] == 404


def generate_sound(path: Path) -> None:
    subprocess.run(
        [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "sine=frequency=880:duration=3", "-c:a", "aac", str(path)],
        check=True,
        timeout=60,
    )
