"""Subtitles through the whole stack: heard by the real faster-whisper with a model that has a script, found in uploads,
edited, made again, translated, and what cannot be had is skipped."""

import asyncio
import importlib.util
import re
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp
import asyncpg
import pytest
from playwright.async_api import Browser

from subtitles.embedded.ass_events import MOST_TRACKS
from subtitles.formats import caption_reader
from tests import runs
from tests.lone import Worker
from tests.marian import PIECES, build, sentencepiece
from tests.media import FFMPEG, generate, shared
from tests.players import play, serving, viewing
from tests.selection import MORE_VALUES
from tests.stack import PLAIN, Stack, nothing_left
from tests.waiting import until
from tests.web import fetch

FIXTURE = Path(__file__).parents[3] / "shared" / "fixtures" / "scripted_whisper.py"
JFK = "speech/en_jfk_11s.flac"
NEAR_S = 0.3  # the voice of that file begins at 0.1 s, where a script's times begin, too
EVERY_S = 480
WITHIN_S = 300  # transcription gives way to all that other tests do
EN = [
    (0.4, 2.4, [("Hello", 0.4, 0.9), ("and", 1.2, 1.6), ("welcome.", 1.6, 2.4)]),
    (3.2, 6.0, [("Today", 3.4, 3.9), ("we", 3.9, 4.1), ("sharpen", 4.1, 4.8), ("a", 4.8, 4.9), ("knife.", 4.9, 6.0)]),
]
RU = [
    (0.4, 1.6, [("Добрый", 0.4, 1.0), ("день.", 1.0, 1.6)]),
    (3.2, 5.8, [("Сегодня", 3.2, 4.0), ("точим", 4.0, 4.6), ("нож.", 4.6, 5.8)]),
]
EDITED = "WEBVTT\n\n00:01.000 --> 00:03.000\nWritten by a person\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[Any], str], dict[str, str]]:
    """The settings of a stack whose model says a script."""
    if not FIXTURE.exists():
        pytest.skip("shared fixture scripted_whisper.py is not here")
    spec = importlib.util.spec_from_file_location("scripted_whisper", FIXTURE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def build(script: list[Any], language: str) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("model") / f"says-{language}"
        module.build(str(folder), script, language)
        return {"KADR_WHISPER_MODEL": str(folder), "KADR_WHISPER_THREADS": "1"}

    return build


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Without a worker: what a model says is the worker's setting."""
    # The API refuses translations that the settings name no model for; whether it is there only a worker knows.
    named = {"KADR_WHISPER_MODEL": "base", "KADR_TRANSLATION_MODEL": "sv-en=/models/sv-en"}
    running = Stack(tmp_path_factory.mktemp("subtitles") / "home", env={"KADR_UP_WORKERS": "0", **named})
    await running.start()
    yield running
    assert await running.stop() == 0
    await nothing_left(running)


@pytest.fixture(scope="module")
async def speaks(
    servers: Stack, model: Callable[..., dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Callable[[str | None], Awaitable[dict[str, str]]]]:
    """Has one worker whose model says the script of this language, or none; gives the settings of such a worker.

    Each can translate from Swedish, for every sentence of which its model says "Good day."
    """
    translator = build(tmp_path_factory.mktemp("model") / "sv-en", PIECES)
    for name in ("source.spm", "target.spm"):
        sentencepiece(translator / name, PIECES)
    env = {
        language: {**model(script, language), "KADR_TRANSLATION_MODEL": f"sv-en={translator}"}
        for language, script in (("en", EN), ("ru", RU))
    }
    env["ru"]["KADR_SUBTITLES"] = "auto"
    there: dict[str, Worker] = {}

    async def only(language: str | None) -> dict[str, str]:
        for other in list(there.keys() - {language}):
            assert await there.pop(other).stop() == 0
        if language is None:
            return env["en"]
        if language not in there:
            there[language] = Worker(servers, servers.home / f"work-{language}", env[language])
            await there[language].start()
        return env[language]

    yield only
    await only(None)


@pytest.fixture
async def english(servers: Stack, speaks: Callable[[str | None], Awaitable[Any]]) -> Stack:
    await speaks("en")
    return servers


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small picture and a voice: six seconds of it, as long as the scripts, in eleven."""
    path = tmp_path_factory.mktemp("clips") / "speech.mp4"
    mux(
        path,
        ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=11", "-i", str(shared(JFK))],
        "-af",
        "atrim=0:6,apad",
        "-shortest",
    )
    return path


@pytest.fixture(scope="module")
def some_minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The voice three times in three minutes: long enough to be stopped in the middle of."""
    return spread(tmp_path_factory.mktemp("clips") / "minutes.m4a", every_s=90)


@pytest.fixture(scope="module")
def long_speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The voice three times in sixteen minutes, which makes two jobs."""
    return spread(tmp_path_factory.mktemp("clips") / "long.m4a", every_s=EVERY_S)


def spread(path: Path, every_s: int) -> Path:
    again = f"aresample=16000,atrim=0:6,apad=whole_dur={every_s},aloop=loop=2:size={every_s * 16000}"
    mux(path, ["-i", str(shared(JFK))], "-af", again, "-t", str(2 * every_s + 15))
    return path


def mux(path: Path, inputs: list[str], *options: str) -> None:
    pictures = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"] if path.suffix == ".mp4" else []
    subprocess.run(
        [FFMPEG, "-v", "error", "-y", *inputs, *pictures, "-c:a", "aac", "-b:a", "64k", *options, str(path)],
        check=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
async def asset(servers: Stack, speaks: Callable[[str | None], Awaitable[Any]], speech: Path) -> Any:
    """Its first track is heard without a word about its language."""
    await speaks("en")
    english = servers
    asset_id = await english.upload(speech, **PLAIN, subtitles="auto")
    return await english.wait(asset_id, "ready")


async def add(stack: Stack, asset: Any, **wanted: Any) -> Any:
    status, body = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=wanted)
    assert status == 201, body
    return body["data"]


def path_of(asset: Any, track: Any) -> str:
    return f"/v1/assets/{asset['id']}/tracks/{track['id']}"


async def ended(stack: Stack, asset: Any, track: Any) -> Any:
    """The track once nobody waits for it any more."""
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while True:
        _, body = await stack.api("GET", path_of(asset, track))
        if body["data"]["status"] not in ("queued", "in_progress"):
            return body["data"]
        assert time.monotonic() < deadline, body
        await asyncio.sleep(0.2)


async def tracks_of(stack: Stack, asset: Any) -> list[Any]:
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}/tracks")
    return list(body["data"])


async def playlist_with(asset: Any, wanted: str, *, there: bool = True) -> str:
    """The multivariant playlist once it has, or has no more, what is wanted."""
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while True:
        text = (await fetch(asset["playback_url"])).body.decode()
        if (wanted in text) is there:
            return text
        assert time.monotonic() < deadline, text
        await asyncio.sleep(0.2)


async def shown(asset: Any, language: str) -> list[Any]:
    """The cues of a language as a player gets them: through the playlists and the first segment."""
    text = await playlist_with(asset, f'LANGUAGE="{language}"')
    (line,) = [line for line in text.splitlines() if "TYPE=SUBTITLES" in line and f'LANGUAGE="{language}"' in line]
    found = re.search(r'URI="([^"]+)"', line)
    assert found is not None
    url = urljoin(asset["playback_url"], found[1])
    segments = [name for name in (await fetch(url)).body.decode().splitlines() if name.endswith(".vtt")]
    return caption_reader.cues((await fetch(urljoin(url, segments[0]))).body)


def said(script: list[Any]) -> str:
    return " ".join(word for _, _, words in script for word, _, _ in words)


def text_of(cues: list[Any]) -> str:
    return " ".join(cue.text.replace("\n", " ") for cue in cues)


async def test_what_is_said_is_shown(english: Stack, asset: Any) -> None:
    queued = [step["kind"] for step in asset["steps"]]
    assert queued.count("transcribe") == 1
    assert queued.index("transcribe") < queued.index("publish")  # the sound is there long before the ladder
    (track,) = await tracks_of(english, asset)
    track = await ended(english, asset, track)
    assert (track["status"], track["error"]) == ("ready", None), track
    assert (track["source"], track["generated"], track["reviewed"]) == ("generated", True, False)
    assert (track["language"], track["name"], track["model"]) == ("en", "English", "says-en")
    assert track["language_probability"] > 0.9
    assert track["progress"] is None
    assert (track["warnings"], track["doubtful"]) == ([], [])
    cues = await shown(asset, "en")
    assert text_of(cues) == said(EN)
    starts = {" ".join(cue.text.split()).split()[0]: cue.start_ms / 1000 for cue in cues}
    for start, _, words in EN:
        assert abs(starts[words[0][0]] - start) <= NEAR_S, cues
    assert "public.machine-generated" in await playlist_with(asset, "TYPE=SUBTITLES")


@pytest.mark.browser
async def test_hls_js_shows_it_when_it_is_said(english: Stack, asset: Any, browser: Browser) -> None:
    (track, *_) = await tracks_of(english, asset)
    await ended(english, asset, track)
    await playlist_with(asset, "TYPE=SUBTITLES")
    await watched(browser, asset, EN)


async def watched(browser: Browser, asset: Any, script: list[Any]) -> None:
    """Played in hls.js to its end: each segment of the script is a showing cue at its time."""
    async with serving() as page_url, viewing(browser, page_url) as viewer:
        await play(viewer, "hls", asset["playback_url"], 12)
        # A player does not wait for texts: from the beginning again once they are there.
        await viewer.until(f"video.textTracks[0]?.cues?.length === {len(script)}")
        await viewer.page.evaluate("video.currentTime = 0; seen.texts = []; video.play()")
        await viewer.until(f"video.currentTime > {script[-1][1] + 1}")
        cues = "[...video.textTracks[0].cues].map(({startTime, text}) => [startTime, text])"
        listed = await viewer.page.evaluate(cues)
        seen = await viewer.seen("texts")
        assert await viewer.seen("errors") == []
    assert [text for _, text in listed] == [said([segment]) for segment in script]
    for (at_s, _), (start, _, _) in zip(listed, script, strict=True):
        assert abs(at_s - start) <= NEAR_S
    for start, end, words in script:
        during = [texts for at_s, texts in seen if start + NEAR_S <= at_s <= end - 2 * NEAR_S]
        assert during, "nothing was looked at while it was said"
        assert all(texts == [said([(start, end, words)])] for texts in during), (start, seen)
    first_s = script[0][0] - NEAR_S
    assert all(texts == [] for at_s, texts in seen if at_s < first_s or at_s > script[-1][1] + NEAR_S)


async def test_a_persons_words_stay(english: Stack, asset: Any) -> None:
    track = await ended(english, asset, await add(english, asset, generate={"language": "en-GB"}, name="Second"))
    assert (track["language"], track["language_probability"], track["name"]) == ("en-GB", None, "Second")
    assert track["warnings"] == []
    path, again = path_of(asset, track), path_of(asset, track) + "/regenerate"
    etag = {"If-Match": track["etag"]}
    status, body = await english.api("PUT", path, json={"text": EDITED}, headers=etag)
    assert (status, body["data"]["source"], body["data"]["generated"]) == (200, "edited", False)
    edited = body["data"]
    status, problem = await english.api("POST", again, json={})
    assert (status, problem["code"]) == (409, "edited")
    assert (await english.api("POST", again, json={"replace": True}))[0] == 428
    assert (await english.api("POST", again, json={"replace": True}, headers=etag))[0] == 412
    async with asyncio.timeout(WITHIN_S * runs.patience()):  # what was heard may have been published before it
        while text_of(await shown(asset, "en-GB")) != "Written by a person":
            await asyncio.sleep(0.2)
    status, body = await english.api("POST", again, json={"replace": True}, headers={"If-Match": edited["etag"]})
    assert status == 202, body
    made = await ended(english, asset, track)
    assert (made["source"], made["generated"]) == ("generated", True)
    assert text_of(caption_reader.read(made["text"])) == said(EN)

    # Made again as it is; in another look; and not any more once a person vouches for it.
    status, body = await english.api("POST", again, json={"profile": "short-vertical"})
    assert status == 202, body
    assert body["data"]["text"] is None
    small = await ended(english, asset, track)
    cues = caption_reader.read(small["text"])
    assert text_of(cues) == said(EN)
    assert all(len(cue.text) <= 18 and len(cue.text.split()) <= 3 for cue in cues)
    status, body = await english.api("PUT", path, json={"reviewed": True}, headers={"If-Match": small["etag"]})
    assert status == 200, body
    assert (body["data"]["reviewed"], body["data"]["source"]) == (True, "generated")
    assert (await english.api("POST", again, json={}))[1]["code"] == "edited"
    assert (await english.api("DELETE", path))[0] == 204
    await playlist_with(asset, 'LANGUAGE="en-GB"', there=False)


async def test_a_brought_track_is_translated_and_not_made_again(english: Stack, asset: Any) -> None:
    track = await add(english, asset, language="sv", text=EDITED)
    assert (track["status"], track["source"]) == ("ready", "uploaded")
    status, problem = await english.api("POST", path_of(asset, track) + "/regenerate", json={})
    assert (status, problem["code"]) == (409, "not_generated")
    wanted = {"from": track["id"], "language": "en-US"}
    translated = await ended(english, asset, await add(english, asset, translate=wanted, name="From Swedish"))
    assert (translated["status"], translated["source"], translated["model"]) == ("ready", "translated", "sv-en")
    (cue,) = caption_reader.read(translated["text"])
    assert (cue.start_ms, cue.text) == (1000, "Good day.")
    assert text_of(await shown(asset, "en-US")) == "Good day."
    for language, status, code in (("fr", 409, "no_translator"), ("sv-SE", 422, "same_language")):
        wanted = {"translate": {"from": track["id"], "language": language}}
        refused, problem = await english.api("POST", f"/v1/assets/{asset['id']}/tracks", json=wanted)
        assert (refused, problem["code"]) == (status, code)
        assert problem["hint"]
    _, body = await english.api("GET", f"/v1/assets/{asset['id']}")
    assert (body["data"]["status"], body["data"]["error"]) == ("ready", None)


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ({"generate": {}, "language": "en"}, 422, "invalid"),
        ({"generate": {"profile": "huge"}}, 422, "invalid"),
        ({"generate": {}, "kind": "audio"}, 422, "invalid"),
        ({"generate": {}, "text": EDITED}, 422, "invalid"),
        ({"text": EDITED}, 422, "invalid"),
        ({"translate": {"from": "tr_01h455vb4pex5vsknk084sn02q", "language": "en"}}, 404, "not_found"),
        ({"translate": {"from": "tr_01h455vb4pex5vsknk084sn02q"}}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_wished(
    english: Stack, asset: Any, wanted: dict[str, Any], status: int, code: str
) -> None:
    answered, problem = await english.api("POST", f"/v1/assets/{asset['id']}/tracks", json=wanted)
    assert (answered, problem["code"]) == (status, code)


async def test_russian_and_from_it_into_english(
    servers: Stack, speaks: Callable[[str | None], Awaitable[Any]], speech: Path
) -> None:
    await speaks("ru")
    russian = servers
    asset = await russian.wait(await russian.upload(speech, **PLAIN), "ready")
    (track,) = await tracks_of(russian, asset)
    track = await ended(russian, asset, track)
    assert (track["language"], track["name"]) == ("ru", "русский")
    cues = await shown(asset, "ru")
    assert text_of(cues) == said(RU)
    for cue, (start, _, _) in zip(cues, RU, strict=True):
        assert abs(cue.start_ms / 1000 - start) <= NEAR_S, cues
    # The model has one script: what it says is not English, but it was asked to translate.
    english = await add(russian, asset, translate={"from": track["id"], "language": "en"})
    english = await ended(russian, asset, english)
    assert (english["status"], english["source"], english["language"]) == ("ready", "translated", "en")
    assert english["model"] == "says-ru"
    assert len(await shown(asset, "en")) > 0


async def test_the_language_its_owner_says(english: Stack, tmp_path: Path) -> None:
    clip = tmp_path / "quiet.mp4"
    generate(clip, "testsrc2=size=160x90:rate=25:duration=2")
    asset_id = await english.upload(clip, **PLAIN, language="de", subtitles="auto")
    asset = await english.wait(asset_id, "ready")
    await add(english, asset, generate={})
    await add(english, asset, generate={"language": "sv"})
    told = [(track["language"], track["name"]) for track in await tracks_of(english, asset)]
    assert told == [("de", "Deutsch"), ("de", "Deutsch"), ("sv", "svenska")]


@pytest.mark.parametrize(
    ("sound", "code"),
    [("anullsrc=duration=4", "no_speech"), pytest.param(None, "no_audio", marks=pytest.mark.acceptance(MORE_VALUES))],
)
async def test_nothing_is_invented(english: Stack, tmp_path: Path, sound: str | None, code: str) -> None:
    clip = tmp_path / "quiet.mp4"
    generate(clip, "testsrc2=size=160x90:rate=25:duration=4", sound)
    asset = await english.wait(await english.upload(clip, **PLAIN), "ready")
    track = await ended(english, asset, await add(english, asset, generate={}))
    assert (track["status"], track["error"]["code"], track["language"]) == ("skipped", code, "und")
    assert track["error"]["message"]
    assert track["error"]["hint"]
    _, body = await english.api("GET", f"/v1/assets/{asset['id']}")
    assert (body["data"]["status"], body["data"]["error"]) == ("ready", None)
    assert "SUBTITLES" not in (await fetch(asset["playback_url"])).body.decode()


async def test_without_a_model(stack: Stack, speech: Path) -> None:
    asset_id = await stack.upload(speech, **PLAIN, language="en", subtitles="auto")
    asset = await stack.wait(asset_id, "ready")
    (track,) = await tracks_of(stack, asset)
    track = await ended(stack, asset, track)
    assert (track["status"], track["error"]["code"]) == ("skipped", "no_model")
    assert "KADR_WHISPER_MODEL" in track["error"]["hint"]
    assert "kadr models fetch" in track["error"]["hint"]


@pytest.mark.parametrize(
    ("file", "jobs", "times"),
    [
        ("speech", 1, 1),
        pytest.param("long_speech", 2, 3, marks=pytest.mark.acceptance("sixteen minutes are heard, in two jobs")),
    ],
)
async def test_a_worker_that_dies_after_each_job(
    servers: Stack,
    speaks: Callable[[str | None], Awaitable[dict[str, str]]],
    request: pytest.FixtureRequest,
    file: str,
    jobs: int,
    times: int,
) -> None:
    """Were a finished job made again, the work would never end."""
    mortal = servers
    env = {**await speaks(None), "KADR_FAILPOINT": "transcribe.after_job"}
    asset_id = await mortal.upload(request.getfixturevalue(file), profile="audio-only", subtitles="auto")
    worker = Worker(mortal, mortal.home / "work-mortal", env)

    async def again_and_again() -> None:
        while True:
            await worker.start()
            assert worker.running is not None
            await worker.running.wait()

    async with asyncio.TaskGroup() as group:
        restarting = group.create_task(again_and_again())
        asset = await mortal.wait(asset_id, "ready")
        (track,) = await tracks_of(mortal, asset)
        track = await ended(mortal, asset, track)
        restarting.cancel()
    assert await worker.stop() in (0, -9)
    assert track["status"] == "ready", track
    cues = caption_reader.read(track["text"])
    assert text_of(cues) == " ".join([said(EN)] * times)
    hellos = [cue.start_ms / 1000 for cue in cues if cue.text.startswith("Hello")]
    assert len(hellos) == times
    for number, start_s in enumerate(hellos):
        assert abs(start_s - EVERY_S * number - EN[0][0]) <= NEAR_S
    connection = await asyncpg.connect(mortal.endpoints["database_url"])
    row = await connection.fetchrow(
        "SELECT interruptions, attempts, state FROM steps WHERE kind = 'transcribe' AND asset_id = $1", asset_id
    )
    await connection.close()
    assert tuple(row) == (jobs, 0, "done"), "it died once after each of its jobs"


async def test_nobody_works_on_what_nobody_waits_for(english: Stack, some_minutes: Path) -> None:
    """Because the track is removed, or because a person has written it meanwhile."""
    asset = await english.wait(await english.upload(some_minutes, profile="audio-only"), "ready")
    track = await begun(english, asset)
    assert (await english.api("DELETE", path_of(asset, track)))[0] == 204
    await listening(english, wanted=False)
    assert await tracks_of(english, asset) == []
    track = await begun(english, asset)
    status, body = await english.api(
        "PUT", path_of(asset, track), json={"text": EDITED, "language": "en"}, headers={"If-Match": track["etag"]}
    )
    assert (status, body["data"]["status"], body["data"]["source"]) == (200, "ready", "edited")
    await listening(english, wanted=False)
    _, body = await english.api("GET", f"/v1/assets/{asset['id']}")
    assert body["data"]["status"] == "ready"


async def test_another_upload_for_the_same_title(english: Stack, speech: Path, tmp_path: Path) -> None:
    """What a machine heard is heard again, what lay in the old file goes, a person's words stay."""
    old = shared("odd/m4v_two_movtext_subs_vfr_7s.m4v")
    asset = await english.wait(await english.upload(old, **PLAIN), "ready")
    heard = await ended(english, asset, await add(english, asset, generate={}))
    brought = await add(english, asset, language="sv", text=EDITED)
    assert [t["source"] for t in await tracks_of(english, asset)].count("embedded") == 2
    silent = tmp_path / "silent.mp4"
    generate(silent, "testsrc2=size=160x90:rate=25:duration=4")
    await replace_source(english, asset, silent, width=160)
    asset = await english.wait(asset["id"], "ready")
    again = await ended(english, asset, heard)
    assert (again["status"], again["error"]["code"], again["text"]) == ("skipped", "no_audio", None)
    assert [t["id"] for t in await tracks_of(english, asset)] == [heard["id"], brought["id"]]
    text = await playlist_with(asset, "TYPE=SUBTITLES")
    assert text.count("TYPE=SUBTITLES") == 1
    assert 'LANGUAGE="sv"' in text
    # And the first one again: what was done for it once is done anew.
    await replace_source(english, asset, old, width=640)
    asset = await english.wait(asset["id"], "ready")
    back = await ended(english, asset, heard)
    assert (back["status"], back["text"] is not None) == (heard["status"], heard["text"] is not None), back
    await playlist_with(asset, 'LANGUAGE="es"')
    assert [t["source"] for t in await tracks_of(english, asset)].count("embedded") == 2


async def test_an_upload_that_fails_takes_nothing_away(english: Stack, tmp_path: Path) -> None:
    """The new one ends before the title's part of it begins, which is only seen once it is probed."""
    old = shared("odd/m4v_two_movtext_subs_vfr_7s.m4v")
    clip = {"start_s": 1, "end_s": 6}
    asset = await english.wait(await english.upload(old, **PLAIN, clip=clip), "ready")
    await playlist_with(asset, 'LANGUAGE="es"')
    before = await tracks_of(english, asset)
    short = tmp_path / "short.mp4"
    generate(short, "testsrc2=size=160x90:rate=25:duration=0.5")
    await replace_source(english, asset, short, width=160)
    asset = await english.wait(asset["id"], "ready")
    assert asset["error"] is not None
    assert [(t["id"], t["status"]) for t in await tracks_of(english, asset)] == [(t["id"], "ready") for t in before]
    await add(english, asset, language="sv", text=EDITED)
    text = await playlist_with(asset, 'LANGUAGE="sv"')
    assert 'LANGUAGE="es"' in text
    assert 'LANGUAGE="en"' in text


async def replace_source(stack: Stack, asset: Any, file: Path, *, width: int) -> None:
    body = {"filename": file.name, "size_bytes": file.stat().st_size}
    status, created = await stack.api("POST", f"/v1/assets/{asset['id']}/source", json=body)
    assert status == 201, created
    (part,) = created["data"]["parts"]
    async with aiohttp.ClientSession() as session, session.put(part["url"], data=file.read_bytes()) as answer:
        assert answer.status == 200
    assert (await stack.api("POST", f"/v1/uploads/{created['data']['id']}/complete"))[0] == 202
    async with asyncio.timeout(WITHIN_S * runs.patience()):
        while (await stack.wait(asset["id"], "ready", "playable"))["source"]["video"]["width"] != width:
            await asyncio.sleep(0.1)


async def begun(stack: Stack, asset: Any) -> Any:
    """A track that is being made."""
    track = await add(stack, asset, generate={})

    async def shown() -> Any:
        return (await stack.api("GET", path_of(asset, track)))[1]["data"]

    # Not by its program alone: that may be one of a track before, which ends between two of its programs.
    found = await until(shown, lambda one: one["status"] != "queued", within_s=WITHIN_S)
    assert found["status"] == "in_progress"
    assert 0 <= found["progress"] < 1
    await listening(stack, wanted=True)
    return found


async def listening(stack: Stack, *, wanted: bool) -> None:
    """Once a program of ours listens to a title, or none does any more."""
    async with asyncio.timeout((WITHIN_S if wanted else 10) * runs.patience()):
        while (
            bool(
                stack.running("subtitles.speech.voice_activity_child")
                or stack.running("subtitles.speech.transcribe_child")
            )
            is not wanted
        ):
            await asyncio.sleep(0.02)


async def embedded(stack: Stack, name: str, **wanted: Any) -> tuple[Any, list[Any]]:
    asset_id = await stack.upload(shared(name), **PLAIN, **wanted)
    asset = await stack.wait(asset_id, "ready")
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while any(step["kind"] == "extract" and step["state"] != "done" for step in asset["steps"]):
        assert time.monotonic() < deadline, asset["steps"]
        await asyncio.sleep(0.2)
        asset = await stack.wait(asset_id, "ready")
    found = await tracks_of(stack, asset)
    return asset, [(await stack.api("GET", path_of(asset, track)))[1]["data"] for track in found]


async def test_tracks_beyond_the_number_of_a_title_are_left_out(stack: Stack) -> None:
    """A disc or an archive: 90 subtitle tracks."""
    asset, tracks = await embedded(stack, "found/tracks_92.mp4")
    assert len(tracks) == MOST_TRACKS
    (warning,) = (one for one in asset["warnings"] if one["code"] == "subtitles_left_out")
    assert warning["message"] == "58 subtitle tracks are left out: a title takes the first 32."


async def test_movtext_in_two_languages(stack: Stack) -> None:
    asset, tracks = await embedded(stack, "odd/m4v_two_movtext_subs_vfr_7s.m4v")
    assert [(t["language"], t["name"], t["source"], t["status"]) for t in tracks] == [
        ("en", "English", "embedded", "ready"),
        ("es", "español", "embedded", "ready"),
    ]
    assert not any(t["generated"] for t in tracks)
    assert [(c.start_ms, c.end_ms, c.text) for c in caption_reader.read(tracks[0]["text"])] == [
        (500, 1900, "This is a test subtitle."),
        (2000, 5370, "AWESOME FIXTURE MOVIE"),
        (5950, 7000, "Nice."),
    ]
    assert [c.text for c in await shown(asset, "es")] == ["Esto es una prueba.", "QUE BEUNA PELICULA", "Vale"]
    status, problem = await stack.api("POST", path_of(asset, tracks[0]) + "/regenerate", json={})
    assert (status, problem["code"]) == (409, "not_generated")


async def test_forced_and_hearing_impaired_tracks_of_an_upload(stack: Stack) -> None:
    asset, tracks = await embedded(stack, "found/subs_forced.mkv")
    assert [(t["kind"], t["forced"]) for t in tracks] == [
        ("subtitles", True),
        ("subtitles", False),
        ("captions", False),
    ]
    text = await playlist_with(asset, "FORCED=YES")
    lines = [line for line in text.splitlines() if line.startswith("#EXT-X-MEDIA:TYPE=SUBTITLES")]
    assert [re.findall(r"FORCED=(\w+)", line) for line in lines] == [["NO"], ["NO"], ["YES"]], "full text first"
    assert ["transcribes-spoken-dialog" in line for line in lines] == [False, True, False]


async def test_times_of_a_trimmed_title(stack: Stack) -> None:
    _, tracks = await embedded(stack, "odd/m4v_two_movtext_subs_vfr_7s.m4v", clip={"start_s": 1, "end_s": 6})
    assert [(c.start_ms, c.end_ms, c.text) for c in caption_reader.read(tracks[0]["text"])] == [
        (0, 900, "This is a test subtitle."),
        (1000, 4370, "AWESOME FIXTURE MOVIE"),
        (4950, 5000, "Nice."),
    ]


async def test_srt_ass_and_pictures_in_matroska(stack: Stack) -> None:
    asset, tracks = await embedded(stack, "odd/mkv_srt_subs_1s.mkv")
    assert [(t["language"], t["name"], t["source"]) for t in tracks] == [("en", "Subs Label", "embedded")]
    assert [c.text for c in await shown(asset, "en")] == ["This is the first subtitle."]
    assert asset["warnings"] == []
    # Its first picture is at 67 ms, and so is the title's time 0.
    _, tracks = await embedded(stack, "odd/mkv_ass_subs_1s.mkv")
    assert [t["language"] for t in tracks] == ["und"]
    (cue,) = caption_reader.read(tracks[0]["text"])
    assert (cue.start_ms, cue.text) == (0, "This is the first subtitle.")
    assert 430 <= cue.end_ms <= 500
    asset, tracks = await embedded(stack, "odd/mkv_pgs_subs_1s.mkv")
    assert tracks == []
    (warning,) = [w for w in asset["warnings"] if w["code"] == "subtitles_unreadable"]
    assert "hdmv_pgs_subtitle (eng)" in warning["message"]
