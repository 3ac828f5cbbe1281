"""deploy/edge with a real nginx before a real origin: who gets in, what is kept, and what an absent origin changes.

Skipped by name where there is no nginx.
"""

import asyncio
import gzip
import json
import os
import re
import secrets
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.delivery import edge
from core.media.encoded import Encoded
from core.model import AssetId
from core.settings import Settings
from core.storage import keys, s3
from origin.cdn.signers import secure_link
from packager.revision import PLAYLIST_TYPE, build_revision
from tests.catalogue import Titles
from tests.lone import servers_env
from tests.lone_origin import LOCK, WITHIN_S, Origin, free_port, origin_of
from tests.renditions import rendition
from tests.stack import Stack
from tests.waiting import until
from tests.web import fetch

NGINX = edge.binary()
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not on this machine")
KEYS = {"k1": "first-" + secrets.token_hex(8), "k2": "second-" + secrets.token_hex(8)}
IMMUTABLE = "public, max-age=31536000, s-maxage=3600, immutable"


async def raw(port: int, target: bytes) -> int:
    """The status of a GET whose target no client library has touched."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), WITHIN_S)
    writer.close()
    await writer.wait_closed()
    return int(answer.split(b" ", 2)[1])


@asynccontextmanager
async def edge_of(folder: Path, origin: Origin) -> AsyncIterator[int]:
    """The port of an edge with an empty cache."""
    folder.mkdir()
    port = free_port()
    config = edge.rendered(
        {
            "LISTEN": f"127.0.0.1:{port}",
            "TLS": "",
            "ORIGIN": f"127.0.0.1:{origin.port}",
            "ORIGIN_LOCK": LOCK,
            **{f"KID_{number}": kid for number, kid in enumerate(KEYS, 1)},
            **{f"SECRET_{number}": secret for number, secret in enumerate(KEYS.values(), 1)},
            "DIR": str(folder),
            "CACHE_SIZE": "100m",
            "WORKERS": "1",
        }
    )
    assert NGINX is not None
    async with edge.running(NGINX, folder, config, port):
        yield port


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge, the origin behind it, and what is published there."""

    port: int
    origin: Origin
    folder: Path
    prefix: str  # /v/{asset}/{revision}/
    other_prefix: str  # of another asset
    asked_before: int

    def url(self, path: str, *, kid: str = "k1", expires_in_s: int = 600, prefix: str | None = None) -> str:
        value = secure_link.token(self.prefix, int(time.time()) + expires_in_s, {kid: KEYS[kid]})
        return f"http://127.0.0.1:{self.port}/s/{value}{prefix or self.prefix}{path}"

    async def asked(self) -> int:
        """How many files the origin has been asked for by this edge."""
        return await asked_so_far(self.origin) - self.asked_before


async def asked_so_far(origin: Origin, process: int = 0) -> int:
    told = (await fetch(origin.metrics_url(process))).body.decode()
    found = re.findall(r'^kadr_http_requests_total\{.*route="/v/[^"]*".*\} ([0-9.]+)$', told, re.MULTILINE)
    return round(sum(map(float, found)))


async def prefix_of(playback_url: str) -> str:
    text = (await fetch(playback_url)).body.decode()
    found = re.search(r"(/v/as_[0-9a-z]+/[0-9a-f]+/)", text)
    assert found, text
    return found[1]


@pytest.fixture(scope="module")
async def prefixes(title: Titles) -> tuple[str, str]:
    """Of two published titles."""
    one, two = [await prefix_of((await title(name))["playback_url"]) for name in ("public", "signed")]
    return one, two


@pytest.fixture(scope="module")
async def origin(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Origin]:
    async with origin_of(stack, tmp_path_factory.mktemp("origin")) as one:
        yield one


@pytest.fixture
async def at(origin: Origin, prefixes: tuple[str, str], tmp_path: Path) -> AsyncIterator[Edge]:
    """A fresh edge."""
    async with edge_of(tmp_path / "edge", origin) as port:
        yield Edge(port, origin, tmp_path / "edge", *prefixes, await asked_so_far(origin))


