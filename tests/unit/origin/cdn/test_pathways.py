"""A session's ways to its files: what stands before URIs for each kind of CDN, and playlists signed file by file."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from core.errors import ConfigError
from origin.cdn.cdns import Cdn, only_origin
from origin.cdn.signers import kadr
from origin.playback.pathways import pathways
from origin.playback.playlist_template import fill_playlist
from origin.playback.signed_playlists import sign_uris
from packager.multivariant import multivariant
from packager.playlist import iframe_playlist, media_playlist
from tests.sessions import BUNNY, EXPIRES, FASTLY, KEYS, ORIGIN, OWN, PREFIX, SESSION, VIDEO, ways

GOOGLE = Cdn(id="google", base_url="https://g.test", scheme="google_cdn", keys={"key1": "nZtRohdNF9m3cKM24IcK4w=="})


def test_the_origin_alone_is_relative_and_nameless() -> None:
    alone = pathways(only_origin(ORIGIN), KEYS, ORIGIN)
    (way,) = alone.of(SESSION, alone.cdns.ids)
    assert (way.id, way.prefix) == ("", f"../../s/{kadr.token(PREFIX, EXPIRES, KEYS)}{PREFIX}")
    assert not alone.steered
    assert alone.own_id == "origin"


def test_each_path_scheme_stands_before_the_uris_in_the_order_of_steering() -> None:
    several = ways(BUNNY, OWN)
    ours, theirs = several.of(SESSION, ("origin", "bunny"))
    assert (ours.id, theirs.id) == ("origin", "bunny")
    assert ours.prefix == f"{ORIGIN}/s/{kadr.token(PREFIX, EXPIRES, KEYS)}{PREFIX}"
    assert re.fullmatch(r"https://a\.b-cdn\.test/bcdn_token=[^/]+expires=1900000020[^/]*/v/as_1/ab/", theirs.prefix)


@pytest.mark.parametrize("cdn", [FASTLY, GOOGLE], ids=lambda cdn: cdn.id)
def test_a_query_scheme_goes_through_a_playlist_of_ours(cdn: Cdn) -> None:
    (way,) = ways(cdn).of(SESSION, (cdn.id,))
    below = f"/m/{cdn.id}{PREFIX}"
    assert way.prefix == f"{ORIGIN}/t/{kadr.token(below, EXPIRES, KEYS)}{below}"


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
