"""kadr check over HTTP: how files are answered, steering, what cannot be read; and the command's exit codes."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hls_checker import rules
from hls_checker.fetch import CheckLimits
from hls_checker.gather import CannotCheck, gather
from kadr import cli
from tests.hls_breaks import BREAKS, edit, together
from tests.hls_titles import on_two_pathways
from tests.published import faults

TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".vtt": "text/vtt",
    ".mpd": "application/dash+xml",
}
YEAR = "public, max-age=31536000, s-maxage=3600, immutable"
SOUND_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, Date",
    "Cache-Control": YEAR,
}
STEERED = {"VERSION": 1, "TTL": 300, "PATHWAY-PRIORITY": ["b", "a"]}
Answer = Callable[[web.Request, web.Response], web.StreamResponse]


def as_it_is(_: web.Request, answer: web.Response) -> web.StreamResponse:
    return answer


@dataclass
class Site:
    """A folder as a good origin serves it; `changed` has the last word over each answer."""

    folder: Path
    steered: Any = field(default_factory=lambda: dict(STEERED))
    steering_headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    changed: Answer = as_it_is

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        path = self.folder / request.path.lstrip("/")
        if request.path == "/steer":
            text = self.steered if isinstance(self.steered, str) else json.dumps(self.steered)
            kinds = {"Content-Type": "application/vnd.apple.steering-list", "Cache-Control": "private, no-store"}
            return web.Response(text=text, headers={**SOUND_HEADERS, **kinds, **self.steering_headers})
        if not path.is_file():
            return web.Response(status=404)
        body, headers = path.read_bytes(), {**SOUND_HEADERS, "Content-Type": TYPES[path.suffix], "ETag": '"1"'}
        status = 200
        if path.name == "index.m3u8" and path.parent == self.folder:
            headers["Cache-Control"] = "private, no-store"
        if path.suffix in (".m3u8", ".mpd") and "gzip" in request.headers["Accept-Encoding"]:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        if "Range" in request.headers:
            span = request.http_range
            whole, status = len(body), 206
            body = body[span]
            headers["Content-Range"] = f"bytes {span.start}-{(span.stop or whole) - 1}/{whole}"
        return self.changed(request, web.Response(body=body, status=status, headers=headers))


@pytest.fixture
async def site(title: Path) -> AsyncIterator[tuple[Site, str]]:
    """(what it serves, the URL of its multivariant playlist)."""
    here, app = Site(title), web.Application()
    app.router.add_route("*", "/{path:.*}", here.serve)
    server = TestServer(app)
    await server.start_server()
    yield here, str(server.make_url("/index.m3u8"))
    await server.close()


def header(name: str, value: str | None, *suffixes: str) -> Answer:
    """Another header, or none, on the answers for these files."""

    def change(request: web.Request, answer: web.Response) -> web.Response:
        if request.path.endswith(suffixes):
            answer.headers.pop(name, None)
            if value is not None:
                answer.headers[name] = value
        return answer

    return change


def not_zipped(request: web.Request, answer: web.Response) -> web.Response:
    if answer.headers.pop("Content-Encoding", None):
        answer.body = gzip.decompress(answer.body)  # type: ignore[arg-type]
    return answer


def redirected(request: web.Request, answer: web.Response) -> web.Response:
    if request.path == "/v234/1.m4s" and "there" not in request.query:
        return web.Response(status=302, headers={"Location": "/v234/1.m4s?there=1"})
    return answer


def no_ranges(request: web.Request, answer: web.Response) -> web.Response:
    if answer.status == 206:
        body = answer.body
        assert isinstance(body, bytes)
        return web.Response(body=body + b"more", headers={k: v for k, v in answer.headers.items() if k[:4] == "Acce"})
    return answer


ANSWERED: dict[str, tuple[Answer, set[str]]] = {
    "playlists without gzip": (not_zipped, {"10.1"}),
    "a segment elsewhere": (redirected, {"8.18"}),
    "a segment for one site": (header("Access-Control-Allow-Origin", None, "0.m4s"), {"cors"}),
    "a playlist for another site": (
        header("Access-Control-Allow-Origin", "https://a.example", "a1/index.m3u8"),
        {"cors"},
    ),
    "hidden headers": (header("Access-Control-Expose-Headers", "Date", ".m4s"), {"cors-expose"}),
    "text for a playlist": (header("Content-Type", "text/plain", "a1/index.m3u8"), {"mime"}),
    "bytes for a segment": (header("Content-Type", "application/octet-stream", ".m4s"), {"mime"}),
    "segments for an hour": (header("Cache-Control", "public, max-age=3600", ".m4s"), {"cache"}),
    "a playlist for an hour": (header("Cache-Control", "public, max-age=3600", "/index.m3u8"), {"cache"}),
    "a weak ETag": (header("ETag", 'W/"1"', ".m4s"), {"etag"}),
    "no ranges": (no_ranges, {"range"}),
}


def steering(uri: str = "/steer?s=1", pathway: str = "a") -> str:
    return rf'\g<0>\n#EXT-X-CONTENT-STEERING:SERVER-URI="{uri}",PATHWAY-ID="{pathway}"'


STEERED_WRONG: dict[str, Any] = {
    "no JSON": "VERSION: 1",
    "a list": [1],
    "another version": {**STEERED, "VERSION": 2},
    "no time": {**STEERED, "TTL": 0},
    "an unknown pathway": {**STEERED, "PATHWAY-PRIORITY": ["c"]},
    "no pathway": {**STEERED, "PATHWAY-PRIORITY": []},
    "a pathway twice": {**STEERED, "PATHWAY-PRIORITY": ["a", "a"]},
}


async def told(url: str) -> set[str]:
    return {line.split()[0] for line in await faults(url)}


async def test_a_sound_title(site: tuple[Site, str]) -> None:
    here, url = site
    assert await faults(url) == []
    assert len(here.asked) == len(set(here.asked)) + 2, "each file once, but the two I-frames that are asked for alone"


@pytest.mark.parametrize("name", ANSWERED)
async def test_an_answer_that_is_wrong(site: tuple[Site, str], name: str) -> None:
    here, url = site
    here.changed, expected = ANSWERED[name]
    assert await told(url) == expected, await faults(url)


async def test_below_a_query(site: tuple[Site, str]) -> None:
    """A URI's own query goes with it, the playlist's does not."""
    here, url = site
    edit("index.m3u8", "v234/index.m3u8", "v234/index.m3u8?sig=2")(here.folder)
    assert await faults(f"{url}?token=1") == []
    assert {"/index.m3u8?token=1", "/v234/index.m3u8?sig=2", "/v234/0.m4s"} <= set(here.asked)


async def test_steering(site: tuple[Site, str]) -> None:
    here, url = site
    together(on_two_pathways, edit("index.m3u8", "#EXT-X-INDEP.*", steering()))(here.folder)
    assert await faults(url) == []
    assert "/steer?s=1&_HLS_pathway=a&_HLS_throughput=5000000" in here.asked


@pytest.mark.parametrize("name", STEERED_WRONG)
async def test_steering_that_is_wrong(site: tuple[Site, str], name: str) -> None:
    here, url = site
    together(on_two_pathways, edit("index.m3u8", "#EXT-X-INDEP.*", steering()))(here.folder)
    here.steered = STEERED_WRONG[name]
    assert await told(url) == {"steering"}


@pytest.mark.parametrize("tag", [steering("/nowhere"), steering(pathway="c")])
async def test_a_steering_tag_that_is_wrong(site: tuple[Site, str], tag: str) -> None:
    here, url = site
    together(on_two_pathways, edit("index.m3u8", "#EXT-X-INDEP.*", tag))(here.folder)
    assert await told(url) == {"steering"}


async def test_steering_as_another_type(site: tuple[Site, str]) -> None:
    here, url = site
    together(on_two_pathways, edit("index.m3u8", "#EXT-X-INDEP.*", steering()))(here.folder)
    here.steering_headers = {"Content-Type": "application/json", "Cache-Control": "max-age=60"}
    assert len(await faults(url)) == 2


def grow(folder: Path) -> None:
    """As it is while it is made: no I-frames yet, the rates are guessed, the last segment is not there."""
    for name in ("v234", "v480", "a1", "a2", "s1"):
        edit(f"{name}/index.m3u8", "TYPE:VOD", "TYPE:EVENT")(folder)
        edit(f"{name}/index.m3u8", "#EXT-X-ENDLIST\n", "")(folder)
    edit("v234/index.m3u8", "#EXTINF:2.*\n.*\n", "")(folder)
    edit("index.m3u8", "#EXT-X-I-FRAME.*\n", "", 0)(folder)
    edit("index.m3u8", r":BANDWIDTH=\d+", ":BANDWIDTH=9000000", 0)(folder)
    (folder / "manifest.mpd").unlink()


async def test_a_title_that_grows(site: tuple[Site, str]) -> None:
    """[8.6] and hls.md: what is watched before it is ready is an EVENT playlist that no cache keeps."""
    here, url = site
    grow(here.folder)
    assert await told(url) == {"cache"}
    here.changed = header("Cache-Control", "private, no-store", ".m3u8")
    assert await faults(url) == []


async def test_an_event_beside_a_whole_one(site: tuple[Site, str]) -> None:
    here, url = site
    edit("v234/index.m3u8", "TYPE:VOD", "TYPE:EVENT")(here.folder)
    assert "8.6" in await told(url)


async def test_a_dash_manifest_elsewhere(site: tuple[Site, str]) -> None:
    here, url = site
    (here.folder / "manifest.mpd").rename(here.folder / "other.mpd")
    other = url.replace("index.m3u8", "other.mpd")
    assert await faults(url, dash_url=other) == []
    edit("other.mpd", "PT10S", "PT9S")(here.folder)
    assert await told_with(url, other) == {"dash"}
    assert await told_with(url, f"{other}x") == {"reach"}


async def test_something_else_where_a_manifest_could_be(site: tuple[Site, str]) -> None:
    here, url = site
    (here.folder / "manifest.mpd").write_text("<html>nothing here</html>")
    assert await faults(url) == []
    assert await told_with(url, url.replace("index.m3u8", "manifest.mpd")) == {"dash"}


async def told_with(url: str, dash_url: str) -> set[str]:
    return {line.split()[0] for line in await faults(url, dash_url=dash_url)}


async def test_no_local_files_from_the_network(site: tuple[Site, str]) -> None:
    here, url = site
    secret = (here.folder / "s1/0.vtt").as_uri()
    edit("s1/index.m3u8", "\n0.vtt", f"\n{secret}")(here.folder)
    assert [line for line in await faults(url) if "outside the folder" in line]


async def test_no_local_files_outside_the_folder(title: Path) -> None:
    (title.parent / "secret.vtt").write_text("WEBVTT")
    edit("s1/index.m3u8", "\n0.vtt", "\n../../secret.vtt")(title)
    assert [line for line in await faults((title / "index.m3u8").as_uri()) if "outside the folder" in line]


async def test_limits(site: tuple[Site, str]) -> None:
    _, url = site

    async def read(limits: CheckLimits) -> list[str]:
        found = await gather(url, dash_url=None, limits=limits, on_progress=lambda *_: None)
        return [entry.what for entry in found.unread]

    assert all("more than the 5000 bytes" in what for what in await read(CheckLimits(file_bytes=5000)))
    assert any("all files together" in what for what in await read(CheckLimits(total_bytes=200_000)))


async def test_progress_ends_where_it_should(site: tuple[Site, str]) -> None:
    _, url = site
    seen: list[tuple[int, int]] = []
    await gather(url, dash_url=None, limits=CheckLimits(), on_progress=lambda *step: seen.append(step))
    assert seen[-1][0] == seen[-1][1] == len(seen)


async def test_what_cannot_be_read_at_all(site: tuple[Site, str]) -> None:
    _, url = site
    for path, why in (
        ("nowhere.m3u8", "answered with 404"),
        ("v234/index.m3u8", "this is a media playlist"),
        ("v234/0.m4s", "it is no UTF-8"),
        ("manifest.mpd", "it begins with"),
    ):
        with pytest.raises(CannotCheck, match=why):
            await faults(url.replace("index.m3u8", path))


def test_every_rule_has_a_title_that_breaks_it() -> None:
    broken = {rule for _, told in [*BREAKS.values(), *ANSWERED.values()] for rule in told}
    # These have tests of their own, here, in test_check_rules and in test_check_decode.
    assert {rule.number for rule in rules.ALL} - broken == {"steering", "target", "scrap", "decode", "12.1"}


# The command


def run(monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    monkeypatch.setattr("sys.argv", ["kadr", "check", *argv])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_a_sound_title_is_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sound_title: Path
) -> None:
    assert run(monkeypatch, str(sound_title)) == 0
    assert capsys.readouterr().out == "0 must, 0 should: 45 rules, 7 playlists, 15 segments, a DASH manifest\n"


def test_a_broken_title_is_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], title: Path) -> None:
    edit("index.m3u8", "RESOLUTION=854x480", "RESOLUTION=852x480")(title)
    assert run(monkeypatch, str(title / "index.m3u8")) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "9.2 must index.m3u8: line 7: RESOLUTION is 852x480, the track's is 854x480"
    assert out[-1].startswith("1 must, 0 should: ")
    assert run(monkeypatch, str(title), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["provisional"], told["faults"][0]["rule"]) == (False, False, "9.2")


def test_what_should_hold_is_told_and_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], title: Path
) -> None:
    edit("index.m3u8", "CLOSED-CAPTIONS=NONE,", "", 0)(title)
    assert run(monkeypatch, str(title)) == 0
    assert capsys.readouterr().out.count("closed-captions should") == 2


def test_repetitions_only_with_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], title: Path
) -> None:
    for number in range(3):
        edit(f"s1/{number}.vtt", "X-TIMESTAMP.*\n", "")(title)
    for name in ("v234", "v480"):
        (title / name / "1.m4s").unlink()
    (title / "v234/0.m4s").unlink()
    (title / "v480/0.m4s").unlink()
    assert run(monkeypatch, str(title)) == 1
    told = capsys.readouterr().out
    assert (told.count("reach must"), told.count("5.3 must")) == (3, 3)
    assert "reach: and 1 more, shown with --all" in told
    assert run(monkeypatch, str(title), "--all") == 1
    told = capsys.readouterr().out
    assert told.count("reach must") == 4
    assert "8.2 holds: video and audio have the same target duration" in told


def test_provisional_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], title: Path) -> None:
    grow(title)
    assert run(monkeypatch, str(title)) == 0
    assert "these rules bind when it is ready: target, 9.9, first-variant, 1.26, 1.27" in capsys.readouterr().out


def test_what_cannot_be_read_is_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, str(tmp_path / "none")) == 2
    assert capsys.readouterr().err.endswith("none: no such file, and no http or https URL\n")
    assert run(monkeypatch, "http://127.0.0.1:9/index.m3u8") == 2