def altered(text: str) -> list[str]:
    """`text` with each of its characters changed once, for a near one of the same kind."""
    changes = []
    for at, char in enumerate(text):
        other = {"f": "e", "z": "y", "Z": "Y", "9": "8"}.get(char) or (chr(ord(char) + 1) if char.isalnum() else "0")
        changes.append(text[:at] + other + text[at + 1 :])
    return changes


async def test_a_good_token_opens_and_the_second_request_is_kept(at: Edge) -> None:
    for path, kind in (("v360/index.m3u8", "application/vnd.apple.mpegurl"), ("v360/00000.m4s", "video/iso.segment")):
        first, second = await fetch(at.url(path)), await fetch(at.url(path, kid="k2", expires_in_s=900))
        assert (first.status, second.status) == (200, 200)
        assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("MISS", "HIT")
        assert first.body == second.body != b""
        for answer in (first, second):
            assert answer.headers["Content-Type"] == kind
            assert answer.headers["Cache-Control"] == IMMUTABLE
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert re.fullmatch(r'"[0-9a-f]{32}"', answer.headers["ETag"])
    assert await at.asked() == 2


async def test_ranges_and_conditions_are_answered_here(at: Edge) -> None:
    url = at.url("v360/00000.m4s")
    part = await fetch(url, Range="bytes=10-19")
    whole = await fetch(url)
    assert (part.status, part.body) == (206, whole.body[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole.body)}"
    assert (await fetch(url, If_None_Match=whole.headers["ETag"])).status == 304
    head = await fetch(url, "HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(whole.body)))
    assert await at.asked() == 1


async def test_a_playlist_is_kept_gzipped_and_plain(at: Edge) -> None:
    url = at.url("v360/index.m3u8")
    asked = ("gzip, deflate, br", "br, GZIP;q=0.5", "gzip;q=0, br", "identity", "gzip ;q=0.000")
    answers = [await fetch(url, Accept_Encoding=one) for one in asked]
    assert [answer.headers.get("Content-Encoding") for answer in answers] == ["gzip", "gzip", None, None, None]
    assert [answer.headers["X-Cache"] for answer in answers] == ["MISS", "HIT", "MISS", "HIT", "HIT"]
    assert gzip.decompress(answers[0].body) == answers[2].body
    assert {answer.headers["Vary"] for answer in answers} == {"Accept-Encoding"}
    segment = at.url("v360/00000.m4s")
    kept = [(await fetch(segment, Accept_Encoding=one)).headers["X-Cache"] for one in ("gzip", "identity")]
    assert kept == ["MISS", "HIT"], "a segment has one form"


async def test_cmcd_is_logged_and_part_of_nothing_else(at: Edge) -> None:
    url = at.url("v360/00000.m4s")
    assert (await fetch(url)).headers["X-Cache"] == "MISS"
    assert (await fetch(f"{url}?CMCD=bl%3D2900%2Csid%3D%22x%22")).headers["X-Cache"] == "HIT"

    async def log() -> str:
        return (at.folder / "access.log").read_text()

    text = await until(log, lambda text: "bl%3D2900" in text)
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["cmcd"] for line in lines] == ["", "bl%3D2900%2Csid%3D%22x%22"]
    assert lines[0]["path"] == f"{at.prefix}v360/00000.m4s"
    assert "/s/" not in text, "a log holds no tokens"


