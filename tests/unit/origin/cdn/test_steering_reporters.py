"""Who may report on a pathway: each signed session once, few of one address."""

from ipaddress import ip_address

import pytest

from core.http.client_address import home_of
from core.tokens import playback_token, steering_token
from core.tokens.signed_token import InvalidToken
from origin.cdn.steering.breaker import Rules
from origin.cdn.steering.reporters import PER_ADDRESS, Reporters

KEYS, SESSION = {"k1": b"1" * 32}, "0123456789abcdef"
WINDOW_S = 60


def test_a_session_counts_once_in_a_window_on_each_pathway() -> None:
    reporters = Reporters(WINDOW_S)
    told = [reporters.admits(pathway, SESSION, "192.0.2.1", 0) for pathway in ("a", "a", "b", "b")]
    assert told == [True, False, True, False]
    assert not reporters.admits("a", SESSION, "192.0.2.1", WINDOW_S - 1)
    assert reporters.admits("a", SESSION, "192.0.2.1", WINDOW_S)


def test_one_address_cannot_open_a_breaker_whatever_sessions_it_begins() -> None:
    reporters = Reporters(WINDOW_S)
    counted = sum(reporters.admits("a", f"{number:016x}", "192.0.2.1", 0) for number in range(700))
    assert counted == PER_ADDRESS < Rules().min_samples
    assert reporters.admits("a", SESSION, "192.0.2.2", 0), "others go on being heard"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_a_home_is_an_address_or_a_64(one: str, other: str, same: bool) -> None:
    assert (home_of(ip_address(one)) == home_of(ip_address(other))) is same


def test_all_whose_address_is_not_known_are_one_home() -> None:
    """A trusted proxy that names nobody: what they say is bounded as that of an address."""
    reporters = Reporters(WINDOW_S)
    counted = sum(reporters.admits("a", f"{number:016x}", home_of(None), 0) for number in range(700))
    assert counted == PER_ADDRESS
    assert reporters.admits("a", SESSION, "192.0.2.2", 0), "others go on being heard"


def test_a_session_is_signed_for_steering_alone() -> None:
    token = steering_token.sign(SESSION, KEYS)
    assert steering_token.verify(token, KEYS) == SESSION
    claims = playback_token.Claims(playback_id=playback_token.PlaybackId("pb_1"), session=SESSION, expires_at=2**31)
    for other in (SESSION, token[:-1], token.replace("0123", "1123"), playback_token.sign(claims, KEYS), ""):
        with pytest.raises(InvalidToken):
            steering_token.verify(other, KEYS)
