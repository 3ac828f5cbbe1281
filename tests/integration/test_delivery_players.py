"""hls.js, Shaka Player and dash.js on a title behind two nginx CDNs and the origin: what delivery does to a viewer.

One stack of its own: two edges by `deploy/edge` on host names of their own, an origin lock, steering. Skipped by name
without Chromium or nginx.
"""

import asyncio
import json
import os
import re
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis.asyncio
import yaml
from playwright.async_api import Browser, Route

from benchmarks.delivery import edge
from core.model import PlaybackId
from core.tokens import playback_token
from core.tokens.playback_token import Claims
from tests import runs
from tests.browsers import CHROMIUM, visiting
from tests.lone_origin import free_port
from tests.media import generate
from tests.players import SCRIPTS, Viewing, play, serving, viewing
from tests.published import broken_rules
from tests.selection import MORE_PLAYERS, some
from tests.stack import Stack
from tests.web import fetch, json_of

NGINX = edge.binary()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(NGINX is None, reason="nginx is not on this machine"),
    pytest.mark.skipif(
        not all(map(Path.exists, SCRIPTS.values())), reason="a player is not installed (make test does)"
    ),
]
PLAYERS = ("hls", "shaka", "dash")
LOCK = secrets.token_hex(16)
KEY = secrets.token_hex(16)
DURATION_S = 48
AHEAD_S = 8
CUES = ((3, 5, "Grüße – hej då"), (9, 15, "over a cut"), (27, 33, "over two files of text"), (42, 47, "the last"))
SESSIONS = tuple(f"{number:016x}" for number in range(300))


@dataclass
class Cdn:
    """One nginx. A host name of its own, as Shaka Player gives up whole host names."""

    id: str
    host: str
    weight: int
    folder: Path
    port: int = field(default_factory=free_port)
    server: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @asynccontextmanager
    async def running(self, origin_port: int) -> AsyncIterator[None]:
        config = edge.rendered(
            {
                "LISTEN": f"127.0.0.1:{self.port}; listen {self.host}:{self.port}",
                "TLS": "",
                "ORIGIN": f"127.0.0.1:{origin_port}",
                "ORIGIN_LOCK": LOCK,
                **{"KID_1": "k1", "SECRET_1": KEY, "KID_2": "none", "SECRET_2": secrets.token_hex(16)},
                "DIR": str(self.folder),
                "CACHE_SIZE": "100m",
                "WORKERS": "1",
            }
        )
        assert NGINX is not None
        async with edge.running(NGINX, self.folder, config, self.port) as self.server:
            yield

    async def stop(self) -> None:
        assert self.server is not None
        self.server.terminate()
        await self.server.wait()


@dataclass
class Place:
    """The stack and its CDNs."""

    stack: Stack
    cdns: dict[str, Cdn]
    file: Path

    def of(self, url: str) -> str:
        """The pathway that a file was asked for on."""
        parts = urlsplit(url)
        return next((one.id for one in self.cdns.values() if parts.netloc == f"{one.host}:{one.port}"), "origin")

    async def steer(self, *arguments: str) -> Any:
        """`kadr steer` as an operator would."""
        env = {"KADR_REDIS_URL": self.stack.endpoints["redis_url"], "KADR_CDNS": str(self.file)}
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kadr", "steer", *arguments),
            env={**os.environ, **env},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asyncio.wait_for(running.communicate(), 60)
        assert running.returncode == 0
        return json.loads(said)

    async def forget(self) -> None:
        """As if nobody had reported or decided anything yet."""
        async with redis.asyncio.Redis.from_url(self.stack.endpoints["redis_url"]) as client:
            if keys := [key async for key in client.scan_iter("kadr:steer:*") if key != b"kadr:steer:lead"]:
                await client.delete(*keys)


