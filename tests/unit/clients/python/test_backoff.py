"""How long to wait before the next attempt."""

import pytest

from kadr_client import backoff

NOW = 1_796_040_000.0  # Mon, 30 Nov 2026 12:00:00 GMT


@pytest.fixture
def quick() -> None:
    """Not here: the pauses as they are."""


def test_pauses_double_up_to_half_a_minute() -> None:
    assert [backoff.pause_s(failures, chance=0) for failures in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.pause_s(7, chance=1) == 15
    assert 0.25 <= backoff.pause_s(1) <= 0.5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("2", 2),
        ("3600", backoff.MOST_ASKED_S),
        ("-1", 0),
        ("nan", 0),
        ("soon", 0),
        ("", 0),
        ("Mon, 30 Nov 2026 12:00:20 GMT", 20),
        ("Mon, 30 Nov 2026 11:00:00 GMT", 0),
    ],
)
def test_what_retry_after_asks_for(header: str | None, seconds: float) -> None:
    assert backoff.asked_s(header, NOW) == seconds


def test_what_is_asked_for_is_the_least() -> None:
    assert backoff.pause_s(1, "9", chance=0) == 9
    assert backoff.pause_s(20, "9", chance=0) == 30
