"""A session's ways to its files: what stands before URIs for each kind of CDN, and playlists signed file by file."""

import re
from fractions import Fraction
from urllib.parse import parse_qs, urlsplit

import pytest

from core.errors import ConfigError
from core.media import Blob, Keyframe, Rendition, RenditionKind, Segment
from core.model import AssetId, PlaybackId, RevisionId
from core.playback_token import ANYBODY
from origin.cdns import Cdn, Cdns, only_origin
from origin.pathways import Pathways, pathways
from origin.rendered import fill_playlist
from origin.rewritten import sign_uris
from origin.session import Session
from origin.signers import own
from packager.multivariant import multivariant
from packager.playlist import iframe_playlist, media_playlist

ORIGIN = "https://origin.example.org"
KEYS = {"k1": b"1" * 32}
PREFIX = "/v/as_1/ab/"
EXPIRES = 1_900_000_020
SEGMENTS = tuple(
    Segment(
        blob=Blob(sha256=f"{number:064}", size_bytes=1000),
        duration=48000,
        keyframes=(Keyframe(offset=100, size_bytes=200, duration=48000),),
    )
    for number in range(2)
)
VIDEO = Rendition(
    id="v360",
    kind=RenditionKind.VIDEO,
    codec="avc1.64001e",
    timescale=12000,
    init=Blob(sha256="f" * 64, size_bytes=700),
    segments=SEGMENTS,
    width=640,
    height=360,
    frame_rate=Fraction(24),
)
SESSION = Session(
    id="0123456789abcdef",
    title="a",
    playback_id=PlaybackId("pb_1"),
    asset_id=AssetId("as_1"),
    revision_id=RevisionId("ab"),
    duration_s=8.0,
    renditions=(VIDEO,),
    subtitles=(),
    whole=True,
    expires_at=EXPIRES,
    shareable_until=0.0,
    limits=ANYBODY,
    prefix=PREFIX,
    address="192.0.2.7",
    country="SE",
)
BUNNY = Cdn(id="bunny", base_url="https://a.b-cdn.test", scheme="bunny", keys={"k1": "SecurityKey"})
FASTLY = Cdn(id="fastly", base_url="https://f.test", scheme="fastly", keys={"k1": "RmFzdGx5IHNlY3JldCBrZXk="})
GOOGLE = Cdn(id="google", base_url="https://g.test", scheme="google_cdn", keys={"key1": "nZtRohdNF9m3cKM24IcK4w=="})
OWN = Cdn(id="origin", base_url=ORIGIN, scheme="own")


def ways(*cdns: Cdn) -> Pathways:
    return pathways(Cdns(all=cdns), KEYS, ORIGIN)


def test_the_origin_alone_is_relative_and_nameless() -> None:
    alone = pathways(only_origin(ORIGIN), KEYS, ORIGIN)
    (way,) = alone.of(SESSION, alone.cdns.ids)
    assert (way.id, way.prefix) == ("", f"../../s/{own.token(PREFIX, EXPIRES, KEYS)}{PREFIX}")
    assert not alone.steered
    assert alone.own_id == "origin"


def test_each_path_scheme_stands_before_the_uris_in_the_order_of_steering() -> None:
    several = ways(BUNNY, OWN)
    ours, theirs = several.of(SESSION, ("origin", "bunny"))
    assert (ours.id, theirs.id) == ("origin", "bunny")
    assert ours.prefix == f"{ORIGIN}/s/{own.token(PREFIX, EXPIRES, KEYS)}{PREFIX}"
    assert re.fullmatch(r"https://a\.b-cdn\.test/bcdn_token=[^/]+expires=1900000020[^/]*/v/as_1/ab/", theirs.prefix)


@pytest.mark.parametrize("cdn", [FASTLY, GOOGLE], ids=lambda cdn: cdn.id)
def test_a_query_scheme_goes_through_a_playlist_of_ours(cdn: Cdn) -> None:
    (way,) = ways(cdn).of(SESSION, (cdn.id,))
    below = f"/m/{cdn.id}{PREFIX}"
    assert way.prefix == f"{ORIGIN}/t/{own.token(below, EXPIRES, KEYS)}{below}"


@pytest.mark.parametrize("write", [media_playlist, iframe_playlist])
def test_a_rewritten_playlist_signs_every_file(write: object) -> None:
    text = media_playlist(VIDEO, 4) if write is media_playlist else iframe_playlist(VIDEO, 4)
    signed = sign_uris(text, ways(FASTLY), "fastly", PREFIX, f"{PREFIX}v360/", EXPIRES)
    assert [line for line in signed.splitlines() if line.startswith("#") and "URI" not in line] == [
        line for line in text.splitlines() if line.startswith("#") and "URI" not in line
    ]
    urls = re.findall(r'^(?!#)\S+|(?<=URI=")[^"]+', signed, re.MULTILINE)
    names = re.findall(r'^(?!#)\S+|(?<=URI=")[^"]+', text, re.MULTILINE)
    assert [urlsplit(url).path for url in urls] == [f"{PREFIX}v360/{name}" for name in names]
    assert all(url.startswith("https://f.test/v/") and urlsplit(url).query for url in urls)
    tokens = {urlsplit(url).path: parse_qs(urlsplit(url).query) for url in urls}
    assert len({str(token) for token in tokens.values()}) == len(tokens) == 3, "each file its own"


def test_one_signature_serves_all_below_a_prefix() -> None:
    text = media_playlist(VIDEO, 4)
    signed = sign_uris(text, ways(GOOGLE), "google", PREFIX, f"{PREFIX}v360/", EXPIRES)
    queries = {urlsplit(url).query for url in re.findall(r"https://\S+?(?=[\"\n])", signed)}
    assert len(queries) == 1
    assert "URLPrefix=" in queries.pop()


def test_dash_leaves_out_who_signs_each_file() -> None:
    several = ways(FASTLY, BUNNY, GOOGLE)
    assert [way.id for way in several.of_dash(SESSION, ("google", "fastly", "bunny"))] == ["google", "bunny"]
    assert "URLPrefix=" in several.of_dash(SESSION, ("google",))[0].query


def test_cookies_are_refused_at_start() -> None:
    cookies = Cdn(
        **{**{name: getattr(GOOGLE, name) for name in ("id", "base_url", "scheme", "keys")}},
        options={"place": "cookie"},
    )
    with pytest.raises(ConfigError, match="google: players send no cookies"):
        ways(cookies)


def test_a_filled_playlist_is_what_would_be_written() -> None:
    """Kept pieces with this session's paths, in whatever order they are steered."""
    several = ways(BUNNY, OWN)
    for order in (("bunny", "origin"), ("origin", "bunny"), ("bunny",)):
        given = several.of(SESSION, order)
        for steering in (None, f"{ORIGIN}/steer/{SESSION.id}"):
            written = multivariant((VIDEO,), given, steering_uri=steering).encode()
            assert fill_playlist(SESSION.renditions, (), given, steering) == written
            assert fill_playlist(SESSION.renditions, (), given, steering) == written, "the second time"
