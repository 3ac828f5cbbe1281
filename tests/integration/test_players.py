"""Real players on what is playable before it is ready, and on every switch between renditions.

hls.js on the watch page and alone, and Shaka Player, both on a page this file serves. What they stall on, lose and skip
is counted inside the page, from its first moment on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser

from packager.playlist import media_playlist
from tests import runs, waiting
from tests.browsers import VIDEO, Visit, hls_errors, machine_was_late, visiting
from tests.media import generate
from tests.playback import media_uris
from tests.renditions import rendition
from tests.selection import MORE_PLAYERS, some
from tests.stack import Stack

pytestmark = pytest.mark.browser
GROWING_S = 30
SWITCHED_S = 96  # 16 segments: room for 12 switches
AT_ONCE_S = 60  # much longer to encode than a player takes to show its end
RATE = 10  # few frames, so that a busy machine shows them all
PLAY_S = 120
PLAYS = 6

# Between the top level and each other one in turn, from every segment to the next. hls.js tells of a switch when its
# first frame is seen.
SWITCH = """
([top, others]) => {
  const hls = kadrPlayer;
  const video = document.querySelector("video");
  window.switched = [];
  hls.startLevel = top;
  hls.on(Hls.Events.LEVEL_SWITCHED, (_, {level}) => {
    switched.push({level, at: video.currentTime});
    hls.nextLevel = level === top ? others[switched.length / 2 % others.length | 0] : top;
  });
  window.shown = [];
  const note = (_, {mediaTime}) => {
    shown.push(mediaTime);
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
  hls.startLoad(0);
}
"""


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    async with visiting(browser) as made:
        yield made


@pytest.fixture(scope="module")
def to_encode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HEVC with sound, which nobody passes through; small, so that its encode is faster than its playback."""
    path = tmp_path_factory.mktemp("players") / "encode.mp4"
    picture = f"testsrc2=size=640x360:rate=15:duration={GROWING_S}"
    options = ("-c:v", "libx265", "-x265-params", "log-level=error", "-tag:v", "hvc1")
    generate(path, picture, f"sine=frequency=440:duration={GROWING_S}", *options)
    return path


def to_pass(path: Path, duration_s: int) -> Path:
    """H.264 High in closed GOPs of 2 s, at fewer bits than an encode of it would take, and AAC."""
    picture = f"testsrc2=size=1280x720:rate={RATE}:duration={duration_s}"
    gop = str(2 * RATE)
    options = ("-preset", "faster", "-crf", "32", "-profile:v", "high", "-g", gop, "-keyint_min", gop)
    sound = f"sine=frequency=440:duration={duration_s}"
    generate(path, picture, sound, *options, "-sc_threshold", "0", "-flags", "+cgop", "-ac", "2")
    return path


@dataclass
class Watched:
    """A media playlist as it was at every look, and the headers it came with."""

    texts: list[str] = field(default_factory=list)
    cached: set[str | None] = field(default_factory=set)

    @property
    def ended(self) -> bool:
        return bool(self.texts) and self.texts[-1].endswith("#EXT-X-ENDLIST\n")


async def media_playlists(session: aiohttp.ClientSession, asset: Any) -> list[str]:
    """URLs of all of them, signed."""

    async def text() -> str | None:
        async with session.get(asset["playback_url"]) as answer:
            return await answer.text() if answer.status == 200 else None

    # For a second after it is playable an origin may still know it as it was before.
    multivariant = await waiting.until(text, within_s=10)
    assert multivariant is not None
    return [urljoin(asset["playback_url"], uri) for uri in media_uris(multivariant)]


async def watch_playlist(session: aiohttp.ClientSession, url: str, watched: Watched) -> None:
    """Look until it has ended."""
    async with asyncio.timeout(PLAY_S * runs.patience()):
        while not watched.ended:
            async with session.get(url) as answer:
                assert answer.status == 200
                watched.texts.append(await answer.text())
                watched.cached.add(answer.headers.get("Cache-Control"))
            await asyncio.sleep(0.25)


async def check_all_was_seen(visit: Visit, duration_s: float) -> None:
    """From its first second to its last, without once running dry."""
    await visit.until(f"{VIDEO}.ended", PLAY_S)
    seen = await visit.page.evaluate("seen")
    # A busy machine says late that it plays; the end of what is there is segments of 6 s away.
    assert seen["began"] < 3, "from the beginning, not near the end of what is there"
    assert seen["dry"] == []
    assert await visit.of_video("currentTime") == pytest.approx(duration_s, abs=0.2)
    assert await visit.of_video("buffered.length") == 1
    played = await visit.page.evaluate(f"[{VIDEO}.played.length, {VIDEO}.played.end(0) - {VIDEO}.played.start(0)]")
    assert played == [1, pytest.approx(duration_s, abs=1)], "nothing was jumped over"
    assert visit.problems == []
    assert [error for error in await hls_errors(visit) if not machine_was_late(error)] == []
    assert await visit.page.evaluate("window.shakaErrors ?? []") == []


async def begun(stack: Stack, file: Path, **options: str) -> Any:
    """An upload that nobody has completed yet: (the upload, the asset)."""
    body = {"filename": file.name, "size_bytes": file.stat().st_size, **options}
    status, created = await stack.api("POST", "/v1/uploads", json=body)
    assert status == 201, created
    _, shown = await stack.api("GET", f"/v1/assets/{created['data']['asset_id']}")
    return created["data"], shown["data"]


async def complete(stack: Stack, upload: Any, file: Path) -> None:
    async with aiohttp.ClientSession() as session:
        with file.open("rb") as body:
            async with session.put(upload["parts"][0]["url"], data=body) as put:
                assert put.status == 200
    assert (await stack.api("POST", f"/v1/uploads/{upload['id']}/complete"))[0] == 202


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    """The files of this folder for pages of any origin; the URL of the folder."""
    app = web.Application()
    app.router.add_static("/", folder)

    async def for_all(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["Access-Control-Allow-Origin"] = "*"

    app.on_response_prepare.append(for_all)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("player", ["hls", "shaka"])
async def test_whoever_comes_when_much_is_there_begins_at_the_beginning(
    visit: Visit, page_url: str, tmp_path: Path, player: str
) -> None:
    """Eight segments without an end: without a word from us players would begin three segments before the last."""
    options = ("-g", "60", "-f", "hls", "-hls_time", "6", "-hls_segment_type", "fmp4", "-hls_playlist_type", "vod")
    names = ("-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename", str(tmp_path / "%05d.m4s"))
    generate(tmp_path / "vod.m3u8", "testsrc2=size=160x90:rate=10:duration=48", None, *options, *names)
    made = rendition("v90", 10, [60] * 8)
    (tmp_path / "growing.m3u8").write_text(media_playlist(made, 6, growing=True))
    async with serving(tmp_path) as url:
        await visit.page.goto(page_url)
        await visit.page.evaluate("([player, url]) => open[player](url)", [player, f"{url}/growing.m3u8"])
        await visit.of_video("play()")
        await visit.until(f"{VIDEO}.currentTime > 0.1")
        assert await visit.of_video("currentTime") < 6


async def test_what_grows_plays_from_its_beginning_to_its_end(
    stack: Stack, browser: Browser, page_url: str, to_encode: Path
) -> None:
    """RFC 8216bis 4.4.3.5: an EVENT playlist is only added to."""
    upload, asset = await begun(stack, to_encode, effort="economy", ladder="apple")
    async with visiting(browser) as page, visiting(browser) as hls, visiting(browser) as shaka:
        for other in (hls, shaka):
            await other.page.goto(page_url)
        await page.page.goto(f"{stack.endpoints['origin']}/watch/{asset['playback_ids'][0]['id']}")
        assert await page.page.locator("video").count() == 0
        assert await page.page.locator("script[src$='/reload.js']").count() == 1
        await complete(stack, upload, to_encode)

        playable = await stack.wait(asset["id"], "playable")
        assert playable["timings"]["ready_s"] is None
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            urls = await media_playlists(session, playable)
            looks = {url: Watched() for url in urls}
            picture = next(url for url in urls if "/v360/" in url)
            last = urljoin(picture, f"{GROWING_S // 6 - 1:05d}.m4s")
            async with session.get(last) as answer:
                assert answer.status == 404, "the title was made before its first second could be asked for"
                assert answer.headers["Cache-Control"] == "no-store"
            for url in sorted(urls, key=lambda url: url == picture):
                group.create_task(watch_playlist(session, url, looks[url]))
            for player, other in (("hls", hls), ("shaka", shaka)):
                await other.page.evaluate("([player, url]) => open[player](url)", [player, playable["playback_url"]])
                await other.of_video("play()")
            # Nobody touches it: it becomes the player.
            await page.page.wait_for_selector("video")
            await page.watch()
            group.create_task(no_playlist_ends_before_all(session, urls))

        for look in looks.values():
            assert look.cached == {"private, no-store"}
            assert all("#EXT-X-PLAYLIST-TYPE:EVENT\n#" in text for text in look.texts)
            assert all("#EXT-X-START:TIME-OFFSET=0.001\n" in text for text in look.texts)
            assert all(after.startswith(before) for before, after in pairwise(look.texts)), "only added to"
            assert look.texts[-1].count("#EXTINF") == GROWING_S // 6
        assert len(set(looks[picture].texts)) > 2, "it grew while it was watched"

        ready = await stack.wait(asset["id"], "ready")
        assert 0 < playable["timings"]["playable_s"] == ready["timings"]["playable_s"] < ready["timings"]["ready_s"]
        assert ready["playback_url"] == playable["playback_url"]
        # Whoever began before goes on with what they began, to its end.
        for one in (page, hls, shaka):
            await check_all_was_seen(one, ready["duration_s"])
        old = urls[0].partition("/v/")[2].split("/")[1]
        for one in (page, hls, shaka):
            media = [url for url in one.asked if "/v/" in url]
            assert {url.partition("/v/")[2].split("/")[1] for url in media} == {old}
            segments = {url.partition("?")[0] for url in media if ".m4s" in url}
            assert len(segments) == 2 * GROWING_S // 6, "every one"

        async with aiohttp.ClientSession() as session:
            new = await media_playlists(session, ready)
            assert all(old not in url for url in new), "a new session gets the whole ladder"
            assert len(new) == len(ready["renditions"]) > len(urls)


@pytest.mark.acceptance(MORE_PLAYERS)
async def test_a_reload_after_ready_resumes_in_the_new_revision(stack: Stack, visit: Visit, to_encode: Path) -> None:
    asset_id = await stack.upload(to_encode, effort="economy", ladder="apple")
    playable = await stack.wait(asset_id, "playable")
    await visit.watch(playable["watch_url"])
    await visit.until(f"{VIDEO}.currentTime > 11")  # nobody is brought back to the first ten seconds
    await visit.of_video("pause()")  # played to its end it would begin anew, and an encode may take longer than that
    await stack.wait(asset_id, "ready")
    at = await visit.of_video("currentTime")
    before = {url.partition("/v/")[2].split("/")[1] for url in visit.asked if "/v/" in url}
    visit.asked.clear()
    await visit.watch(playable["watch_url"])
    assert at - 0.5 <= await visit.of_video("currentTime") < at + 2
    after = {url.partition("/v/")[2].split("/")[1] for url in visit.asked if "/v/" in url}
    assert len(before) == len(after) == 1
    assert before != after
    await visit.page.evaluate(f"{VIDEO}.playbackRate = 2")
    await visit.of_video("play()")
    await visit.until(f"{VIDEO}.ended", PLAY_S)
    assert await visit.page.evaluate("seen.dry") == []
    assert await visit.fatal_errors() == []
    assert visit.problems == []


async def test_an_upload_that_plays_as_it_is_can_be_watched_to_its_end_at_once(
    stack: Stack, browser: Browser, page_url: str, tmp_path: Path
) -> None:
    encoded = await stack.upload(to_pass(tmp_path / "pass.mp4", AT_ONCE_S))
    playable = await stack.wait(encoded, "playable")
    async with visiting(browser) as hls, visiting(browser) as shaka:
        for player, one in (("hls", hls), ("shaka", shaka)):
            await one.page.goto(page_url)
            await one.page.evaluate("([player, url]) => open[player](url)", [player, playable["playback_url"]])
            await one.until(f"{VIDEO}.readyState >= 3")
            assert await one.of_video("duration") == pytest.approx(AT_ONCE_S, abs=0.2)
            await one.page.evaluate(f"{VIDEO}.currentTime = {AT_ONCE_S - 3}")
            await one.of_video("play()")
        for one in (hls, shaka):
            await one.until(f"{VIDEO}.ended")
        _, now = await stack.api("GET", f"/v1/assets/{encoded}")
        assert now["data"]["status"] == "playable", "its ladder was made before anybody could see the end"
        for one in (hls, shaka):
            # A seek gives up what it was about to fetch.
            assert [problem for problem in one.problems if "ERR_ABORTED" not in problem] == []
            assert {url.partition("/v/")[2].split("/")[2] for url in one.asked if ".m4s" in url} == {"v720", "a1"}
        assert await hls.fatal_errors() == []
        assert await shaka.page.evaluate("shakaErrors") == []
    async with aiohttp.ClientSession() as session:
        for url in await media_playlists(session, playable):
            async with session.get(url) as answer:
                assert answer.headers["Cache-Control"] == "private, no-store"
                text = await answer.text()
            assert "#EXT-X-PLAYLIST-TYPE:VOD\n" in text
            assert text.endswith("#EXT-X-ENDLIST\n")
    # Nobody waits for its ladder.
    assert (await stack.api("DELETE", f"/v1/assets/{encoded}"))[0] == 204


async def no_playlist_ends_before_all(session: aiohttp.ClientSession, urls: list[str]) -> None:
    """Shaka Player takes a title of which one track has ended for complete, and stops where the others are by then."""
    in_order = sorted(urls, key=lambda url: "/v360/" in url)  # the picture is read last
    async with asyncio.timeout(PLAY_S * runs.patience()):
        while True:
            ended = []
            for url in in_order:
                async with session.get(url) as answer:
                    ended.append("#EXT-X-ENDLIST" in await answer.text())
            assert ended[-1] or not any(ended), "the sound has ended, the picture has not"
            if all(ended):
                return
            await asyncio.sleep(0.25)


@pytest.mark.parametrize("ladder", some(["smart", "apple"], ["smart"], MORE_PLAYERS))
async def test_twelve_switches_lose_nothing(
    stack: Stack, browser: Browser, page_url: str, tmp_path: Path, ladder: str
) -> None:
    """Between the upload's own track and encoded rungs, and between encoded rungs alone."""
    asset_id = await stack.upload(to_pass(tmp_path / "pass.mp4", SWITCHED_S), ladder=ladder)
    ready = await stack.wait(asset_id, "ready", within_s=300)
    pictures = [one for one in ready["renditions"] if one["kind"] == "video"]
    assert [one["passthrough"] for one in pictures] == [ladder == "smart"] + [False] * (len(pictures) - 1)
    # A busy machine drops frames anywhere; what a switch loses is lost each time.
    lost = set(range(SWITCHED_S * RATE))
    for _ in range(PLAYS):
        async with visiting(browser) as visit:
            lost -= await frames_of_switched_play(visit, page_url, ready["playback_url"], len(pictures))
        if not lost:
            return
    raise AssertionError(f"{len(lost)} frames were shown in none of {PLAYS} plays: {sorted(lost)[:50]}")


async def frames_of_switched_play(visit: Visit, page_url: str, playback_url: str, count: int) -> set[int]:
    """Numbers of the frames that were shown; everything that does not depend on how busy the machine is, is checked."""
    await visit.page.goto(page_url)
    await visit.page.evaluate("url => open.hls(url, {autoStartLoad: false})", playback_url)
    await visit.until("kadrPlayer.levels.length > 0")
    heights = await visit.page.evaluate("kadrPlayer.levels.map(({height}) => height)")
    assert len(heights) == count > 1
    top = heights.index(max(heights))
    await visit.page.evaluate(SWITCH, [top, [level for level in range(count) if level != top]])
    await visit.page.evaluate(f"{VIDEO}.playbackRate = 3")
    await visit.of_video("play()")
    await visit.until(f"{VIDEO}.ended", PLAY_S)

    switched = await visit.page.evaluate("switched")
    assert len(switched) > 12
    assert all((here["level"] == top) != (there["level"] == top) for here, there in pairwise(switched))
    assert {one["level"] for one in switched} == set(range(count))
    assert await visit.of_video("buffered.length") == 1
    assert await visit.page.evaluate("seen.dry") == []
    # What it was fetching when it was told to switch is given up.
    errors = [error for error in await hls_errors(visit) if not machine_was_late(error)]
    assert [error for error in errors if error["details"] != "aborted"] == []
    # Every frame was decoded once: none is missing from a segment or in two of them.
    assert await visit.of_video("getVideoPlaybackQuality().totalVideoFrames") == SWITCHED_S * RATE
    return {round(time_s * RATE) for time_s in await visit.page.evaluate("shown")}
