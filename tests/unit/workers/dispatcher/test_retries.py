"""workers.dispatcher.retries: when an event is sent again, and for how long a server is left alone."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import Settings
from workers.dispatcher.retries import away_s, pause_s, requested_pause_s

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PAUSES = Settings().webhook_pauses_s


def test_the_schedule_without_chance() -> None:
    """Standard Webhooks' example schedule: ten attempts in 75 h 35 min 5 s."""
    waits = [pause_s(attempts, PAUSES, 0.5) for attempts in range(1, 11)]
    assert waits == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, None]
    assert sum(wait for wait in waits if wait) == 75 * 3600 + 35 * 60 + 5


@given(st.floats(0, 1), st.integers(1, 9))
def test_each_pause_is_10_percent_more_or_less(chance: float, attempts: int) -> None:
    wait = pause_s(attempts, PAUSES, chance)
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
    assert requested_pause_s(NOW, status, headers) == wait


# Dates, and what looks like them: an offset beyond all days is no ValueError.
DATES = st.builds(
    "{}, {} Nov {} {}:{}:00 {}".format,
    st.sampled_from(["Mon", "Foo"]),
    st.integers(0, 99),
    st.integers(0, 99_999),
    st.integers(0, 99),
    st.integers(0, 99),
    st.one_of(st.just("GMT"), st.integers(-(10**20), 10**20).map("{:+d}".format), st.text(max_size=5)),
)


@given(st.one_of(st.text(max_size=40), DATES, st.just("Mon, 30 Nov 2026 12:00:00 +99999999999999")))
def test_any_text_is_an_answer(said: str) -> None:
    wait = requested_pause_s(NOW, 429, {"Retry-After": said})
    assert wait is not None
    assert 0 <= wait <= 86_400


def test_a_server_that_does_not_answer_is_left_alone_for_longer_and_longer() -> None:
    assert [away_s(failures) for failures in (1, 2, 3, 7, 8, 10**6)] == [5, 10, 20, 300, 300, 300]
