"""subtitles.cues.words: what WORDS.json may say, and that times are mended without losing a word."""

import json
from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Rejected
from subtitles.cues.words import RecognisedWord, Word, read, repaired

NAN = float("nan")


def heard(*times: tuple[float | None, float | None]) -> list[RecognisedWord]:
    return [RecognisedWord(start_s=start, end_s=end, text=f"w{number}") for number, (start, end) in enumerate(times)]


def mended(*times: tuple[float | None, float | None]) -> list[tuple[int, int]]:
    return [(word.start_ms, word.end_ms) for word in repaired(heard(*times))]


def test_words_with_good_times_stay_as_they_are() -> None:
    body = '[{"start": 0.5, "end": 0.9, "word": " Hello"}, {"start": 1, "end": 1.25, "word": "you", "probability": 1}]'
    assert read(body) == [
        Word(start_ms=500, end_ms=900, text=" Hello"),
        Word(start_ms=1000, end_ms=1250, text="you", probability=1),
    ]
    assert read(b"[]") == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("nonsense", "The words are not JSON."),
        ("[" * 100_000, "The words are not JSON."),
        (b"\xff\xfe\x00", "The words are not JSON."),
        ('{"start": 1}', "The words are not a list."),
        ('[{"start": 1, "end": 2, "word": "a"}, 7]', "Word 1 is not an object."),
        ('[{"start": 1, "word": "a"}]', "Word 0 has no 'end'."),
        ('[{"start": "1", "end": 2, "word": "a"}]', "Word 0 has a 'start' that is not a number of seconds."),
        ('[{"start": 1, "end": true, "word": "a"}]', "Word 0 has a 'end' that is not a number of seconds."),
        ('[{"start": 1, "end": 2, "word": null}]', "Word 0 has a 'word' that is not text."),
        ('[{"start": 1, "end": 2, "word": "a", "probability": "high"}]', "Word 0 has a 'probability' that is not"),
    ],
)
def test_another_form_is_refused_by_index(body: str | bytes, told: str) -> None:
    with pytest.raises(Rejected) as refused:
        read(body)
    assert refused.value.code == "not_words"
    assert str(refused.value).startswith(told)
    assert '"start"' in refused.value.hint


def test_overlaps_end_where_the_next_word_begins() -> None:
    assert mended((0, 2), (1, 3), (2, 2.5)) == [(0, 1000), (1000, 2000), (2000, 2500)]


def test_a_word_without_length_gets_some() -> None:
    assert mended((0, 0), (1, 1)) == [(0, 160), (1000, 1160)]
    assert mended((0, 0), (0.1, 0.1)) == [(0, 100), (100, 260)]


def test_words_that_begin_at_once_share_the_time_until_the_next() -> None:
    assert mended((1, 1), (1, 1), (1, 1), (1.3, 2)) == [(1000, 1100), (1100, 1200), (1200, 1300), (1300, 2000)]


def test_a_word_without_a_time_is_put_after_the_one_before_it() -> None:
    assert mended((0, 1), (NAN, 5), (3, 4)) == [(0, 1000), (1000, 1160), (3000, 4000)]
    assert mended((None, None), (3, 4)) == [(2840, 3000), (3000, 4000)]
    assert mended((3, 4), (None, None)) == [(3000, 4000), (4000, 4160)]


def test_one_start_out_of_order_is_the_one_that_moves() -> None:
    """A start of 28 s among those of 11 s of sound does not push the others away."""
    assert mended((0, 1), (28, 29), (2, 3), (3, 4)) == [(0, 1000), (1000, 1160), (2000, 3000), (3000, 4000)]
    assert mended((5, 6), (1, 2), (6, 7)) == [(840, 1000), (1000, 2000), (6000, 7000)]


@pytest.mark.parametrize("times", [[(NAN, 1)], [(3, 4), (2, 3), (1, 2)], [(-1, 0), (1e9, 2e9)]])
def test_times_that_say_nothing_are_refused(times: list[tuple[float, float]]) -> None:
    with pytest.raises(Rejected, match=rf"of {len(times)} words begin at a time that fits") as refused:
        repaired(heard(*times))
    assert refused.value.code == "not_words"
    assert refused.value.hint


def test_an_integer_beyond_floats_is_no_time() -> None:
    body = json.dumps([{"start": 0, "end": 1, "word": "a"}, {"start": 10**400, "end": -(10**400), "word": "b"}])
    assert [word.start_ms for word in read(body)] == [0, 1000]


TIME = st.none() | st.floats(0, 100) | st.sampled_from([NAN, float("inf"), -1.0, 0.0, 1.0])


@given(st.lists(st.tuples(TIME, TIME, st.text(max_size=8))))
def test_every_word_stays_in_order_with_times_that_hold(times: list[tuple[float | None, float | None, str]]) -> None:
    given_words = [RecognisedWord(start_s=start, end_s=end, text=text) for start, end, text in times]
    try:
        found = repaired(given_words)
    except Rejected:
        return
    assert [word.text for word in found] == [word.text for word in given_words]
    for word, following in zip_longest(found, found[1:]):
        assert 0 <= word.start_ms < word.end_ms
        assert following is None or word.end_ms <= following.start_ms
