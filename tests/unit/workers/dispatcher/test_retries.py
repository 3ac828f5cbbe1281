"""workers.dispatcher.retries: when an event is sent again, and for how long a server is left alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import Settings
from workers.dispatcher.retries import next_attempt, throttled_until

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PAUSES = Settings().webhook_pauses_s


def seconds(at: datetime | None) -> float | None:
    return None if at is None else (at - NOW).total_seconds()


def test_the_schedule_without_chance() -> None:
    """Standard Webhooks' example schedule: ten attempts in 75 h 35 min 5 s."""
    waits = [seconds(next_attempt(NOW, attempts, PAUSES, 0.5)) for attempts in range(1, 11)]
    assert waits == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, None]
    assert sum(wait for wait in waits if wait) == 75 * 3600 + 35 * 60 + 5


@given(st.floats(0, 1), st.integers(1, 9))
def test_each_pause_is_10_percent_more_or_less(chance: float, attempts: int) -> None:
    wait = seconds(next_attempt(NOW, attempts, PAUSES, chance))
    assert wait is not None
    assert 0.9 * PAUSES[attempts] - 1e-5 <= wait <= 1.1 * PAUSES[attempts] + 1e-5


@pytest.mark.parametrize(
    ("status", "said", "wait"),
    [
        (429, "120", 120),
        (503, "Mon, 30 Nov 2026 12:10:00 GMT", 600),
        (503, "Mon, 30 Nov 2026 11:00:00 GMT", 0),
        (502, None, 15),
        (504, "soon", 15),
        (429, "99999999999999999999", 86_400),
        (429, "-5", 15),
        (500, "120", None),
        (200, "120", None),
        (410, None, None),
    ],
)
def test_what_a_server_asks_for(status: int, said: str | None, wait: float | None) -> None:
    headers = {} if said is None else {"Retry-After": said}
    assert seconds(throttled_until(NOW, status, headers)) == wait


@given(st.text(max_size=40))
def test_any_text_is_an_answer(said: str) -> None:
    until = throttled_until(NOW, 429, {"Retry-After": said})
    assert until is not None
    assert NOW <= until <= NOW + timedelta(days=1)
