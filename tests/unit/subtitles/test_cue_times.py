"""subtitles.formats.cue_times: captions that begin at an hour are moved to where the title begins."""

import pytest

from core.errors import Rejected
from core.media.encoded import Cue
from subtitles.formats.cue_times import HOUR_MS, fitted

TITLE_MS = 12_000


def cues(*times: tuple[int, int], late_by: float = 0) -> list[Cue]:
    offset = round(late_by * HOUR_MS)
    return [Cue(start_ms=offset + start, end_ms=offset + end, text="x") for start, end in times]


FITTING = ((1_000, 3_000), (4_000, 6_000))


@pytest.mark.parametrize("hours", [1, 2, 10, 23])
def test_whole_hours_are_taken_off(hours: int) -> None:
    assert fitted(cues(*FITTING, late_by=hours), TITLE_MS) == (cues(*FITTING), hours)


def test_a_cue_that_begins_a_moment_before_the_hour_begins_with_the_title() -> None:
    moved, hours = fitted(cues((-500, 1_500), (4_000, 6_000), late_by=1), TITLE_MS)
    assert ([(cue.start_ms, cue.end_ms) for cue in moved], hours) == ([(0, 1_500), (4_000, 6_000)], 1)


def test_an_hour_too_late_for_a_long_title_overlaps_it_and_is_moved_all_the_same() -> None:
    film = ((1_000, 3_000), (HOUR_MS + 60_000, HOUR_MS + 62_000))
    assert fitted(cues(*film, late_by=1), round(1.5 * HOUR_MS)) == (cues(*film), 1)


@pytest.mark.parametrize(
    ("times", "duration_ms"),
    [
        (FITTING, TITLE_MS),
        ((), TITLE_MS),
        (((1_000, 3_000), (60_000, 62_000)), TITLE_MS),  # of a longer cut: what fits is shown
        (((HOUR_MS + 1_000, HOUR_MS + 2_000),), 2 * HOUR_MS),  # nothing is said in the first hour
        (((HOUR_MS + 1_000, HOUR_MS + 2_000), (3 * HOUR_MS, 3 * HOUR_MS + 1)), 2 * HOUR_MS - 1),
    ],
)
def test_what_lies_in_the_title_stays(times: tuple[tuple[int, int], ...], duration_ms: int) -> None:
    assert fitted(cues(*times), duration_ms) == (cues(*times), 0)


@pytest.mark.parametrize(
    "times",
    [
        ((60_000, 62_000),),
        ((HOUR_MS + 60_000, HOUR_MS + 62_000),),
        ((HOUR_MS - 5_000, HOUR_MS - 3_000), (HOUR_MS + 1_000, HOUR_MS + 2_000)),  # the first one would be lost
        ((HOUR_MS + 1_000, HOUR_MS + 2_000), (2 * HOUR_MS, 2 * HOUR_MS + 1)),
    ],
)
def test_what_no_hour_helps_is_refused(times: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(Rejected, match="00:00:12") as refused:
        fitted(cues(*times), TITLE_MS)
    assert (refused.value.code, bool(refused.value.hint)) == ("cues_outside", True)