async def test_a_changed_path_is_refused(at: Edge) -> None:
    good = at.url("v360/00000.m4s")
    root, path = good.split("/s/")
    token, _, _ = path.partition("/")
    signed = f"{token}{at.prefix}"
    # Of the signature's last character nginx looks at two bits of six: the one documented exception.
    last = len(token) - 1
    changed = [other for number, other in enumerate(altered(signed)) if number != last]
    assert len(changed) > 70
    answers = await asyncio.gather(*(raw(at.port, f"/s/{other}v360/00000.m4s".encode()) for other in changed))
    assert [path for path, status in zip(changed, answers, strict=True) if status != 403] == []
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    ends = [f"/s/{token[:-1]}{char}{at.prefix}v360/00000.m4s".encode() for char in alphabet]
    statuses = [await raw(at.port, end) for end in ends]
    assert (statuses.count(200), statuses.count(403)) == (16, 48)
    kid, expires, md5 = token.split(".")
    for other in (
        *(f"{kid}.{expires}.{md5}=", f"{kid}.{expires}.{md5}A", f"{kid}.{expires}.", f"{kid}.{expires}"),
        *(f"{kid}.0{expires}.{md5}", f"{kid}..{md5}", f"k3.{expires}.{md5}", f".{expires}.{md5}", ""),
        *(secure_link.token(at.prefix, 9999999999, {"k3": ""}), secure_link.token(at.prefix, 9999999999, {"k1": ""})),
    ):
        answer = await fetch(f"{root}/s/{other}{at.prefix}v360/00000.m4s")
        assert answer.status == 403, other
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert json.loads(answer.body)["status"] == 403
    assert (await fetch(good)).status == 200


async def test_a_token_is_for_its_prefix_until_it_expires(at: Edge) -> None:
    expired = await fetch(at.url("v360/00000.m4s", expires_in_s=-1))
    assert (expired.status, json.loads(expired.body)["code"]) == (403, "token_expired")
    assert expired.headers["Access-Control-Allow-Origin"] == "*"
    for other in (at.other_prefix, at.prefix[:-2] + "/", f"{at.prefix[:-1]}0/", at.prefix.replace("/v/", "/w/")):
        assert (await fetch(at.url("v360/00000.m4s", prefix=other))).status == 403


ODD_PATHS = (
    "../v360/00000.m4s",
    "../../../../etc/passwd",
    "v360/../v360/00000.m4s",
    "v360/./00000.m4s",
    "v360//00000.m4s",
    "/v360/00000.m4s",
    "v360%2f00000.m4s",
    "v360%2F00000.m4s",
    "v360%252f00000.m4s",
    "v360%5c00000.m4s",
    "v360\\00000.m4s",
    "%76360/00000.m4s",
    "%2e%2e/v360/00000.m4s",
    "%2e%2e%2fv360/00000.m4s",
    "v360/00000.m4s%00",
    "v360/00000.m4s%20",
    "v360/00000.m4s/",
    "v360/00000.m4s/..",
    "V360/00000.M4S",
    "v360/",
    "v360",
    "",
)


async def test_a_path_has_one_spelling(at: Edge) -> None:
    below = urlsplit(at.url("")).path
    assert await raw(at.port, f"{below}v360/00000.m4s".encode()) == 200
    assert [odd for odd in ODD_PATHS if await raw(at.port, f"{below}{odd}".encode()) != 403] == []
    for target in (
        *(f"{at.prefix}v360/00000.m4s", f"/s{at.prefix}v360/00000.m4s", f"/./{below}v360/00000.m4s"),
        *(f"/%73{below[2:]}v360/00000.m4s", f"/{below}v360/00000.m4s", "/../etc/passwd", "/", "/metrics", "/watch"),
        *("/health/ready", "/static/page.css", f"/play/..{below}v360/00000.m4s", f"/play/..%2f..{at.prefix}a.mp4"),
    ):
        assert await raw(at.port, target.encode()) in (403, 404), target
    assert (await fetch(f"http://127.0.0.1:{at.port}{below}v360/00000.m4s", "POST")).status == 403


