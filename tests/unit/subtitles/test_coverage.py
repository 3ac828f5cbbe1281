"""subtitles.speech.coverage: speech without words is found, and what is heard there comes between the others."""

from dataclasses import replace

from subtitles.speech.coverage import with_words, without_words
from subtitles.speech.transcript import SpokenWord
from subtitles.speech.voice_activity import RATE_HZ, Span
from tests.recognised import segment, word


def span(start_s: float, end_s: float) -> Span:
    return Span(start=round(start_s * RATE_HZ), end=round(end_s * RATE_HZ))


def gaps(spoken: list[Span], *words: SpokenWord) -> list[tuple[float, float]]:
    return [(one.start_ms / 1000, one.end_ms / 1000) for one in without_words(spoken, words)]


def test_a_sentence_that_got_no_words() -> None:
    first, last = word(" One", 100, 900), word(" Two", 4_000, 5_000)
    assert gaps([span(0, 5.1)], first, last) == [(1.15, 3.75)]
    assert gaps([span(0, 1), span(1.5, 3.5), span(3.9, 5.1)], first, last) == [(1.6, 3.4)]


def test_pauses_and_breaths_need_no_words() -> None:
    first, last = word(" One", 100, 900), word(" Two", 4_000, 5_000)
    assert gaps([span(0, 1.1), span(3.9, 5.1)], first, last) == []
    assert gaps([span(0, 1.1), span(2, 2.9), span(3.9, 5.1)], first, last) == [], "not a second"


def test_a_word_over_the_next_sentence_does_not_hide_it() -> None:
    """The alignment of a last word ran on to the end."""
    assert gaps([span(0, 8)], word(" Yes.", 100, 7_900)) == [(1.75, 7.9)]
    assert gaps([span(0, 5)], word(" 1,234,567", 100, 4_900)) == [], "a number takes its time"


def test_without_any_words_all_of_it_is_missing() -> None:
    assert gaps([span(0, 5)]) == [(0.1, 4.9)]
    assert gaps([]) == []


def test_what_is_heard_there_comes_between() -> None:
    whole = segment(word(" One", 100, 900), word(" two", 900, 1_400), word(" five.", 6_000, 6_500))
    found = segment(
        word(" two", 1_000, 1_400),
        word(" three", 2_000, 2_500),
        word(" four", 3_000, 3_500),
        word(" five", 6_000, 6_400),
    )
    made = with_words([whole], [found], [span(1.65, 5.75)])
    assert [one.text for one in made] == ["One two", "three four", "five."]
    assert [(one.start_ms, one.end_ms) for one in made] == [(100, 1_400), (2_000, 3_500), (6_000, 6_500)]


def test_nothing_heard_there_changes_nothing() -> None:
    whole = segment(word(" One", 100, 900), word(" five.", 6_000, 6_500))
    assert with_words([whole], [], [span(1.65, 5.75)]) == [whole]
    assert with_words([replace(whole, words=())], [], ()) == [replace(whole, words=())]


def test_words_that_were_aligned_too_early_are_not_said_twice() -> None:
    whole = segment(word(" And", 100, 400), word(" welcome.", 400, 900), word(" Today", 6_000, 6_500))
    again = segment(word(" and", 2_000, 2_400), word(" Welcome", 2_400, 3_000))
    (in_one_breath,) = without_words([span(0, 5)], whole.words)
    assert with_words([whole], [again], [in_one_breath]) == [whole]
    after_a_pause = span(1.8, 5)
    assert [one.text for one in with_words([whole], [again], [after_a_pause])] == [
        "And welcome.",
        "and Welcome",
        "Today",
    ]
