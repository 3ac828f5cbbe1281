"""An encrypted title: real players watch it to its end, and only who may go on gets its key."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import asyncpg
import pytest
from playwright.async_api import Browser

from core.model import AssetId, RevisionId
from core.settings import Settings
from core.storage import keys
from core.storage.s3 import Storage
from core.storage.s3 import connect as storage_connect
from hls_checker import aes
from packager.encryption import Encryption
from packager.revision import SEGMENT_TYPE, Manifest, manifest_from_bytes
from tests import runs
from tests.browsers import VIDEO, hls_errors, machine_was_late, visiting
from tests.clients import PROGRAMS, decoded, read_by_m3u8, streamlink, yt_dlp
from tests.media import FFMPEG, generate
from tests.playback import media_uris
from tests.published import faults
from tests.stack import Stack
from tests.web import Answer, fetch, refused

WITHIN_S = 30
LENGTH_S = 13  # three segments
KEY_LINE = re.compile(r'#EXT-X-KEY:METHOD=AES-128,URI="([^"]+)"')
WORDS = "WEBVTT\n\n00:01.000 --> 00:03.000\nIn the clear\n"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Were it not encrypted, a small rung of it would be shown first."""
    path = tmp_path_factory.mktemp("encrypted") / "film.mp4"
    generate(path, f"testsrc2=size=640x360:rate=25:duration={LENGTH_S}", f"sine=frequency=440:duration={LENGTH_S}")
    return path


