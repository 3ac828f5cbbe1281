"""The playback token and the delivery token: one spelling is good, every other string is refused, and refused only."""

import base64
import json
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import KadrError
from core.model import PlaybackId
from core.tokens import playback_token
from core.tokens.playback_token import ANYBODY, Claims, Limits, TokenExpired, TokenRefused
from origin.cdn.signers import DeliveryRefused
from origin.cdn.signers import kadr as delivery

EXPIRES = 1_800_000_000
PLAYBACK = PlaybackId("pb_01h455vb4pex5vsknk084sn02q")
PREFIX = "/v/as_01h455vb4pex5vsknk084sn02q/0123456789abcdef0123/"
OLD, NEW = {"k1": b"1" * 32}, {"k2": b"2" * 32}
CLAIMS = Claims(playback_id=PLAYBACK, session="0123456789abcdef", expires_at=EXPIRES)


@dataclass(frozen=True)
class Scheme:
    """A kind of token: how it is made with keys, and how it is checked against keys at a time."""

    sign: Callable[[dict[str, bytes]], str]
    check: Callable[[str, dict[str, bytes], float], Any]
    refused: type[KadrError]


SCHEMES = {
    "playback": Scheme(
        sign=lambda keys: playback_token.sign(CLAIMS, keys),
        check=lambda token, keys, now: playback_token.verify(token, keys, PLAYBACK, now),
        refused=TokenRefused,
    ),
    "delivery": Scheme(
        sign=lambda keys: delivery.token(PREFIX, EXPIRES, keys),
        check=lambda token, keys, now: delivery.verify(token, PREFIX, keys, now),
        refused=DeliveryRefused,
    ),
}


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return SCHEMES[request.param]


def refuses(scheme: Scheme, token: str, keys: dict[str, bytes] = OLD, now: float = 0) -> None:
    with pytest.raises(scheme.refused):
        scheme.check(token, keys, now)
        pytest.fail(f"accepted: {token!r}")


def test_round_trip(scheme: Scheme) -> None:
    token = scheme.sign(OLD)
    assert scheme.check(token, OLD, EXPIRES - 1) in (CLAIMS, None)
    assert set(token) <= set(string.ascii_letters + string.digits + "-_."), "goes into a URL as it is"


@pytest.mark.parametrize(
    "limits",
    [
        Limits(),
        Limits(viewer="u-42"),
        Limits(viewer="ü", max_sessions=3, domain="*.example.org", ip="2001:db8::/64", country="SE"),
    ],
)
def test_limits_travel_with_the_token(limits: Limits) -> None:
    claims = replace(CLAIMS, limits=limits)
    assert playback_token.verify(playback_token.sign(claims, OLD), OLD, PLAYBACK, 0) == claims


@pytest.mark.parametrize(
    "fields", [{"session_s": 60}, {"ends_at": EXPIRES}, {"session_s": 60, "ends_at": EXPIRES, "public_only": True}]
)
@pytest.mark.parametrize("limits", [ANYBODY, Limits(viewer="u-42", country="SE")])
def test_the_end_of_a_session_travels_with_the_token(fields: dict[str, int], limits: Limits) -> None:
    claims = replace(CLAIMS, limits=limits, **fields)
    read = playback_token.verify(playback_token.sign(claims, OLD), OLD, PLAYBACK, 0)
    assert read == claims
    assert (read.limits is ANYBODY) is (limits is ANYBODY), "who may watch is no question of until when"


def test_a_session_ends_where_its_first_exchange_said() -> None:
    longest_s = 86_400
    assert CLAIMS.session_end(1000.9, longest_s) == 1000 + longest_s
    assert replace(CLAIMS, session_s=60).session_end(1000.9, longest_s) == 1060
    assert replace(CLAIMS, session_s=longest_s + 1).session_end(1000, longest_s) == 1000 + longest_s
    begun = replace(CLAIMS, ends_at=1060)
    assert {begun.session_end(now, longest_s) for now in (1000, 1059, 5000)} == {1060}


def test_a_token_without_limits_is_as_short_as_it_was() -> None:
    body = playback_token.sign(CLAIMS, OLD).split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) == [PLAYBACK, CLAIMS.session, EXPIRES]


def test_expiry(scheme: Scheme) -> None:
    token = scheme.sign(OLD)
    scheme.check(token, OLD, EXPIRES)
    refuses(scheme, token, now=EXPIRES + 0.001)


