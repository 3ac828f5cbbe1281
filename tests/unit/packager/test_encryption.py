"""packager.encryption and core.db.content_keys: what is encrypted can be decrypted by others, and by nobody else."""

from dataclasses import replace
from fractions import Fraction

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from core.db.content_keys import KeyLocked, required_wrapping_keys, unwrap, wrap
from core.errors import Rejected
from core.media.encoded import Blob, Encoded, Keyframe, Rendition, RenditionKind, Segment
from core.model import AssetId
from core.settings import Settings
from core.tokens.playback_token import Limits
from hls_checker import aes
from origin.cdn.cdns import Cdn
from origin.cdn.signers import CannotSign, SigningContext, kadr
from origin.playback.signed_playlists import sign_uris
from packager import revision
from packager.encryption import Encryption, encrypted, with_encrypted
from packager.playlist import media_playlist
from tests.sessions import BUNNY, EXPIRES, FASTLY, KEYS, ORIGIN, OWN, PREFIX, SESSION, ways

ASSET, OTHER = AssetId("as_1"), AssetId("as_2")
KEYFRAME = Keyframe(offset=0, size_bytes=50, duration=600)
CLEAR = Rendition(
    id="v360",
    kind=RenditionKind.VIDEO,
    codec="avc1.64001e",
    timescale=100,
    init=Blob(sha256="0" * 64, size_bytes=700),
    segments=tuple(
        Segment(blob=Blob(sha256=f"{n}" * 64, size_bytes=100), duration=600, keyframes=(KEYFRAME,)) for n in (1, 2)
    ),
    width=640,
    height=360,
    frame_rate=Fraction(25),
)
SEALED = with_encrypted(CLEAR, [Blob(sha256=letter * 64, size_bytes=112) for letter in "ab"])
PLAYLIST = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="init.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="key"
#EXTINF:6.000000,
00000.m4s
#EXTINF:6.000000,
00001.m4s
#EXT-X-ENDLIST
"""


def test_known_answer() -> None:
    """NIST SP 800-38A, F.2.1: the first block; its IV is the number 0x000102...0f."""
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    clear = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
    body = encrypted(clear, key, int("000102030405060708090a0b0c0d0e0f", 16))
    assert body[:16].hex() == "7649abac8119b246cee98e9b12e9197d"
    assert len(body) == 32, "a whole block of padding after a whole block"
    padding = Cipher(algorithms.AES128(key), modes.CBC(body[:16])).decryptor().update(body[16:])
    assert padding == bytes([16]) * 16


@given(st.binary(max_size=200), st.binary(min_size=16, max_size=16), st.integers(0, 100_000))
def test_the_checker_opens_it_by_the_number_alone(clear: bytes, key: bytes, number: int) -> None:
    body = encrypted(clear, key, number)
    assert aes.plain(body, key, number) == clear
    assert body == encrypted(clear, key, number), "made twice it is one object"
    assert len(body) % 16 == 0
    assert len(clear) < len(body) <= len(clear) + 16
    assert encrypted(clear, key, number + 1) != body


def test_a_playlist_names_the_key_after_the_init_segment() -> None:
    assert media_playlist(SEALED, 6, key_uri="key") == PLAYLIST
    assert "EXT-X-KEY" not in media_playlist(CLEAR, 6)


def test_a_revision_holds_what_can_be_opened_and_no_clear_segment() -> None:
    made = revision.build_revision(ASSET, Encoded(renditions=(SEALED,)), encryption=Encryption.AES_128)
    assert set(made.manifest.files) == {
        *("index.m3u8", "v360/index.m3u8"),
        *("v360/init.mp4", "v360/00000.m4s", "v360/00001.m4s"),
    }
    assert [made.manifest.files[f"v360/0000{n}.m4s"].sha256 for n in (0, 1)] == ["a" * 64, "b" * 64]
    texts = [body.decode() for body in made.texts.values()]
    assert PLAYLIST in texts
    assert all("I-FRAME" not in text for text in texts)
    assert revision.manifest_from_bytes(made.body).encryption is Encryption.AES_128
    clear = revision.build_revision(ASSET, Encoded(renditions=(CLEAR,)))
    assert {"manifest.mpd", "v360/iframes.m3u8"} < set(clear.manifest.files)
    assert clear.manifest.encryption is Encryption.NONE


def test_rates_are_of_what_travels() -> None:
    assert (CLEAR.bandwidth_bps, SEALED.bandwidth_bps) == (133, 149)
    assert replace(SEALED, segments=CLEAR.segments) == CLEAR, "nothing else changes"


def test_a_key_is_opened_for_its_asset_only() -> None:
    key, ring = bytes(range(16)), {"k2": b"\2" * 32, "k1": b"\1" * 16}
    wrapped = wrap(key, ASSET, ring)
    assert wrapped.kid == "k2"
    assert unwrap(wrapped, ASSET, ring) == key
    assert unwrap(wrapped, ASSET, {"k3": b"\3" * 16, "k2": b"\2" * 32}) == key, "keys rotate"
    assert key not in wrapped.body
    assert wrap(key, ASSET, ring).body != wrapped.body
    assert key.hex() not in repr(wrapped)
    for asset_id, keys in ((OTHER, ring), (ASSET, {"k1": b"\1" * 16}), (ASSET, {"k2": b"\1" * 16})):
        with pytest.raises(KeyLocked):
            unwrap(wrapped, asset_id, keys)
    changed = replace(wrapped, body=wrapped.body[:-1] + bytes([wrapped.body[-1] ^ 1]))
    with pytest.raises(KeyLocked):
        unwrap(changed, ASSET, ring)


# What each session is led to


@pytest.mark.parametrize("cdn", [BUNNY, FASTLY, OWN], ids=lambda cdn: cdn.id)
def test_playlists_are_the_sessions_own_and_segments_are_the_cdns(cdn: Cdn) -> None:
    several, url = ways(cdn), "https://origin.example.org/key/t/pb_1/0"
    (way,) = several.of(replace(SESSION, encrypted=True), (cdn.id,))
    below = f"/k/pb_1/{SESSION.id}/m/{cdn.id}{PREFIX}"
    assert way.prefix == f"{ORIGIN}/t/{kadr.token(below, EXPIRES, KEYS)}{below}"
    text = sign_uris(PLAYLIST, several, cdn.id, PREFIX, f"{PREFIX}v360/", EXPIRES, content_key_url=url)
    assert f'#EXT-X-KEY:METHOD=AES-128,URI="{url}"' in text
    others = [line for line in text.splitlines() if "URI=" in line or not line.startswith("#")]
    assert len(others) == 4
    assert sum(cdn.base_url in line for line in others if "EXT-X-KEY" not in line) == 3


def test_a_viewer_is_named_so_that_revoking_them_counts() -> None:
    viewed = replace(SESSION, encrypted=True, limits=Limits(viewer="ü/1"))
    assert viewed.path_suffix == f"/pb_1/{SESSION.id}/c3bc2f31"
    first, other = (ways(OWN).of(each, ("origin",)) for each in (viewed, replace(viewed, id="f" * 16)))
    assert first != other, "never kept for another session"


def test_a_cdn_that_binds_addresses_is_told_the_viewers() -> None:
    bound = ways(replace(BUNNY, options={"lock_ip": True}))
    texts = {
        sign_uris(
            PLAYLIST,
            bound,
            "bunny",
            PREFIX,
            f"{PREFIX}v360/",
            EXPIRES,
            SigningContext(now=0, ip=ip),
            content_key_url="k",
        )
        for ip in ("192.0.2.7", "192.0.2.8")
    }
    assert len(texts) == 2
    with pytest.raises(CannotSign):
        sign_uris(PLAYLIST, bound, "bunny", PREFIX, f"{PREFIX}v360/", EXPIRES, content_key_url="k")


def test_without_wrapping_keys_nothing_is_encrypted() -> None:
    assert required_wrapping_keys(Settings(content_keys=SecretStr(f"k1:{'ab' * 16}"))) == {"k1": b"\xab" * 16}
    with pytest.raises(Rejected) as refused:
        required_wrapping_keys(Settings())
    assert refused.value.code == "encryption_unavailable"
