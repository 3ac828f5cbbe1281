"""The codec of signed tokens: the spelling never changes, and everything else is refused."""

import hmac

import pytest

from core.model import PlaybackId
from core.tokens import playback_token
from core.tokens.playback_token import Claims, Limits, TokenRefused
from core.tokens.signed_token import InvalidToken, TokenCodec

KEYS = {"k2": b"second-secret-of-thirty-two-byte", "k1": b"first-secret-of-thirty-two-bytes"}
CODEC = TokenCodec(purpose="kadr-test", max_chars=200)

# Issued before the codec was shared: tokens in flight outlive an upgrade.
PLAYBACK = (
    "k2.WyJwYl8wMTIzNDU2Nzg5YWJjZGVmIiwgIjAwMTEyMjMzYWFiYmNjZGQiLCAxODAwMDAwMDAwXQ."
    "2ad2d29205bc55ffaf035e03adcf8aef0cbeab9305023204c6a7b8e813c927e8"
)
PLAYBACK_WITH_LIMITS = (
    "k2.WyJwYl8wMTIzNDU2Nzg5YWJjZGVmIiwgIjAwMTEyMjMzYWFiYmNjZGQiLCAxODAwMDAwMDAwLCB7InZpZXdlciI6ICJcdTA0MTdcdTA0NDBc"
    "dTA0MzhcdTA0NDJcdTA0MzVcdTA0M2JcdTA0NGMgNyIsICJtYXhfc2Vzc2lvbnMiOiAyLCAiZG9tYWluIjogIiouZXhhbXBsZS5vcmciLCAiY291"
    "bnRyeSI6ICJERSJ9XQ.4fc91ad3bf0579e6e6e5cc35681a75e237bc3f430ff4dd8c74177772a9eaff58"
)
IMPRESSION = (
    "k2.WyJleF8xIiwiYWJjIiwiYzEiLDMsMC4xLDE4MDAwMDAwMDBd."
    "9c9309017f5b339034a1512ff614d275261f3763495cb4aad3d0c66e773897fc"
)
DELIVERY = "k2.1800000000.dc77582671678460285cc467821f737fb072f3ce826d50e78360e9bee86ad7db"


@pytest.mark.parametrize(
    ("token", "limits"),
    [
        (PLAYBACK, Limits()),
        (PLAYBACK_WITH_LIMITS, Limits(viewer="Зритель 7", max_sessions=2, domain="*.example.org", country="DE")),
    ],
)
def test_playback_tokens_in_flight_stay_valid(token: str, limits: Limits) -> None:
    claims = Claims(
        playback_id=PlaybackId("pb_0123456789abcdef"),
        session="00112233aabbccdd",
        expires_at=1_800_000_000,
        limits=limits,
    )
    assert playback_token.sign(claims, KEYS) == token
    assert playback_token.verify(token, KEYS, claims.playback_id, 0) == claims


def test_the_codec_writes_impression_and_delivery_tokens_as_they_are() -> None:
    impressions = TokenCodec(purpose="kadr-impression", max_chars=512, padded=True)
    claims = b'["ex_1","abc","c1",3,0.1,1800000000]'
    assert impressions.encode(claims, KEYS) == IMPRESSION
    assert impressions.decode(IMPRESSION, KEYS) == claims
    deliveries = TokenCodec(purpose="kadr-delivery", max_chars=512)
    assert deliveries.sign("1800000000", KEYS, bound_to="/v/as_1/r1/") == DELIVERY
    assert deliveries.verify(DELIVERY, KEYS, bound_to="/v/as_1/r1/") == "1800000000"
    with pytest.raises(InvalidToken):
        deliveries.verify(DELIVERY, KEYS, bound_to="/v/as_2/r1/")


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("claims", [b"", b"a", b"ab", b"abc", bytes(range(90))])
def test_round_trip(claims: bytes, padded: bool) -> None:
    codec = TokenCodec(purpose="kadr-test", max_chars=400, padded=padded)
    assert codec.decode(codec.encode(claims, KEYS), KEYS) == claims


def test_a_token_of_another_purpose_is_refused() -> None:
    token = TokenCodec(purpose="kadr-other", max_chars=200).encode(b"claims", KEYS)
    with pytest.raises(InvalidToken):
        CODEC.decode(token, KEYS)


def test_the_length_is_bounded() -> None:
    exact = TokenCodec(purpose="kadr-test", max_chars=len(CODEC.encode(b"claims", KEYS)))
    assert exact.decode(exact.encode(b"claims", KEYS), KEYS) == b"claims"
    with pytest.raises(InvalidToken):
        exact.decode(exact.encode(b"claims", KEYS) + "0", KEYS)
    with pytest.raises(InvalidToken):
        exact.decode(CODEC.encode(b"longer claims", KEYS), KEYS)


@pytest.mark.parametrize("body", ["QQ==", "QR", "Q Q", "QQ\n", "+/+/", "A"])
def test_a_signed_body_in_another_spelling_of_base64_is_refused(body: str) -> None:
    signature = hmac.digest(KEYS["k2"], f"kadr-test.k2.{body}".encode(), "sha256").hex()
    with pytest.raises(InvalidToken):
        CODEC.decode(f"k2.{body}.{signature}", KEYS)


def test_signed_claims_of_another_shape_are_refused_as_playback_tokens() -> None:
    codec = TokenCodec(purpose="kadr-playback", max_chars=8192)
    for claims in (b"", b"\xff", b"[]", b"{}", b"null", b'["pb_1", "s", "soon", {"shoe_size": 4}]', b'["pb_1", "s"]'):
        with pytest.raises(TokenRefused):
            playback_token.verify(codec.encode(claims, KEYS), KEYS, "pb_1", 0)


def test_the_longest_limits_fit() -> None:
    """As the API accepts them: a name of 200 characters that JSON writes as 12 each, and a domain of 253."""
    limits = Limits(viewer="\U0001f3ac" * 200, max_sessions=100, domain="d" * 253, ip="2" * 50, country="DE")
    claims = Claims(playback_id=PlaybackId("pb_1"), session="0" * 16, expires_at=1, limits=limits)
    token = playback_token.sign(claims, KEYS)
    assert 3700 < len(token) < 4096
    assert playback_token.verify(token, KEYS, "pb_1", 0) == claims