async def test_the_lock_keeps_everybody_else_out(at: Edge) -> None:
    url = f"{at.origin.url}{at.prefix}v360/00000.m4s"
    for shown in ({}, {"X_Kadr_Origin_Lock": ""}, {"X_Kadr_Origin_Lock": LOCK[:-1]}, {"X_Kadr_Origin_Lock": "k1"}):
        answer = await fetch(url, **shown)
        assert (answer.status, answer.headers["Cache-Control"]) == (403, "no-store")
    for shown in (LOCK, "0" * 32):
        answer = await fetch(url, X_Kadr_Origin_Lock=shown)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, IMMUTABLE)
    for odd in ODD_PATHS[2:]:
        answer = await fetch(f"{at.origin.url}{at.prefix}{odd}", X_Kadr_Origin_Lock=LOCK)
        assert answer.status in (403, 404), odd
    playlist = await fetch(f"{at.origin.url}{at.prefix}v360/index.m3u8", X_Kadr_Origin_Lock=LOCK)
    assert (playlist.headers["Cache-Control"], playlist.headers["Vary"]) == (IMMUTABLE, "Accept-Encoding")
    # The lock does not travel on: a viewer cannot bring one, and sees none.
    assert "X-Kadr-Origin-Lock" not in (await fetch(at.url("v360/00000.m4s", kid="k2"))).headers


async def test_a_page_elsewhere_may_ask(at: Edge) -> None:
    page = {"Origin": "https://shop.example", "Access_Control_Request_Method": "GET"}
    answer = await fetch(at.url("v360/00000.m4s"), "OPTIONS", **page)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert answer.headers["Access-Control-Max-Age"] == "86400"


async def test_a_hundred_at_once_ask_the_origin_once(at: Edge) -> None:
    url = at.url("v360/00001.m4s")
    answers = await asyncio.gather(*(fetch(url) for _ in range(100)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert await at.asked() == 1


async def test_five_hundred_at_once_read_a_cold_segment_once(
    stack: Stack, prefixes: tuple[str, str], tmp_path: Path
) -> None:
    """The origin alone, over HTTP: what it read from storage is the file's size, once."""
    async with origin_of(stack, tmp_path) as origin:
        url = f"{origin.url}{prefixes[0]}v360/00000.m4s"
        answers = await asyncio.gather(*(fetch(url, X_Kadr_Origin_Lock=LOCK) for _ in range(500)))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.body for answer in answers}) == 1
        told = (await fetch(origin.metrics_url())).body.decode()
        filled = re.findall(r'^kadr_bytes_total\{what="filled"\} ([0-9.e+]+)$', told, re.MULTILINE)
        assert list(map(float, filled)) == [len(answers[0].body)]


def short_lived(stack: Stack, folder: Path) -> AbstractAsyncContextManager[Origin]:
    """An origin whose files are kept by the edge for a second before it asks again."""
    return origin_of(stack, folder, KADR_SHARED_CACHE_S="1")


async def stored_title(stack: Stack) -> tuple[AssetId, str]:
    """(asset, prefix) of a title of two playlists, in storage as a worker publishes it."""
    status, body = await stack.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 1000})
    assert status == 201, body
    asset_id = AssetId(body["data"]["asset_id"])
    new = build_revision(asset_id, Encoded(renditions=tuple(rendition(one, 1000, [2000]) for one in ("v234", "v360"))))
    env = servers_env(stack)
    names = ("s3_url", "s3_access_key", "s3_secret_key")
    settings = Settings.model_validate({name: env[f"KADR_{name.upper()}"] for name in names})
    async with s3.connect(settings) as storage:
        for key, text in new.texts.items():
            await storage.put(settings.media_bucket, key, text, PLAYLIST_TYPE)
        manifest = keys.revision_manifest(asset_id, new.id)
        await storage.put(settings.media_bucket, manifest, new.body, "application/json")
    return asset_id, f"{keys.public_prefix(asset_id)}{new.id}/"