def test_expired_is_told_apart_only_when_it_was_ours() -> None:
    token = playback_token.sign(CLAIMS, OLD)
    with pytest.raises(TokenExpired):
        playback_token.verify(token, OLD, PLAYBACK, EXPIRES + 1)
    with pytest.raises(TokenRefused) as refused:
        playback_token.verify(token[:-1] + ("0" if token[-1] != "0" else "1"), OLD, PLAYBACK, EXPIRES + 1)
    assert not isinstance(refused.value, TokenExpired)


def test_every_change_of_one_character_is_refused(scheme: Scheme) -> None:
    """Exhaustive over positions and over the characters a token can hold."""
    token, tried = scheme.sign(OLD), 0
    for at in range(len(token) + 1):
        changed = {token[:at] + token[at + 1 :]} if at < len(token) else set()
        for character in string.ascii_letters + string.digits + "-_.=+/ %":
            changed |= {token[:at] + character + token[at + 1 :], token[:at] + character + token[at:]}
        for other in changed - {token}:
            refuses(scheme, other)
            tried += 1
    assert tried > len(token) * 70


@pytest.mark.parametrize(
    "name",
    [
        "playback",
        pytest.param(
            "delivery",
        ),
    ],
)
@given(data=st.data())
def test_any_character_anywhere_is_refused(name: str, data: st.DataObject) -> None:
    scheme = SCHEMES[name]
    token = scheme.sign(OLD)
    at = data.draw(st.integers(0, len(token)))
    character = data.draw(st.characters(exclude_categories=["Cs"]))
    for other in (token[:at] + character + token[at:], token[:at] + character + token[at + 1 :]):
        if other != token:
            refuses(scheme, other)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_lone_surrogate_is_refused(name: str) -> None:
    for token in ("k1.\udcff.\udcff", "k1.1.\udcff"):
        refuses(SCHEMES[name], token)


@given(st.text(st.characters(codec="ascii")) | st.from_regex(r"k1\.[0-9A-Za-z_.=-]*", fullmatch=True))
def test_junk_raises_nothing_but_the_refusal(token: str) -> None:
    for scheme in SCHEMES.values():
        refuses(scheme, token)


@pytest.mark.parametrize("token", ["", ".", "..", "k1", "k1.", "k1..", "k1.1.", "None.None.None", "k1.W10.00", "." * 9])
def test_near_misses(scheme: Scheme, token: str) -> None:
    refuses(scheme, token)


def test_the_other_kind_of_token_is_refused() -> None:
    """Both kinds under one key: each signs its own words."""
    refuses(SCHEMES["playback"], SCHEMES["delivery"].sign(OLD))
    refuses(SCHEMES["delivery"], SCHEMES["playback"].sign(OLD))


def test_keys_rotate(scheme: Scheme) -> None:
    old, new = scheme.sign(OLD), scheme.sign({**NEW, **OLD})
    assert new.startswith("k2."), "the first key signs"
    for token in (old, new):
        scheme.check(token, {**NEW, **OLD}, 0)
    scheme.check(new, NEW, 0)
    refuses(scheme, old, keys=NEW)


def test_other_keys(scheme: Scheme) -> None:
    token = scheme.sign(OLD)
    refuses(scheme, token, keys={})
    refuses(scheme, token, keys={"k1": b"2" * 32})
    refuses(scheme, token, keys={"k2": b"1" * 32})
    # The key id is part of what is signed, even where two ids share their bytes.
    refuses(scheme, "k3" + token[2:], keys={**OLD, "k3": b"1" * 32})


@pytest.mark.parametrize("other", ["", PLAYBACK[:-1], f"{PLAYBACK}0", PLAYBACK.upper(), f"{PLAYBACK[:-1]}r"])
def test_another_playback_id_is_refused(other: str) -> None:
    with pytest.raises(TokenRefused):
        playback_token.verify(playback_token.sign(CLAIMS, OLD), OLD, other, 0)


@pytest.mark.parametrize(
    "other", ["", "/", PREFIX[:-1], f"{PREFIX}v720/", PREFIX.replace("/v/as_0", "/v/as_1"), PREFIX.upper()]
)
def test_another_prefix_is_refused(other: str) -> None:
    with pytest.raises(DeliveryRefused):
        delivery.verify(delivery.token(PREFIX, EXPIRES, OLD), other, OLD, 0)


def test_a_prefix_cannot_lend_its_start_to_the_expiry() -> None:
    _, _, signature = delivery.token("9./v/x/", 17, OLD).split(".")
    with pytest.raises(DeliveryRefused):
        delivery.verify(f"k1.17.9.{signature}", "/v/x/", OLD, 0)


def test_sessions_differ() -> None:
    assert len({playback_token.new_session() for _ in range(100)}) == 100
