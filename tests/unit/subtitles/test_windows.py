"""subtitles.speech.windows: full windows with short pauses, and times in them are times of the title."""

from hypothesis import given
from hypothesis import strategies as st

from subtitles.speech.voice_activity import RATE_HZ, WINDOW, Span
from subtitles.speech.windows import LEAD, LONGEST_PAUSE, TAIL, Window, window, windows

HOUR = Span(start=0, end=3600 * RATE_HZ)


def span(start_s: float, end_s: float) -> Span:
    return Span(start=round(start_s * RATE_HZ), end=round(end_s * RATE_HZ))


def seconds(one: Window) -> list[tuple[float, float]]:
    return [(piece.start / RATE_HZ, piece.end / RATE_HZ) for piece in one.pieces]


def test_a_long_pause_is_shortened_to_a_second() -> None:
    one = window([span(10, 12), span(12.8, 14), span(20, 22)], 0, HOUR)
    assert one is not None
    assert seconds(one) == [(9.5, 14.5), (19.5, 22.8)]
    assert one.end == 22 * RATE_HZ


def test_short_speech_shares_a_window() -> None:
    """Each clip of its own would cost a whole one."""
    made = windows([span(start, start + 2) for start in range(10, 100, 10)], HOUR)
    assert len(made) == 1


def test_a_window_ends_in_a_pause_where_it_is_nearly_full() -> None:
    spoken = [span(1, 24), span(24.6, 40)]
    first, second = windows(spoken, HOUR)
    assert (first.end, first.is_cut) == (24 * RATE_HZ, False)
    assert second.pieces[0].start == round(24.1 * RATE_HZ), "the pause before it is heard, too"
    (cut, _) = windows([span(1, 15), span(15.6, 40)], HOUR)
    assert cut.is_cut
    assert WINDOW - TAIL - RATE_HZ < cut.samples <= WINDOW


def test_isolated_speech_has_sound_around_it() -> None:
    one = window([span(10, 11)], 0, HOUR)
    assert one is not None
    assert (10 * RATE_HZ - one.pieces[0].start, one.pieces[-1].end - 11 * RATE_HZ) == (LEAD, TAIL)


def test_it_begins_where_the_one_before_ended() -> None:
    one = window([span(1, 20)], 7 * RATE_HZ, HOUR)
    assert one is not None
    assert one.pieces[0].start == 7 * RATE_HZ
    assert window([span(1, 20)], 20 * RATE_HZ, HOUR) is None


def test_no_word_lies_in_what_was_cut_out() -> None:
    one = Window(pieces=(span(10, 14.5), span(19.5, 22)), end=22 * RATE_HZ)
    assert one.title_ms(500, 900) == (10_500, 10_900)
    assert one.title_ms(5_000, 5_500) == (20_000, 20_500)
    assert one.title_ms(4_000, 4_700) == (14_000, 14_500), "most of it was before"
    assert one.title_ms(4_400, 5_000) == (19_500, 20_000), "most of it was after"
    assert one.title_ms(6_500, 9_000) == (21_500, 22_000)
    assert one.title_ms(30_000, 31_000) == (22_000, 22_000)


@given(st.lists(st.tuples(st.floats(0.3, 30), st.floats(0, 40)), min_size=1, max_size=40))
def test_windows_of_any_speech(pairs: list[tuple[float, float]]) -> None:
    at, spoken = 0.2, []
    for length, pause in pairs:
        spoken.append(span(at, at + length))
        at += length + pause
    made = windows(spoken, Span(start=0, end=spoken[-1].end + RATE_HZ))
    assert made[-1].end == spoken[-1].end, "all of it is heard"
    for before, one in zip([None, *made], made, strict=False):
        assert 0 < one.samples <= WINDOW
        assert before is None or one.pieces[0].start >= before.end - LEAD
        assert all(a.end < b.start for a, b in zip(one.pieces, one.pieces[1:], strict=False))
    heard = [piece for one in made for piece in one.pieces]
    for one in spoken:
        inside = sum(max(0, min(one.end, piece.end) - max(one.start, piece.start)) for piece in heard)
        assert inside >= one.samples
    assert LONGEST_PAUSE <= RATE_HZ