@pytest.fixture(scope="module")
def to_pass(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """H.264 in closed GOPs of 2 s: were it not encrypted, it would be shown as it is at once."""
    path = tmp_path_factory.mktemp("encrypted") / "pass.mp4"
    picture, sound = f"testsrc2=size=1280x720:rate=10:duration={LENGTH_S}", f"sine=frequency=440:duration={LENGTH_S}"
    gop = ("-g", "20", "-keyint_min", "20", "-sc_threshold", "0", "-flags", "+cgop")
    generate(path, picture, sound, "-preset", "faster", "-crf", "40", "-profile:v", "high", *gop, "-ac", "2")
    return path


@pytest.fixture(scope="module")
async def title(stack: Stack, film: Path) -> AsyncIterator[Any]:
    """Ready, signed and encrypted. Never was it to be seen before."""
    wanted = {"policy": "signed", "encryption": "aes-128", "effort": "economy", "ladder": "apple"}
    asset_id = await stack.upload(film, **wanted)
    asset = await ready_at_once(stack, asset_id)
    assert asset["options"]["encryption"] == "aes-128"
    assert {step["kind"] for step in asset["steps"]}.isdisjoint({"first_rung", "first_sound"})
    yield asset
    # It has no pictures to seek by, which every other title here is held to.
    assert (await stack.api("DELETE", f"/v1/assets/{asset_id}"))[0] == 204


@pytest.fixture(scope="module")
async def stored(stack: Stack) -> AsyncIterator[Storage]:
    secrets = json.loads((stack.home / "secrets.json").read_text())
    settings = Settings(
        s3_url=stack.endpoints["s3"], s3_access_key=secrets["s3_access_key"], s3_secret_key=secrets["s3_secret_key"]
    )
    async with storage_connect(settings) as opened:
        yield opened


async def one(stack: Stack, asset_id: str) -> Any:
    status, body = await stack.api("GET", f"/v1/assets/{asset_id}")
    assert status == 200
    return body["data"]


async def ready_at_once(stack: Stack, asset_id: str) -> Any:
    """It once it is ready, and there was nothing to watch before."""
    while (asset := await one(stack, asset_id))["status"] not in ("ready", "errored"):
        assert (asset["status"], asset["playback_url"]) == ("processing", None)
        await asyncio.sleep(0.1)
    assert asset["status"] == "ready", asset["error"]
    assert asset["timings"]["playable_s"] == asset["timings"]["ready_s"]
    return asset


async def token(stack: Stack, title: Any, **wanted: Any) -> Any:
    status, body = await stack.api("POST", f"/v1/playback_ids/{title['playback_ids'][0]['id']}/token", json=wanted)
    assert status == 201, body
    return body["data"]


async def media_playlists(url: str) -> dict[str, str]:
    """URL -> text of those of pictures and sound."""
    text = (await fetch(url)).body.decode()
    answers = {urljoin(url, uri): await fetch(urljoin(url, uri)) for uri in media_uris(text)}
    assert {answer.status for answer in answers.values()} == {200}
    assert {answer.headers["Cache-Control"] for answer in answers.values()} == {"private, no-store"}
    return {each: answer.body.decode() for each, answer in answers.items()}


async def key_of(url: str) -> str:
    """The one key URL of a session."""
    texts = (await media_playlists(url)).values()
    (found,) = {match for text in texts for match in KEY_LINE.findall(text)}
    return str(found)


async def until(url: str, status: int, code: str) -> Answer:
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while (answer := await fetch(url)).status != status:
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(0.1)
    refused(answer, status, code)
    return answer


async def manifest_of(stack: Stack, stored: Storage, asset_id: str) -> Manifest:
    """Of what is published now."""
    connection = await asyncpg.connect(stack.endpoints["database_url"])
    revision_id = await connection.fetchval("SELECT revision_id FROM assets WHERE id = $1", asset_id)
    await connection.close()
    key = keys.revision_manifest(AssetId(asset_id), RevisionId(revision_id))
    return manifest_from_bytes(await stored.get("kadr-media", key))


def frames(url: str) -> tuple[int, bytes]:
    """How many pictures ffmpeg decodes from it, and what it complains of."""
    wanted = ("-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framecrc", "-")
    shown = subprocess.run([FFMPEG, "-v", "error", "-i", url, *wanted], check=True, capture_output=True, timeout=60)
    return sum(not line.startswith(b"#") for line in shown.stdout.splitlines()), shown.stderr


# That it plays


@pytest.mark.browser
@pytest.mark.parametrize("player", ["hls", "shaka"])
@pytest.mark.acceptance("players of their own, in real time: make test shows it on the watch page")
async def test_players_show_it_to_its_end(
    stack: Stack, title: Any, browser: Browser, page_url: str, player: str
) -> None:
    async with visiting(browser) as visit:
        await visit.page.goto(page_url)
        url = (await token(stack, title))["url"]
        await visit.page.evaluate("([player, url]) => open[player](url)", [player, url])
        await visit.until(f"{VIDEO}.readyState >= 3")
        await visit.of_video("play()")
        await visit.until(f"{VIDEO}.currentTime > 1")
        await visit.page.evaluate(f"{VIDEO}.currentTime = {LENGTH_S - 4}")
        await visit.until(f"{VIDEO}.ended")
        assert await visit.of_video("currentTime") == pytest.approx(title["duration_s"], abs=0.2)
        assert await visit.of_video("getVideoPlaybackQuality().totalVideoFrames") > 25
        assert [problem for problem in visit.problems if "ERR_ABORTED" not in problem] == []
        assert await visit.page.evaluate("window.shakaErrors ?? []") == []
        if player == "hls":
            assert [error for error in await hls_errors(visit) if not machine_was_late(error)] == []
        assert any("/key/" in asked for asked in visit.asked)


@pytest.mark.browser
async def test_the_watch_page_shows_it(stack: Stack, title: Any, browser: Browser) -> None:
    async with visiting(browser) as visit:
        await visit.watch((await one(stack, title["id"]))["watch_url"])
        await visit.until(f"{VIDEO}.currentTime > 1")
        assert visit.problems == []


async def test_ffmpeg_decodes_every_frame_of_it(stack: Stack, title: Any) -> None:
    """It knows no EXT-X-DEFINE: the key's URL stands in the playlists themselves."""
    url = (await token(stack, title))["url"]
    text = (await fetch(url)).body.decode()
    pictures = [urljoin(url, line) for line in text.splitlines() if line and not line.startswith("#")]
    assert len(pictures) > 1
    for each in pictures:
        assert await asyncio.to_thread(frames, each) == (LENGTH_S * 25, b"")
    # Of a clear title's multivariant playlist it complains, too: it looks into variants that it then leaves.
    assert (await asyncio.to_thread(frames, url))[0] == LENGTH_S * 25


async def test_m3u8_reads_its_key(stack: Stack, title: Any) -> None:
    url = (await token(stack, title))["url"]
    for rendition in (await read_by_m3u8(url)).playlists:
        playlist = await read_by_m3u8(rendition.absolute_uri)
        assert {(segment.key.method, segment.key.iv) for segment in playlist.segments} == {("AES-128", None)}
        assert len((await fetch(playlist.segments[-1].key.absolute_uri)).body) == 16
    assert playlist.segments


@pytest.mark.parametrize("program", ["yt-dlp", "streamlink"])
@pytest.mark.acceptance(PROGRAMS)
async def test_programs_save_every_frame_of_it(stack: Stack, title: Any, tmp_path: Path, program: str) -> None:
    """yt-dlp 2026.10 counts the init segment as a media segment, so each IV is one too high for it, against RFC
    8216bis 5.2: one byte of each segment comes out wrong, in the name of `mfhd`. ffmpeg, which joins what is saved,
    does without that box."""
    url, file = (await token(stack, title))["url"], tmp_path / "title.mp4"
    if program == "yt-dlp":
        await yt_dlp(tmp_path, url, "--format", "bestvideo+bestaudio")
    else:
        await streamlink(tmp_path, "--output", file.name, url, "best")
    saved = await decoded(file)
    assert (saved.frames, saved.seconds) == (LENGTH_S * 25, pytest.approx(LENGTH_S, abs=0.1))


async def test_no_rule_is_broken(title: Any) -> None:
    assert await faults(title["playback_url"]) == []
    dash = title["playback_url"].replace("index.m3u8", "manifest.mpd")
    refused(await fetch(dash), 404, "not_found")


# What lies in storage


async def test_what_the_manifest_names_is_ciphertext(stack: Stack, title: Any, stored: Storage) -> None:
    manifest = await manifest_of(stack, stored, title["id"])
    assert manifest.encryption is Encryption.AES_128
    key = (await fetch(await key_of((await token(stack, title))["url"]))).body
    opened = 0
    for path, file in manifest.files.items():
        if file.type != SEGMENT_TYPE:
            assert path.endswith((".m3u8", "init.mp4"))
            continue
        body = await stored.get("kadr-media", file.key)
        assert b"moof" not in body
        assert len(body) % 16 == 0
        number = int(path.rpartition("/")[2].partition(".")[0])
        clear = aes.plain(body, key, number)
        assert clear[4:8] in (b"styp", b"moof")
        assert b"mdat" in clear
        opened += 1
    assert opened == 3 * len(manifest.renditions)
    async for found in stored.list("kadr-media", keys.asset_prefix(AssetId(title["id"]))):
        assert key not in await stored.get("kadr-media", found.key), "the key itself lies nowhere in storage"


async def test_what_could_be_shown_as_it_is_is_not_shown_in_the_clear(
    stack: Stack, stored: Storage, to_pass: Path
) -> None:
    asset = await ready_at_once(stack, await stack.upload(to_pass, encryption="aes-128"))
    assert "remux" in {step["kind"] for step in asset["steps"]}
    assert asset["renditions"][0]["passthrough"]
    text = (await fetch(asset["playback_url"])).body.decode()
    first = next(line for line in text.splitlines() if line and not line.startswith("#"))
    assert await asyncio.to_thread(frames, urljoin(asset["playback_url"], first)) == (LENGTH_S * 10, b"")
    prefix = f"{keys.asset_prefix(AssetId(asset['id']))}revisions/"
    revisions = [
        manifest_from_bytes(await stored.get("kadr-media", e.key)) async for e in stored.list("kadr-media", prefix)
    ]
    assert [made.encryption for made in revisions] == [Encryption.AES_128]
    assert (await stack.api("DELETE", f"/v1/assets/{asset['id']}"))[0] == 204


async def test_what_is_added_later_is_encrypted_with_the_same_key(stack: Stack, title: Any, stored: Storage) -> None:
    before = await manifest_of(stack, stored, title["id"])
    key_url = await key_of((await token(stack, title))["url"])
    for wanted in (
        {"kind": "subtitles", "language": "en", "text": WORDS},
        {"kind": "audio", "language": "fr", "asset_id": title["id"]},
    ):
        status, body = await stack.api("POST", f"/v1/assets/{title['id']}/tracks", json=wanted)
        assert status == 201, body
    url = (await token(stack, title))["url"]
    deadline = time.monotonic() + 2 * WITHIN_S * runs.patience()
    while not {'LANGUAGE="fr"', "TYPE=SUBTITLES"} <= set(
        re.findall(r'LANGUAGE="fr"|TYPE=SUBTITLES', (await fetch(url)).body.decode())
    ):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    after = await manifest_of(stack, stored, title["id"])
    for path, file in before.files.items():
        assert path == "index.m3u8" or after.files[path] == file, "encrypted once"
    assert (await fetch(key_url)).body == (await fetch(await key_of(url))).body
    assert await faults(url) == [], "every segment opens, the dub's too"
    text = (await fetch(url)).body.decode()
    (texts,) = re.findall(r'TYPE=SUBTITLES.*URI="([^"]+)"', text)
    playlist = (await fetch(urljoin(url, texts))).body.decode()
    assert "EXT-X-KEY" not in playlist
    first = next(line for line in playlist.splitlines() if not line.startswith("#"))
    assert "In the clear" in (await fetch(urljoin(urljoin(url, texts), first))).body.decode()


# Who gets the key


async def test_a_key_is_for_its_session_alone(stack: Stack, title: Any) -> None:
    made = [await token(stack, title), await token(stack, title, viewer="u-key")]
    urls = [await key_of(each["url"]) for each in made]
    assert made[0]["session"] in urls[0]
    assert made[1]["session"] in urls[1]
    answers = [await fetch(url) for url in urls]
    for answer in answers:
        assert (answer.status, len(answer.body)) == (200, 16)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answers[0].body == answers[1].body


async def test_no_altered_key_url_is_served(stack: Stack, title: Any) -> None:
    url = await key_of((await token(stack, title, viewer="u-key"))["url"])
    base, _, path = url.partition("/key/")
    signed = path.split("/")
    assert len(signed) == 4
    for place in range(len(path)):
        altered = path[:place] + ("1" if path[place] == "0" else "0") + path[place + 1 :]
        answer = await fetch(f"{base}/key/{altered}")
        assert answer.status == 403, altered
    for missing in ("/".join(signed[1:]), "/".join(signed[:-1]), "", f"{path}/", f"../key/{path}"):
        answer = await fetch(f"{base}/key/{missing}")
        assert answer.status in (403, 404), missing
        assert len(answer.body) != 16
    delivery = next(iter(await media_playlists((await token(stack, title))["url"])))
    other = delivery.partition("/t/")[2].split("/")[0]
    refused(await fetch(f"{base}/key/{other}/{'/'.join(signed[1:])}"), 403, "token_refused")


async def test_a_revoked_session_gets_no_key(stack: Stack, title: Any) -> None:
    gone, stays = await token(stack, title), await token(stack, title)
    urls = [await key_of(each["url"]) for each in (gone, stays)]
    path = f"/v1/playback_ids/{title['playback_ids'][0]['id']}/revocations"
    assert (await stack.api("POST", path, json={"session": gone["session"]}))[0] == 201
    await until(urls[0], 403, "revoked")
    assert (await fetch(urls[1])).status == 200


async def test_a_revoked_viewer_gets_no_key_in_any_session(stack: Stack, title: Any) -> None:
    urls = [await key_of((await token(stack, title, viewer="ü-1"))["url"]) for _ in range(2)]
    stays = await key_of((await token(stack, title, viewer="ü-2"))["url"])
    path = f"/v1/playback_ids/{title['playback_ids'][0]['id']}/revocations"
    assert (await stack.api("POST", path, json={"viewer": "ü-1"}))[0] == 201
    for url in urls:
        await until(url, 403, "revoked")
    assert (await fetch(stays)).status == 200


async def test_a_title_that_is_taken_down_gives_no_key(stack: Stack, title: Any) -> None:
    url = await key_of((await token(stack, title))["url"])
    path = f"/v1/assets/{title['id']}/takedown"
    assert (await stack.api("POST", path))[0] == 202
    await until(url, 410, "gone")
    assert (await stack.api("DELETE", path))[0] == 200
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while (await fetch(url)).status != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


# What is refused


async def test_downloads_of_an_encrypted_title_are_refused(stack: Stack) -> None:
    wanted = {"filename": "a.mp4", "size_bytes": 1, "encryption": "aes-128", "downloads": "standard"}
    status, problem = await stack.api("POST", "/v1/uploads", json=wanted)
    assert (status, problem["code"]) == (422, "invalid")
    wanted = {"filename": "a.mp4", "size_bytes": 1, "encryption": "cbcs"}
    status, problem = await stack.api("POST", "/v1/uploads", json=wanted)
    assert (status, problem["pointer"]) == (422, "/encryption")