@pytest.fixture(scope="module")
async def place_of_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("delivery")
    cdns = [Cdn("a", "127.0.0.2", 70, folder / "a"), Cdn("b", "127.0.0.3", 30, folder / "b")]
    listed: list[dict[str, Any]] = [
        {
            **{"id": one.id, "base_url": one.url, "scheme": "secure_link", "keys": {"k1": KEY}, "weight": one.weight},
            "probe_path": "/health/edge",
        }
        for one in cdns
    ]
    file = folder / "cdns.yaml"
    file.write_text(yaml.safe_dump({"version": 1, "cdns": [*listed, {"id": "origin", "weight": 0}]}))
    env = {"KADR_CDNS": str(file), "KADR_ORIGIN_LOCK_KEYS": f"k1:{LOCK}"}
    stack = Stack(folder / "home", env=env)
    for one in cdns:
        one.folder.mkdir()
    async with AsyncExitStack() as running:
        for one in cdns:
            await running.enter_async_context(one.running(stack.port + 1))
        await stack.start()
        try:
            yield Place(stack, {one.id: one for one in cdns}, file)
            for one in cdns:
                if one.server is not None and one.server.returncode is not None:
                    await running.enter_async_context(one.running(stack.port + 1))
            broken = await broken_rules(stack)
        finally:
            assert await stack.stop() == 0
        assert list(stack.programs()) == [], "kadr up left programs behind"
        assert broken == {}, "titles that break a rule of HLS"


@pytest.fixture
async def place(place_of_all: Place) -> AsyncIterator[Place]:
    """Both CDNs are there, and nothing is held against either."""
    async with AsyncExitStack() as running:
        for one in place_of_all.cdns.values():
            if one.server is not None and one.server.returncode is not None:
                await running.enter_async_context(one.running(place_of_all.stack.port + 1))
        await place_of_all.forget()
        await until_first(place_of_all, {"a", "b"})
        yield place_of_all


async def until_first(place: Place, wanted: set[str]) -> None:
    """Once the origin sends these sessions to exactly these pathways first."""
    async with asyncio.timeout(30 * runs.patience()):
        while {(await answered(place, session))["PATHWAY-PRIORITY"][0] for session in SESSIONS[:20]} != wanted:
            await asyncio.sleep(0.1)


async def answered(place: Place, session: str) -> Any:
    return json_of(await fetch(f"{place.stack.endpoints['origin']}/steer/{session}"))