async def test_a_deleted_title_is_gone_from_here(stack: Stack, tmp_path: Path) -> None:
    """Also a file that nobody has asked for since: the first one who does gets nothing old."""
    asset_id, prefix = await stored_title(stack)
    async with short_lived(stack, tmp_path) as origin, edge_of(tmp_path / "edge", origin) as port:
        at = Edge(port, origin, tmp_path / "edge", prefix, prefix, 0)
        left, seen = at.url("v234/index.m3u8"), at.url("v360/index.m3u8")

        async def of(url: str) -> tuple[int, str]:
            answer = await fetch(url)
            return answer.status, answer.headers["X-Cache"]

        assert [await of(left), await of(seen)] == [(200, "MISS")] * 2
        # The fixed thing here is the edge's own clock: it keeps a file for s-maxage.
        assert await until(lambda: of(seen), lambda got: got != (200, "HIT")) == (200, "REVALIDATED")
        assert (await stack.api("DELETE", f"/v1/assets/{asset_id}"))[0] == 204
        assert (await until(lambda: of(seen), lambda got: got[0] != 200))[0] == 410
        assert [(await of(url))[0] for url in (left, seen)] == [410, 410]


async def test_what_is_here_needs_no_origin(stack: Stack, prefixes: tuple[str, str], tmp_path: Path) -> None:
    """Also what has grown old: the 404 of a ready revision is good for 5 s, a file here for one."""
    async with short_lived(stack, tmp_path) as origin, edge_of(tmp_path / "edge", origin) as port:
        await goes_on_alone(Edge(port, origin, tmp_path / "edge", *prefixes, 0))


async def goes_on_alone(at: Edge) -> None:
    kept, old, new = at.url("v360/00000.m4s"), at.url("v360/99999.m4s"), at.url("v234/00000.m4s")
    before = await fetch(kept)
    gone = await fetch(old)
    assert (gone.status, gone.headers["Cache-Control"]) == (404, "max-age=5")
    assert await at.origin.stop() == 0
    # The one fixed thing here is the edge's own clock: it keeps this 404 for max-age.
    await until(lambda: fetch(old), lambda answer: answer.headers["X-Cache"] == "STALE", within_s=30, every_s=0.5)
    after = await fetch(kept)
    assert (after.status, after.body, after.headers["X-Cache"]) == (200, before.body, "STALE")
    stale = await fetch(old)
    assert (stale.status, stale.headers["X-Cache"]) == (404, "STALE")
    cold = await fetch(new)
    assert (cold.status, cold.headers["Cache-Control"]) == (503, "no-store")
    assert cold.headers["Retry-After"]
    assert cold.headers["Access-Control-Allow-Origin"] == "*"
    # It is asked again as soon as it is back, and what is old was shown meanwhile.
    await at.origin.start()
    assert (await fetch(new)).status == 200


async def test_several_processes_on_one_port(stack: Stack, prefixes: tuple[str, str], tmp_path: Path) -> None:
    async with origin_of(stack, tmp_path, "--processes", "3") as origin:
        url = f"{origin.url}{prefixes[0]}v360/00000.m4s"
        assert origin.running is not None
        children = Path(f"/proc/{origin.running.pid}/task/{origin.running.pid}/children").read_text().split()
        assert len(children) == 3
        sent = 0

        async def most_seen_by_one() -> int:
            nonlocal sent
            answers = await asyncio.gather(*(fetch(url, X_Kadr_Origin_Lock=LOCK) for _ in range(60)))
            assert {answer.status for answer in answers} == {200}
            sent += 60
            counted = [await asked_so_far(origin, process) for process in range(3)]
            assert sum(counted) == sent, "each counts its own"
            return max(counted)

        # None of them sees all, once all three have begun to listen.
        most = await until(most_seen_by_one, lambda most: most < sent)
        assert 0 < most < sent
        # They end together, so that whatever supervises them starts all of them anew.
        os.kill(int(children[0]), signal.SIGKILL)
        assert await asyncio.wait_for(origin.running.wait(), WITHIN_S) == 1
        assert not any(Path(f"/proc/{child}").exists() for child in children)
        await origin.start()
