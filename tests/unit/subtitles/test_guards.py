"""subtitles.speech.guards: times become possible, doubt is flagged, nothing is left out."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtitles.speech.guards import checked, loops, lost, spread
from subtitles.speech.transcript import Flag, Segment, SpokenWord
from subtitles.speech.voice_activity import RATE_HZ, Span
from tests import recognised
from tests.recognised import word

EVERYWHERE = (Span(start=0, end=3600 * RATE_HZ),)


def segment(start_ms: int, end_ms: int, *words: SpokenWord, **more: object) -> Segment:
    return recognised.segment(*words, start_ms=start_ms, end_ms=end_ms, **more)


HELLO = (word(" Hello", 1000, 1400), word(" and", 1400, 1600), word(" welcome.", 1600, 2200))


def times(segment: Segment) -> list[tuple[int, int]]:
    return [(word.start_ms, word.end_ms) for word in segment.words]


def test_good_segments_stay_as_they_are() -> None:
    first, second = segment(1000, 2200, *HELLO), segment(3000, 3500, word(" Today.", 3000, 3500))
    assert checked([first, second], EVERYWHERE, 11_000) == (first, second)


def test_an_end_at_28_s_on_11_s_of_sound() -> None:
    (made,) = checked(
        [segment(9000, 28_000, word(" So", 9000, 9500), word(" long.", 9500, 28_000))], EVERYWHERE, 11_000
    )
    assert (made.start_ms, made.end_ms) == (9000, 11_000)
    assert times(made) == [(9000, 9500), (9500, 11_000)]


def test_a_segment_before_the_one_before() -> None:
    later, earlier = segment(1000, 2200, *HELLO), segment(500, 900, word(" Again", 500, 900))
    made = checked([later, earlier], EVERYWHERE, 11_000)
    assert [s.text for s in made] == ["Hello and welcome.", "Again"]
    assert made[1].start_ms >= made[0].end_ms
    assert made[1].words[0].start_ms >= made[0].words[-1].end_ms


def test_a_segment_ends_with_its_words_where_the_next_begins_earlier() -> None:
    """The model said 8 s; held to that, the next words would all be said in its last moment."""
    first = segment(1000, 8000, *HELLO)
    after = segment(2400, 8000, *(word(f" {n}", 2400 + 500 * n, 2900 + 500 * n) for n in range(11)))
    made = checked([first, after], EVERYWHERE, 11_000)
    assert (made[0].start_ms, made[0].end_ms) == (1000, 2400)
    assert made[1] == after


def test_words_far_outside_their_segment_come_back() -> None:
    (made,) = checked([segment(2000, 3000, word(" Hello", 400, 2500), word(" all.", 2500, 5000))], EVERYWHERE, 11_000)
    assert times(made) == [(1800, 2500), (2500, 3200)]


def test_words_without_length_share_the_silence_after_them() -> None:
    given = segment(1000, 4000, word(" one", 1000, 1500), word(" two", 1500, 1500), word(" four", 1500, 1500))
    (made,) = checked([given], EVERYWHERE, 11_000)
    assert times(made) == [(1000, 1500), (1500, 1671), (1671, 1900)]


def test_words_without_length_and_without_silence_share_the_word_before() -> None:
    given = segment(1000, 2000, word(" one", 1000, 1500), word(" two", 1500, 1500), word(" four", 1500, 2000))
    (made,) = checked([given], EVERYWHERE, 11_000)
    assert times(made) == [(1000, 1250), (1250, 1500), (1500, 2000)]


def test_a_sentence_without_words_gets_them_back() -> None:
    (made,) = checked([segment(1000, 3000, text="One two, three.")], EVERYWHERE, 11_000)
    assert [word.text for word in made.words] == [" One", " two,", " three."]
    assert (made.words[0].start_ms, made.words[-1].end_ms) == (1000, 3000)
    assert made.flags == (Flag.TIMES_SPREAD,)


def test_a_sentence_the_alignment_lost_gets_all_its_words() -> None:
    (made,) = checked([segment(1000, 3000, *HELLO, text="Hello and welcome. Today we cook.")], EVERYWHERE, 11_000)
    assert "".join(word.text for word in made.words) == " Hello and welcome. Today we cook."
    assert made.flags == (Flag.TIMES_SPREAD,)


def test_an_alignment_faster_than_speech_is_lost() -> None:
    rushed = [replace(word, start_ms=1000, end_ms=1010 + n) for n, word in enumerate(HELLO)]
    assert lost("Hello and welcome.", rushed, 1000, 3000)
    assert not lost("Hello and welcome.", rushed, 1000, 1100), "there is no more time in the segment either"
    assert not lost("Hello and welcome.", HELLO, 1000, 3000)


def test_scripts_without_spaces_are_spread_by_character() -> None:
    assert [word.text for word in spread("今日は、GPU です。", 0, 9000)] == ["今", "日", "は、", "GPU", " で", "す。"]


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"no_speech": 0.7, "logprob": -1.2}, Flag.NO_SPEECH),
        ({"no_speech": 0.7, "logprob": -0.5}, None),
        ({"no_speech": 0.5, "logprob": -1.5}, Flag.UNLIKELY),
        ({"compression": 2.5}, Flag.COMPRESSION),
        ({"compression": 2.4}, None),
        ({"temperature": 0.8}, Flag.GUESSED),
        ({"temperature": 0.4}, None),
    ],
)
def test_what_the_model_thinks(given: dict[str, float], flag: Flag | None) -> None:
    (made,) = checked([segment(1000, 2200, *HELLO, **given)], EVERYWHERE, 11_000)
    assert made.flags == ((flag,) if flag else ())
    assert made.text == "Hello and welcome."


@pytest.mark.parametrize(
    ("text", "is_loop"),
    [
        ("thank you thank you thank you", True),
        ("Thank you. Thank you. THANK YOU.", True),
        ("so a b c so a b c so a b c", True),
        ("no no no", False),
        ("no no no no no", True),
        ("thank you thank you very much", False),
        ("step one step two step three", False),
        ("", False),
    ],
)
def test_loops(text: str, is_loop: bool) -> None:
    assert loops(text.split()) is is_loop


def test_a_sentence_again_and_again_is_a_loop() -> None:
    said = [
        segment(1000 * n, 1000 * n + 900, word(f" {text}", 1000 * n, 1000 * n + 900)) for n, text in enumerate("abbbc")
    ]
    assert [Flag.LOOP in s.flags for s in checked(said, EVERYWHERE, 11_000)] == [False, True, True, True, False]


def test_text_where_nobody_speaks() -> None:
    spoken = (Span(start=0, end=1200 * RATE_HZ // 1000),)
    inside, outside = segment(0, 1000, word(" Yes.", 0, 1000)), segment(1100, 2200, word(" Thanks!", 1100, 2200))
    assert [s.flags for s in checked([inside, outside], spoken, 11_000)] == [(), (Flag.OUTSIDE_SPEECH,)]
    assert [s.flags for s in checked([inside], (), 11_000)] == [(Flag.OUTSIDE_SPEECH,)]


def test_broken_characters_are_kept_and_flagged() -> None:
    (made,) = checked([segment(0, 900, word(" caf\ufffd", 0, 900))], EVERYWHERE, 11_000)
    assert made.flags == (Flag.BROKEN_TEXT,)
    assert made.text == "caf\ufffd"


TIMES = st.integers(-2000, 40_000)
WORDS = st.lists(st.tuples(st.sampled_from([" a", " hello", "字", "!", " \ufffd"]), TIMES, TIMES), max_size=8)
SEGMENTS = st.lists(st.tuples(TIMES, TIMES, WORDS, st.booleans()), max_size=8)


@given(SEGMENTS)
def test_whatever_comes_nothing_is_lost_and_times_are_in_order(
    raw: list[tuple[int, int, list[tuple[str, int, int]], bool]],
) -> None:
    said = [
        segment(start, end, *(word(*one) for one in words), **({"text": "quite another text"} if other else {}))
        for start, end, words, other in raw
    ]
    made = checked(said, EVERYWHERE, 11_000)
    assert [s.text for s in made] == [s.text for s in said]
    for before, after in zip(said, made, strict=True):
        words = "".join(w.text for w in after.words).split()
        assert words in (before.text.split(), "".join(w.text for w in before.words).split())
    for one in made:
        assert 0 <= one.start_ms <= one.end_ms <= 11_000
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(made))
    told = [w for s in made for w in s.words]
    assert all(0 <= w.start_ms <= w.end_ms <= 11_000 for w in told)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(told))