@pytest.fixture(scope="module")
async def titles(place_of_all: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """One with subtitles and a second sound, and a small one that nobody has looked at before its test."""
    stack, folder = place_of_all.stack, tmp_path_factory.mktemp("titles")
    long, small = folder / "long.mp4", folder / "small.mp4"
    generate(long, f"testsrc2=size=768x432:rate=10:duration={DURATION_S}", f"sine=frequency=440:duration={DURATION_S}")
    generate(small, "testsrc2=size=416x234:rate=10:duration=24", "sine=frequency=880:duration=24")
    asset_ids = [await stack.upload(file, ladder="apple", effort="economy", language="en") for file in (long, small)]
    said = "".join(f"00:{begins:02d}.000 --> 00:{ends:02d}.000\n{text}\n\n" for begins, ends, text in CUES)
    for track in (
        {"kind": "subtitles", "language": "en", "text": f"WEBVTT\n\n{said}"},
        {"kind": "audio", "language": "sv", "asset_id": asset_ids[1]},
    ):
        status, body = await stack.api("POST", f"/v1/assets/{asset_ids[0]}/tracks", json=track)
        assert status == 201, body
    ready = [await stack.wait(asset_id, "ready") for asset_id in asset_ids]
    async with asyncio.timeout(60 * runs.patience()):
        while (text := await multivariant(ready[0])).count("TYPE=SUBTITLES") != 3 or 'LANGUAGE="sv"' not in text:
            await asyncio.sleep(0.2)  # once for each pathway
    return ready[0], ready[1]


async def multivariant(asset: Any) -> str:
    return (await fetch(asset["playback_url"])).body.decode()


@pytest.fixture(scope="module")
async def players_url() -> AsyncIterator[str]:
    async with serving() as url:
        yield url


@pytest.fixture
async def viewer(browser: Browser, players_url: str) -> AsyncIterator[Viewing]:
    async with viewing(browser, players_url) as opened:
        yield opened


def url_for(player: str, asset: Any) -> str:
    url: str = asset["playback_url"]
    return url.replace("index.m3u8", "manifest.mpd") if player == "dash" else url


async def check_end(viewer: Viewing, duration_s: float, *, dry: int = 0) -> None:
    """It has come to its end, and has waited with nothing to show at most so often."""
    # Chromium without a screen at times stands on the last frame and does not say that this was the end.
    await viewer.until("video.ended || video.duration - video.currentTime < 0.1")
    assert await viewer.of_video("currentTime") == pytest.approx(duration_s, abs=0.3)
    assert len(await viewer.seen("dry")) <= dry, await viewer.told()


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.acceptance(MORE_PLAYERS)
async def test_each_player_switches_seeks_and_shows_what_is_said(
    place: Place, titles: tuple[Any, Any], viewer: Viewing, player: str
) -> None:
    asset, _ = titles
    heights = sorted({one["height"] for one in asset["renditions"] if one["kind"] == "video"})
    text = await multivariant(asset)
    rates = sorted(set(map(int, re.findall(r"#EXT-X-STREAM-INF:BANDWIDTH=(\d+)", text))))
    assert len(rates) >= 3
    # From the start as fast as a network may be: who has seen 100 Mb/s believes in them for long.
    await viewer.limit_network(3 * rates[-1])
    await play(viewer, player, url_for(player, asset), 12)
    assert sorted(await viewer.page.evaluate("languages()")) == ["en", "sv"]
    await viewer.until(f"video.videoHeight === {heights[-1]}")
    await viewer.until("shown().length > 0")
    # Too slow for the highest, with some room for the next.
    await viewer.limit_network(1.2 * rates[-2])
    await viewer.until(f"video.videoHeight < {heights[-1]}")
    slow_at = await viewer.of_video("currentTime")
    # No faster: dash.js takes what comes at once to come from the browser's cache, and learns nothing from it.
    await viewer.limit_network(3 * rates[-1])
    await viewer.until(f"video.currentTime > {slow_at + 3}")
    if player != "hls":  # which climbs so slowly after few bytes that this title is over before
        await viewer.until(f"video.videoHeight === {heights[-1]}")
    await viewer.page.evaluate(f"choose('sv'); video.currentTime = {DURATION_S - 10}")
    # Another place and another sound at once: both have little to show for a moment, and dash.js asks for more than the
    # slowed network has. That is no stall of ours: every request is answered.
    await check_end(viewer, asset["duration_s"], dry=0 if player == "shaka" else 1)
    assert await viewer.seen("errors") == []
    assert viewer.lost == []
    assert any(f"/{dub(text)}/" in url for url in viewer.segments(viewer.got))
    # A player does not wait for texts: on the slowed network they may come after the picture.
    assert check_texts(await viewer.seen("texts"), late_s=2) >= {CUES[0][2], CUES[1][2], CUES[3][2]}


def dub(text: str) -> str:
    """The folder of the second sound."""
    found = re.search(r'LANGUAGE="sv".*URI="[^"]*/(\w+)/index.m3u8"', text)
    assert found is not None, text
    return found[1]


def check_texts(seen: list[tuple[float, list[str]]], late_s: float = 0.5, speed: int = 1) -> set[str]:
    """Each cue was shown at its time, once, and nothing at others: which ones. A moment is left to either side.

    late_s: how long after its beginning a cue may still be missing, and after its end still be there.
    """
    moment_s = 0.5 * speed
    met: set[str] = set()
    for at_s, texts in seen:
        if any(abs(at_s - edge_s) < moment_s for begins, ends, _ in CUES for edge_s in (begins, ends)):
            continue
        said = [text for begins, ends, text in CUES if begins < at_s < ends]
        if not texts and any(begins < at_s < begins + late_s for begins, _, _ in CUES):
            continue
        if not said and any(texts == [text] and ends < at_s < ends + late_s for _, ends, text in CUES):
            continue
        assert texts == said, at_s
        met.update(said)
    return met


@pytest.mark.parametrize("player", some(PLAYERS, ["shaka"], MORE_PLAYERS))
async def test_a_cdn_that_stops_costs_no_viewer_a_segment(
    place: Place, titles: tuple[Any, Any], viewer: Viewing, player: str
) -> None:
    asset, _ = titles
    await play(viewer, player, url_for(player, asset), AHEAD_S)
    await viewer.until("video.currentTime > 3")
    before = viewer.segments(viewer.got)
    first = {place.of(url) for url in before}
    assert len(first) == 1, "one way for all"
    await place.cdns[next(iter(first))].stop()
    asked = len(viewer.got)
    # dash.js waits a second before it asks again: at twice the speed it has nothing to show then. hls.js fetches texts
    # after pictures: on a busy machine, at twice the speed, one is over before it comes.
    if player == "shaka":
        await viewer.page.evaluate("video.playbackRate = 2")
    # At twice the speed a busy machine has nothing to show for a moment.
    await check_end(viewer, asset["duration_s"], dry=2)
    # One segment of each kind, and at most one more of each that was asked for at the same time.
    lost = set(viewer.segments(viewer.lost))
    assert 1 <= len(lost) <= 4, viewer.lost
    assert {place.of(url) for url in lost} == first
    assert {place.of(url) for url in viewer.segments(viewer.got[asked:])} & first == set()
    assert [error for error in await viewer.seen("errors") if error["fatal"]] == []
    later = [(at_s, texts) for at_s, texts in await viewer.seen("texts") if at_s > CUES[0][1]]
    # At twice the speed a text that comes with a file from another CDN is four seconds late after two.
    assert check_texts(later, late_s=4, speed=2) == {text for _, _, text in CUES[1:]}


@pytest.mark.acceptance(MORE_PLAYERS)
async def test_kadrs_player_keeps_its_captions_when_a_cdn_stops(
    place: Place, titles: tuple[Any, Any], browser: Browser
) -> None:
    """Steered to the other CDN, of which the page's policy knows, with every caption of what is still to come."""
    asset, _ = titles
    rates = re.findall(r"#EXT-X-STREAM-INF:BANDWIDTH=(\d+)", await multivariant(asset))
    async with visiting(browser, 800, 600) as visit:
        network = await visit.page.context.new_cdp_session(visit.page)
        await network.send("Network.enable")
        speed = 3 * max(map(int, rates)) / 8  # so that it does not load the whole title at once
        limits = {"offline": False, "latency": 0, "downloadThroughput": speed, "uploadThroughput": -1}
        await network.send("Network.emulateNetworkConditions", limits)
        await visit.watch(asset["watch_url"])
        await visit.page.get_by_role("button", name="Captions").click()
        await visit.page.get_by_role("menuitemradio").nth(1).click()
        line = visit.page.locator(".cues.lower p")
        await line.filter(has_text=CUES[0][2]).wait_for()
        first = {place.of(url) for url in visit.asked if ".m4s" in url}
        assert len(first) == 1, "one way for all"
        await place.cdns[next(iter(first))].stop()
        asked = len(visit.asked)
        await visit.page.evaluate("document.querySelector('video').playbackRate = 2")
        for _, _, text in CUES[1:]:
            await line.filter(has_text=text).wait_for()
        assert {place.of(url) for url in visit.asked[asked:] if ".m4s" in url} & first == set()
        assert await visit.fatal_errors() == []
        assert [problem for problem in visit.problems if "Content Security Policy" in problem] == []


def playing(place: Place, asset: Any, session: str) -> str:
    """The URL that starts this session, as an application would sign it."""
    kept = json.loads((place.stack.home / "secrets.json").read_text())
    playback_id = PlaybackId(asset["playback_ids"][0]["id"])
    claims = Claims(playback_id=playback_id, session=session, expires_at=int(time.time()) + 600)
    token = playback_token.sign(claims, {"k1": bytes.fromhex(kept["playback_key"])})
    return f"{asset['playback_url'].partition('?')[0]}?token={token}"


async def began_at(place: Place, asset: Any) -> dict[str, str]:
    """Session -> the pathway its playlist begins with, which is what steering says of it, too."""
    found = {}
    limit = asyncio.Semaphore(16)

    async def ask(session: str) -> None:
        async with limit:
            text = (await fetch(playing(place, asset, session))).body.decode()
            said = re.search(
                r'^#EXT-X-CONTENT-STEERING:SERVER-URI="[^"]*/steer/(\w+)",PATHWAY-ID="(\w+)"$', text, re.MULTILINE
            )
            assert said is not None, text
            assert said[1] == session
            order = (await answered(place, session))["PATHWAY-PRIORITY"]
        assert order[0] == said[2]
        assert order[-1] == "origin"
        found[session] = said[2]

    async with asyncio.TaskGroup() as group:
        for session in SESSIONS:
            group.create_task(ask(session))
    return found


async def test_weights_split_the_sessions(place: Place, titles: tuple[Any, Any]) -> None:
    counted = Counter((await began_at(place, titles[0])).values())
    # Seven to three of fixed sessions, within three deviations of a binomial distribution.
    assert counted.total() == len(SESSIONS)
    assert counted["a"] / len(SESSIONS) == pytest.approx(0.7, abs=0.08)
    assert set(counted) == {"a", "b"}


async def test_an_operators_word_moves_whoever_plays(place: Place, titles: tuple[Any, Any], viewer: Viewing) -> None:
    asset, _ = titles
    assert (await place.steer("--to", "a"))["override"] == "a"
    await until_first(place, {"a"})
    said = await answered(place, SESSIONS[0])
    assert 27 <= said["TTL"] <= 33
    assert said["PATHWAY-PRIORITY"] == ["a", "b", "origin"]
    await impatient(viewer)
    await play(viewer, "hls", asset["playback_url"], AHEAD_S)
    await viewer.until("video.currentTime > 3")
    assert {place.of(url) for url in viewer.segments(viewer.asked)} == {"a"}
    await place.steer("--to", "b")
    await until_first(place, {"b"})
    async with asyncio.timeout(30 * runs.patience()):
        while not any(place.of(url) == "b" for url in viewer.segments(viewer.asked)):
            await asyncio.sleep(0.1)
    await viewer.page.evaluate("video.playbackRate = 2")
    await check_end(viewer, asset["duration_s"])
    assert await viewer.seen("errors") == []
    assert viewer.lost == []
    assert (await place.steer("--auto"))["override"] is None
    await until_first(place, {"a", "b"})


async def impatient(viewer: Viewing) -> None:
    """It asks again after 2 s, whatever TTL it is told: a test cannot wait for 30."""

    async def shorter(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, json={**await answer.json(), "TTL": 2})

    await viewer.page.route("**/steer/*", shorter)


async def test_without_database_and_redis_a_viewer_watches_to_the_end(
    place: Place, titles: tuple[Any, Any], browser: Browser, players_url: str, viewer: Viewing
) -> None:
    """Both hold still and answer nobody, which is worse than being gone. One plays from a CDN, one from the origin."""
    _, asset = titles
    await place.steer("--to", "origin")
    await until_first(place, {"origin"})
    async with viewing(browser, players_url) as other:
        await impatient(viewer)
        await play(other, "hls", asset["playback_url"], AHEAD_S)
        await place.steer("--auto")
        await until_first(place, {"a", "b"})
        await play(viewer, "hls", asset["playback_url"], AHEAD_S)
        await viewer.until("video.currentTime > 2")
        with held_still(place.stack, "postgres", "redis-server"):
            for one in (viewer, other):
                await one.page.evaluate("video.playbackRate = 2")
            for one in (viewer, other):
                await check_end(one, asset["duration_s"])
        for one in (viewer, other):
            assert [error for error in await one.seen("errors") if error["fatal"]] == []
            assert one.lost == []


@contextmanager
def held_still(stack: Stack, *names: str) -> Iterator[None]:
    pids = [pid for name in names for pid in stack.running(name)]
    assert len(pids) > len(names)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                continue
