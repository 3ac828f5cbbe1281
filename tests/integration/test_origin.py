"""The read door over HTTP: who may watch, what the answers carry, which paths are refused, and that it all plays.

Quoted: RFC 8216bis (HLS), RFC 9110 (ranges, conditions), Apple's HLS Authoring Specification by rule number.
"""

import asyncio
import gzip
import hashlib
import json
import re
import struct
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest
from yarl import URL

from core.settings import SecretStr, parse_keys
from origin.cdn.signers import kadr as delivery
from tests.catalogue import Titles
from tests.media import FFMPEG
from tests.playback import media_uris
from tests.stack import Stack
from tests.waiting import unix_s, until_time
from tests.web import fetch, refused

WITHIN_S = 60
IMMUTABLE = "public, max-age=31536000, s-maxage=3600, immutable"
PLAYLIST, INIT, SEGMENT = "application/vnd.apple.mpegurl", "video/mp4", "video/iso.segment"
FRAMES, RATE = 210, Fraction(30000, 1001)  # of the fixture `clip`
FRAME_S = 1 / RATE
AAC_FRAME_S = Fraction(1024, 48000)


async def statuses(urls: list[str]) -> list[int]:
    """The status of each, over a few connections."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=8)) as session:

        async def one(url: str) -> int:
            async with session.get(URL(url, encoded=True), allow_redirects=False) as answer:
                return answer.status

        return list(await asyncio.gather(*(one(url) for url in urls)))


async def raw(stack: Stack, target: bytes) -> tuple[int, bytes]:
    """(status, everything) of a GET whose target no client library has touched."""
    where = urlsplit(stack.endpoints["origin"])
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), WITHIN_S)
    writer.close()
    await writer.wait_closed()
    return int(answer.split(b" ", 2)[1]), answer


def altered(text: str) -> list[str]:
    """`text` with each of its characters changed once, for a near one of the same kind."""
    changes = []
    for at, char in enumerate(text):
        other = {"f": "e", "z": "y", "Z": "Y", "9": "8"}.get(char) or (chr(ord(char) + 1) if char.isalnum() else "0")
        changes.append(text[:at] + other + text[at + 1 :])
    return changes


@dataclass(frozen=True, slots=True)
class Variant:
    """One media playlist, fetched: its URL, and (URL, EXTINF) of each segment."""

    name: str
    url: str
    text: str
    init: str
    segments: tuple[tuple[str, Fraction], ...]
    target_s: int

    @property
    def duration_s(self) -> Fraction:
        return sum((duration for _, duration in self.segments), Fraction(0))


@dataclass(frozen=True, slots=True)
class Title:
    """A ready asset as a viewer gets it."""

    asset: Any
    playback_id: str
    play_url: str  # with a token where one is needed
    base: str  # .../s/{token}/v/{asset}/{revision}/
    multivariant: str
    variants: tuple[Variant, ...]

    @property
    def video(self) -> tuple[Variant, ...]:
        return tuple(variant for variant in self.variants if variant.name.startswith("v"))

    @property
    def audio(self) -> Variant:
        return next(variant for variant in self.variants if variant.name.startswith("a"))


def uris(multivariant: str) -> list[str]:
    """Every URI of a multivariant playlist, as written."""
    lines = [line for line in multivariant.splitlines() if line and not line.startswith("#")]
    return re.findall(r'URI="([^"]+)"', multivariant) + lines


async def start(url: str, asset: Any) -> Title:
    """A session of its own on this asset."""
    text = (await fetch(url)).body.decode()
    variants = []
    for uri in media_uris(text):
        media_url = urljoin(url, uri)
        media = (await fetch(media_url)).body.decode()
        found = re.findall(r"#EXTINF:([0-9.]+),\n(\S+)", media)
        variants.append(
            Variant(
                name=media_url.split("/")[-2],
                url=media_url,
                text=media,
                init=urljoin(media_url, re.findall(r'#EXT-X-MAP:URI="([^"]+)"', media)[0]),
                segments=tuple((urljoin(media_url, name), Fraction(duration)) for duration, name in found),
                target_s=int(re.findall(r"#EXT-X-TARGETDURATION:(\d+)\n", media)[0]),
            )
        )
    base = variants[0].url.removesuffix(f"{variants[0].name}/index.m3u8")
    return Title(asset, asset["playback_ids"][0]["id"], url, base, text, tuple(variants))


@pytest.fixture(scope="module")
async def titles(title: Titles) -> tuple[Title, Title]:
    """The same clip as a public and as a signed asset."""
    public, signed = [
        await start(asset["playback_url"], asset) for asset in (await title("public"), await title("signed"))
    ]
    return public, signed


@pytest.fixture(scope="module")
def public(titles: tuple[Title, Title]) -> Title:
    return titles[0]


@pytest.fixture(scope="module")
def signed(titles: tuple[Title, Title]) -> Title:
    return titles[1]


async def token(stack: Stack, playback_id: str, **wanted: int) -> dict[str, Any]:
    status, body = await stack.api("POST", f"/v1/playback_ids/{playback_id}/token", json=wanted)
    assert status == 201
    made: dict[str, Any] = body["data"]
    return made


# Who may watch


async def test_public_plays_without_a_token(stack: Stack, public: Title) -> None:
    assert public.play_url == f"{stack.endpoints['origin']}/play/{public.playback_id}/index.m3u8"
    assert (await fetch(public.play_url)).status == 200
    assert {variant.name for variant in public.variants} == {"v360", "v234", "a1"}


async def test_signed_plays_with_a_token_only(stack: Stack, signed: Title) -> None:
    bare = signed.play_url.partition("?")[0]
    assert (await fetch(signed.play_url)).status == 200
    assert (await fetch((await token(stack, signed.playback_id))["url"])).status == 200
    answer = await fetch(bare)
    refused(answer, 403, "token_missing")
    assert json.loads(answer.body)["hint"]
    for value in ("", "x", "k1", "k1..", "..", "%00", "%ff", "k1.%ff.0", "k1." + "A" * 5000):
        refused(await fetch(f"{bare}?token={value}"), 403, "token_refused")


async def test_a_token_changed_anywhere_is_refused(stack: Stack, signed: Title) -> None:
    made = await token(stack, signed.playback_id)
    url, value = made["url"].split("token=")
    kid, body, signature = value.split(".")
    changed = altered(value)
    changed += [f"{value}0", value[:-1], f"{value}=", f"{kid}.{body}=.{signature}", f"{kid}.{body}.{signature.upper()}"]
    changed += [f"{kid}.{body}", f"{body}.{signature}", f"k2.{body}.{signature}", f".{value}", f"{value}."]
    assert len(set(changed)) > 100
    assert value not in changed
    answers = await statuses([f"{url}token={other}" for other in changed])
    let_in = [other for other, status in zip(changed, answers, strict=True) if status != 403]
    assert let_in == []
    assert (await fetch(made["url"])).status == 200


async def test_an_expired_token_is_refused(stack: Stack, signed: Title) -> None:
    made = await token(stack, signed.playback_id, ttl_s=1)
    await until_time(unix_s(made["expires_at"]) + 1)
    answer = await fetch(made["url"])
    refused(answer, 403, "token_expired")
    assert json.loads(answer.body)["hint"]


async def test_a_token_is_for_one_playback_id(stack: Stack, public: Title, signed: Title) -> None:
    others = (await token(stack, public.playback_id))["token"]
    own = (await token(stack, signed.playback_id))["token"]
    bare = signed.play_url.partition("?")[0]
    refused(await fetch(f"{bare}?token={others}"), 403, "token_refused")
    assert (await fetch(f"{bare}?token={own}")).status == 200
    # One that is given is checked, also where none is needed.
    assert (await fetch(f"{public.play_url}?token={others}")).status == 200
    for wrong in (own, f"{others[:-1]}{'0' if others[-1] != '0' else '1'}", ""):
        refused(await fetch(f"{public.play_url}?token={wrong}"), 403, "token_refused")
    status, added = await stack.api("POST", f"/v1/assets/{signed.asset['id']}/playback_ids", json={"policy": "signed"})
    assert status == 201
    second = f"{stack.endpoints['origin']}/play/{added['data']['id']}/index.m3u8"
    refused(await fetch(f"{second}?token={own}"), 403, "token_refused")


async def test_what_is_not_there_is_404(stack: Stack, public: Title) -> None:
    origin = stack.endpoints["origin"]
    for playback_id in ("pb_0", f"{public.playback_id}0", public.asset["id"], "%2e%2e", "a%2fb"):
        refused(await fetch(f"{origin}/play/{playback_id}/index.m3u8"), 404, "not_found")
    for path in ("/play", f"/play/{public.playback_id}", f"/play/{public.playback_id}/other.m3u8"):
        refused(await fetch(origin + path), 404, "not_found")
    refused(await fetch(f"{origin}/v/x"), 403, "locked")
    refused(await fetch(public.play_url, "POST"), 405, "method_not_allowed")


async def test_what_is_not_ready_is_404_and_not_kept(stack: Stack) -> None:
    for policy in ("public", "signed"):
        wanted = {"filename": "a.mp4", "size_bytes": 3, "policy": policy}
        _, created = await stack.api("POST", "/v1/uploads", json=wanted)
        _, shown = await stack.api("GET", f"/v1/assets/{created['data']['asset_id']}")
        playback_id = shown["data"]["playback_ids"][0]["id"]
        made = await token(stack, playback_id)
        refused(await fetch(made["url"]), 404, "not_ready")
        # Without the right to watch, nobody is told how far it is.
        code = (404, "not_ready") if policy == "public" else (403, "token_missing")
        refused(await fetch(made["url"].partition("?")[0]), *code)


# The session's playlist


async def test_the_multivariant_playlist_is_private_and_gzipped_when_asked(public: Title) -> None:
    for asked, zipped in (
        ("gzip", True),
        ("br, gzip;q=0.8", True),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *;q=0.5", False),
    ):
        answer = await fetch(public.play_url, Accept_Encoding=asked)
        headers = answer.headers
        assert (answer.status, headers["Content-Type"]) == (200, PLAYLIST)
        assert headers["Cache-Control"] == "private, no-store"
        assert headers["Vary"] == "Accept-Encoding"
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in headers
        assert headers["Access-Control-Expose-Headers"] == "Content-Length, Content-Range, ETag, Date, X-Request-Id"
        assert headers.get("Content-Encoding") == ("gzip" if zipped else None), asked
        text = (gzip.decompress(answer.body) if zipped else answer.body).decode()
        assert text.startswith("#EXTM3U\n")
        assert int(headers["Content-Length"]) == len(answer.body)


async def test_every_uri_is_relative_and_stays_below_the_sessions_path(stack: Stack, public: Title) -> None:
    written = uris(public.multivariant)
    assert len(written) == 5, "a sound, two variants and their keyframes"
    path = f"/v/{public.asset['id']}/"
    for uri in written:
        assert uri.startswith("../../s/")
        assert "token=" not in uri
    assert {variant.url.partition(path)[0] for variant in public.variants} == {public.base.partition(path)[0]}
    assert public.base.startswith(f"{stack.endpoints['origin']}/s/")
    for variant in public.variants:
        below = [line for line in variant.text.splitlines() if line and not line.startswith("#")]
        assert all(re.fullmatch(r"\d{5}\.m4s", name) for name in below)
        assert variant.init == variant.url.replace("index.m3u8", "init.mp4")


async def test_a_session_is_told_what_it_plays(public: Title) -> None:
    lines = public.multivariant.splitlines()
    assert lines[0] == "#EXTM3U"
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in lines
    by_id = {rendition["id"]: rendition for rendition in public.asset["renditions"]}
    stream_infs = [line for line in lines if line.startswith("#EXT-X-STREAM-INF:")]
    assert len(stream_infs) == 2
    for line in stream_infs:
        height = re.findall(r"RESOLUTION=\d+x(\d+)", line)[0]
        video, audio = by_id[f"v{height}"], by_id["a1"]
        assert f"RESOLUTION={video['width']}x{video['height']}," in line
        assert f"BANDWIDTH={video['bandwidth_bps'] + audio['bandwidth_bps']}," in line
        assert f"AVERAGE-BANDWIDTH={video['average_bandwidth_bps'] + audio['average_bandwidth_bps']}," in line
        assert f'CODECS="{video["codec"]},mp4a.40.2"' in line
        assert "FRAME-RATE=29.970" in line
        assert 'AUDIO="audio"' in line
    media = next(line for line in lines if line.startswith("#EXT-X-MEDIA:"))
    # A name is for people to choose by: the code for "unknown" is none.
    assert 'NAME="und"' not in media


# Files: conditions and ranges


def files(title: Title) -> dict[str, str]:
    """A playlist, an init segment and a segment."""
    video = title.video[0]
    return {video.url: PLAYLIST, video.init: INIT, video.segments[0][0]: SEGMENT, title.audio.segments[0][0]: SEGMENT}


async def test_files_never_change_and_say_so(public: Title) -> None:
    assert len(files(public)) == 4
    for url, kind in files(public).items():
        whole = await fetch(url)
        assert (whole.status, whole.headers["Content-Type"]) == (200, kind)
        assert whole.headers["Cache-Control"] == IMMUTABLE
        assert whole.headers["Access-Control-Allow-Origin"] == "*"
        assert int(whole.headers["Content-Length"]) == len(whole.body) > 0
        # Strong, and of the content: equal on every replica.
        etag = whole.headers["ETag"]
        assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
        assert etag.strip('"') == hashlib.sha256(whole.body).hexdigest()[:32]
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            same = await fetch(url, If_None_Match=known)
            assert (same.status, same.body, same.headers["ETag"]) == (304, b"", etag), known
            assert same.headers["Cache-Control"] == IMMUTABLE
        assert (await fetch(url, If_None_Match='"other"')).body == whole.body
        head = await fetch(url, "HEAD")
        assert (head.status, head.body) == (200, b"")
        alike = [{k: v for k, v in answer.headers.items() if k != "Date"} for answer in (head, whole)]
        assert alike[0] == alike[1]


async def test_a_gzipped_playlist_is_a_representation_of_its_own(public: Title) -> None:
    url = public.audio.url
    plain, zipped = await fetch(url), await fetch(url, Accept_Encoding="gzip")
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert zipped.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    # RFC 9110, 8.8.3: a strong validator tells representations apart.
    assert zipped.headers["ETag"] != plain.headers["ETag"]
    assert (await fetch(url, Accept_Encoding="gzip", If_None_Match=zipped.headers["ETag"])).status == 304
    assert (await fetch(url, If_None_Match=zipped.headers["ETag"])).status == 200
    assert (await fetch(url, Accept_Encoding="gzip")).body == zipped.body, "the same bytes each time"
    # A segment is never gzipped.
    assert "Content-Encoding" not in (await fetch(public.video[0].init, Accept_Encoding="gzip")).headers


async def test_ranges_that_can_be_served(public: Title) -> None:
    url = public.video[0].segments[0][0]
    whole = (await fetch(url)).body
    size = len(whole)
    for asked, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=1000-1999", 1000, 1999),
        (f"bytes={size - 1}-", size - 1, size - 1),
        ("bytes=100-", 100, size - 1),
        ("bytes=0-", 0, size - 1),
        ("bytes=-50", size - 50, size - 1),
        (f"bytes=-{size + 1}", 0, size - 1),
        (f"bytes=10-{size + 1000}", 10, size - 1),
    ):
        answer = await fetch(url, Range=asked)
        assert answer.status == 206, asked
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert answer.body == whole[first : last + 1]
        assert int(answer.headers["Content-Length"]) == last - first + 1
        assert answer.headers["Cache-Control"] == IMMUTABLE
    etag = (await fetch(url, "HEAD")).headers["ETag"]
    assert (await fetch(url, Range="bytes=0-9", If_Range=etag)).status == 206
    assert (await fetch(url, Range="bytes=0-9", If_None_Match=etag)).status == 304


async def test_ranges_beyond_the_end_are_416(public: Title) -> None:
    url = public.video[0].segments[0][0]
    size = int((await fetch(url, "HEAD")).headers["Content-Length"])
    for asked in (f"bytes={size}-", f"bytes={size}-{size + 9}", "bytes=-0", "bytes=99999999999999999999-"):
        answer = await fetch(url, Range=asked)
        assert (answer.status, answer.body) == (416, b""), asked
        assert answer.headers["Content-Range"] == f"bytes */{size}"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=",
        "bytes=-",
        "bytes=abc",
        "bytes=a-b",
        "bytes=5-2",
        "items=0-9",
        "bytes=0-1,5-9",
        "0-9",
        "bytes=٣-",
        "bytes=0x1-",
    ],
)
async def test_what_is_no_range_of_ours_is_ignored(public: Title, asked: str) -> None:
    """RFC 9110, 14.2: an invalid ranges-specifier, or one not supported, is ignored: 200 and the whole."""
    url = public.video[0].init
    answer = await fetch(url, Range=asked)
    assert answer.status == 200
    assert "Content-Range" not in answer.headers
    assert len(answer.body) == int((await fetch(url, "HEAD")).headers["Content-Length"])


async def test_a_range_of_another_version_is_ignored(public: Title) -> None:
    """RFC 9110, 13.1.5: where If-Range does not match, the Range is ignored."""
    for other in ('"other"', "Sat, 01 Jan 2000 00:00:00 GMT"):
        answer = await fetch(public.video[0].init, Range="bytes=0-9", If_Range=other)
        assert answer.status == 200
        assert "Content-Range" not in answer.headers


async def test_a_range_of_thousands_of_digits_is_no_fault_of_ours(public: Title) -> None:
    url = public.video[0].init
    for asked in (f"bytes={'9' * 5000}-", f"bytes=0-{'9' * 5000}", f"bytes=-{'9' * 5000}"):
        assert (await fetch(url, Range=asked)).status in (200, 206, 416)


async def test_a_page_elsewhere_may_ask(public: Title) -> None:
    for url in (public.play_url, public.video[0].segments[0][0]):
        page = {"Origin": "https://shop.example", "Access_Control_Request_Method": "GET"}
        answer = await fetch(url, "OPTIONS", **page, Access_Control_Request_Headers="range")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Max-Age"] == "86400"
        assert "Range" in answer.headers["Access-Control-Allow-Headers"]
        assert {"GET", "HEAD"} <= set(re.split(r",\s*", answer.headers["Access-Control-Allow-Methods"]))


# Signed paths


async def test_a_signed_path_changed_anywhere_is_refused(public: Title) -> None:
    root, path = public.base.split("/s/")
    changed = [f"{root}/s/{other}v360/index.m3u8" for other in altered(path)]
    assert len(changed) > 120
    answers = await statuses(changed)
    assert [url for url, status in zip(changed, answers, strict=True) if status != 403] == []
    value, rest = path.split("/", 1)
    kid, expires_at, signature = value.split(".")
    for other in (
        f"{kid}.{expires_at}.{signature.upper()}",
        f"{kid}.0{expires_at}.{signature}",
        f"{kid}.{expires_at}.{signature}0",
        f"{kid}.{expires_at}.",
        f"{kid}.{expires_at}",
        f"k2.{expires_at}.{signature}",
        "",
    ):
        assert (await fetch(f"{root}/s/{other}/{rest}v360/index.m3u8")).status == 403, other
    assert (await fetch(f"{root}/s/{path}v360/index.m3u8")).status == 200


async def test_a_delivery_token_expires_and_is_for_one_prefix(stack: Stack, public: Title, signed: Title) -> None:
    origin = stack.endpoints["origin"]
    made = json.loads((stack.home / "secrets.json").read_text())["delivery_key"]
    keys = parse_keys("KADR_DELIVERY_KEYS", SecretStr(f"k1:{made}"))
    prefix = f"/v/{public.base.split('/v/')[1]}"
    now = int(time.time())
    for expires_at, status in ((now + 600, 200), (now - 1, 403), (0, 403)):
        path = f"/s/{delivery.token(prefix, expires_at, keys)}{prefix}v360/index.m3u8"
        assert (await fetch(origin + path)).status == status
    # One asset's token under the other's path, and a prefix that was never signed as a whole.
    assert public.base != signed.base
    for mine, other in ((public, signed), (signed, public)):
        value = mine.base.split("/s/")[1].split("/")[0]
        answer = await fetch(f"{origin}/s/{value}/v/{other.base.split('/v/')[1]}v360/index.m3u8")
        refused(answer, 403, "token_refused")
    # A good signature over what is not there.
    for gone in (f"/v/{public.asset['id']}/{'0' * 20}/", "/v/as_0/00/"):
        answer = await fetch(f"{origin}/s/{delivery.token(gone, now + 600, keys)}{gone}v360/index.m3u8")
        assert (answer.status, answer.headers["Cache-Control"]) == (404, "max-age=5")


async def test_an_unknown_file_of_a_good_revision_is_404_for_a_moment(public: Title) -> None:
    for name in ("v360/99999.m4s", "v999/index.m3u8", "other.mp4", "v360/index.txt", "a1/00000.mp4"):
        answer = await fetch(public.base + name)
        assert (answer.status, answer.headers["Cache-Control"]) == (404, "max-age=5")
        assert json.loads(answer.body)["code"] == "not_found"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_query_is_not_part_of_what_is_signed(public: Title) -> None:
    plain = await fetch(public.video[0].url)
    tagged = await fetch(f"{public.video[0].url}?CMCD=bl%3D2900%2Csid%3D%22x%22&_HLS_pathway=a?b")
    assert (tagged.status, tagged.body, tagged.headers["ETag"]) == (200, plain.body, plain.headers["ETag"])


ODD_PATHS = (
    "../index.m3u8",
    "../../v360/index.m3u8",
    "v360/../a1/init.mp4",
    "v360/./index.m3u8",
    "./v360/index.m3u8",
    "v360//index.m3u8",
    "/v360/index.m3u8",
    ".../index.m3u8",
    "v360/...",
    "..%2findex.m3u8",
    "..%5cindex.m3u8",
    "..\\index.m3u8",
    "%2e%2e/index.m3u8",
    "%2e%2e%2findex.m3u8",
    "%2E%2E/%2e%2e/etc/passwd",
    "%252e%252e/index.m3u8",
    "%252e%252e%252findex.m3u8",
    "%c0%ae%c0%ae/index.m3u8",
    "v360%2findex.m3u8",
    "v360%2Findex.m3u8",
    "v360%252findex.m3u8",
    "v360%5cindex.m3u8",
    "v360\\index.m3u8",
    "v360/%69ndex.m3u8",
    "v360/index.m3u8%00",
    "v360/index.m3u8%00.mp4",
    "%00",
    "v360/index.m3u8%0a",
    "v360/index.m3u8%20",
    "v360/index.m3u8/",
    "v360/index.m3u8/..",
    "v360/index.m3u8;a=b",
    "v360/index.m3u8#part",
    "V360/INDEX.M3U8",
    "v360/",
    "v360",
    "",
    "%",
    "%zz/index.m3u8",
    "%uff0e%uff0e/index.m3u8",
)


@pytest.mark.parametrize("odd", ODD_PATHS)
async def test_a_path_has_one_spelling(stack: Stack, public: Title, odd: str) -> None:
    target = urlsplit(public.base).path + odd
    status, answer = await raw(stack, target.encode())
    assert status in (403, 404), answer[:400]
    assert b"#EXT" not in answer


async def test_nothing_else_leads_to_a_file(stack: Stack, public: Title) -> None:
    path = urlsplit(public.base).path
    bare = f"/v/{path.split('/v/')[1]}v360/index.m3u8"
    for target in (
        bare,
        f"/s{bare}",
        f"/s/{bare}",
        f"//s{path[2:]}v360/index.m3u8",
        f"/./{path}v360/index.m3u8",
        f"/play/../{path}v360/index.m3u8",
        f"/%73{path[2:]}v360/index.m3u8",
        f"/S{path[2:]}v360/index.m3u8",
        f"http://elsewhere{path}v360/index.m3u8",
        "/s/../../../../etc/passwd",
        "/static/../__init__.py",
        "/static/..%2f__init__.py",
        "/static/%2e%2e/__init__.py",
        "/static/..%5c__init__.py",
        "/static/%00",
        "/static//etc/passwd",
        "/static/",
        "/player/1/../manifest.json",
        "/player/1/manifest.json",
        "/player/1/kadr-player.js.gz",
        "/player/1/%2e%2e/player.ts",
    ):
        status, answer = await raw(stack, target.encode())
        assert status in (403, 404), (target, answer[:400])


@pytest.mark.parametrize("path", ["/play/%00/index.m3u8", "/play/a%00b/index.m3u8?token=x", "/watch/%00"])
async def test_a_nul_in_an_id_is_404(stack: Stack, path: str) -> None:
    status, answer = await raw(stack, path.encode())
    assert status == 404, answer[:400]


async def test_health_needs_no_key(stack: Stack) -> None:
    origin = stack.endpoints["origin"]
    live, ready = await fetch(f"{origin}/health/live"), await fetch(f"{origin}/health/ready")
    assert (live.status, json.loads(live.body)) == (200, {"data": {"status": "ok"}})
    assert (ready.status, json.loads(ready.body)) == (200, {"data": {"status": "ok", "parts": {"storage": True}}})
    assert live.headers["Cache-Control"] == ready.headers["Cache-Control"] == "no-store"


# It plays


async def ffmpeg(*arguments: str, level: str = "error") -> bytes:
    """stdout; a word on stderr or a failure of any kind fails the test."""
    program = await asyncio.create_subprocess_exec(
        FFMPEG,
        *("-nostdin", "-v", level, "-xerror"),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(program.communicate(), WITHIN_S)
    assert (program.returncode, err.decode()) == (0, ""), arguments
    return out


async def frames_of(where: str, level: str = "error") -> int:
    """How many pictures come out, each decoded, none doubled or dropped."""
    out = await ffmpeg(
        "-i", where, *["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framecrc", "pipe:1"], level=level
    )
    return sum(1 for line in out.decode().splitlines() if not line.startswith("#"))


async def samples_of(where: str, level: str = "error") -> int:
    """How many stereo samples come out."""
    wanted = ("-map", "0:a:0", "-f", "s16le", "-ac", "2", "-ar", "48000", "pipe:1")
    out = await ffmpeg("-i", where, *wanted, level=level)
    return len(out) // 4


async def test_every_playlist_decodes_to_its_end(stack: Stack, public: Title) -> None:
    counts = await asyncio.gather(*(frames_of(variant.url) for variant in public.video))
    assert counts == [FRAMES] * len(public.video)
    samples = await samples_of(public.audio.url)
    assert abs(Fraction(samples, 48000) - FRAMES / RATE) <= 2 * AAC_FRAME_S


async def test_a_signed_session_decodes_from_its_first_url(signed: Title) -> None:
    assert "?token=" in signed.play_url
    # Of a playlist with several variants ffmpeg's own parser grumbles at packets that it then decodes.
    assert await frames_of(signed.play_url, "fatal") == FRAMES
    assert await samples_of(signed.play_url, "fatal") >= 7 * 48000


async def test_all_renditions_cover_the_same_time(public: Title) -> None:
    """Apple 8.7, 8.2, 7.7; RFC 8216bis 4.4.3.1."""
    durations = {variant.name: variant.duration_s for variant in public.variants}
    assert max(durations.values()) - min(durations.values()) <= FRAME_S
    assert all(abs(duration - FRAMES / RATE) <= FRAME_S for duration in durations.values())
    assert len({variant.target_s for variant in public.variants}) == 1
    first, second = public.video
    assert [duration for _, duration in first.segments] == [duration for _, duration in second.segments]
    assert len(first.segments) == 2
    for variant in public.variants:
        lines = variant.text.splitlines()
        assert "#EXT-X-PLAYLIST-TYPE:VOD" in lines
        assert lines[-1] == "#EXT-X-ENDLIST"
        assert all(round(duration) <= variant.target_s for _, duration in variant.segments)


async def fetched(variant: Variant) -> tuple[bytes, list[bytes]]:
    """The init segment and every segment."""
    init, *segments = await asyncio.gather(
        *(fetch(url) for url in (variant.init, *(url for url, _ in variant.segments)))
    )
    assert {answer.status for answer in (init, *segments)} == {200}
    return init.body, [segment.body for segment in segments]


def box(content: bytes, *path: bytes) -> bytes:
    """The payload of the first box on this path (ISO 14496-12)."""
    at = 0
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        assert size >= 8
        if kind == path[0]:
            payload = content[at + 8 : at + size]
            return box(payload, *path[1:]) if path[1:] else payload
        at += size
    raise AssertionError(f"there is no box {path[0]!r}")


def shown_first(segment: bytes, frame_ticks: int) -> int:
    """When the first picture of the first fragment is shown, in ticks after its tfdt: 0 without an edit list."""
    trun = box(segment, b"moof", b"traf", b"trun")
    version, flags = trun[0], int.from_bytes(trun[1:4], "big")
    count = struct.unpack_from(">I", trun, 4)[0]
    fields = [flag for flag in (0x100, 0x200, 0x400, 0x800) if flags & flag]
    at = 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4) + 4 * fields.index(0x800)
    offsets = [
        struct.unpack_from(">i" if version else ">I", trun, at + 4 * len(fields) * number)[0] for number in range(count)
    ]
    return min(number * frame_ticks + offset for number, offset in enumerate(offsets))


async def test_init_and_segments_are_what_the_playlist_says(public: Title, tmp_path: Path) -> None:
    assert len(public.variants) == 3
    for variant in public.variants:
        init, segments = await fetched(variant)
        whole = tmp_path / f"{variant.name}.mp4"
        whole.write_bytes(init + b"".join(segments))
        timescale = struct.unpack_from(">I", box(init, b"moov", b"trak", b"mdia", b"mdhd"), 12)[0]
        starts = []
        for segment in segments:
            tfdt = box(segment, b"moof", b"traf", b"tfdt")
            starts.append(Fraction(struct.unpack_from(">Q" if tfdt[0] else ">I", tfdt, 4)[0], timescale))
        # Apple 7.3: decode times go on across segments; 8.1: EXTINF sums stay within a frame of them.
        elapsed = Fraction(0)
        for start_s, (_, duration) in zip(starts, variant.segments, strict=True):
            assert abs(start_s - elapsed) <= (FRAME_S if variant in public.video else AAC_FRAME_S)
            elapsed += duration
        if variant is public.audio:
            assert await samples_of(str(whole)) >= 7 * 48000
            continue
        assert await frames_of(str(whole)) == FRAMES
        # Apple 7.4: each segment starts with an IDR, so it plays with nothing before it.
        for number, (segment, (_, duration)) in enumerate(zip(segments, variant.segments, strict=True)):
            assert shown_first(segment, int(FRAME_S * timescale)) == 0, "sound and picture begin together"
            alone = tmp_path / f"{variant.name}-{number}.mp4"
            alone.write_bytes(init + segment)
            assert await frames_of(str(alone)) == round(duration * RATE)
