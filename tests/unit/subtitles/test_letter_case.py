"""subtitles.speech.letter_case: small letters where a sentence goes on, by how the title writes its words elsewhere."""

import pytest

from subtitles.speech.letter_case import continued
from subtitles.speech.transcript import Segment, SpokenWord
from tests import recognised
from tests.recognised import word


def segment(*words: SpokenWord) -> Segment:
    return recognised.segment(*words, start_ms=words[0].start_ms, end_ms=words[-1].end_ms)


def said(text: str, start_ms: int = 0) -> Segment:
    """Words of 300 ms each."""
    words = text.split()
    return segment(*(word(f" {one}", start_ms + 300 * n, start_ms + 300 * n + 300) for n, one in enumerate(words)))


def texts(*segments: Segment) -> list[str]:
    return [one.text.strip() for one in continued(segments)]


def test_a_sentence_that_goes_on_has_a_small_letter() -> None:
    first, second = said("when we ask you or"), said("You can decide", 1600)
    assert texts(first, second) == ["when we ask you or", "you can decide"]
    assert [one.text for one in continued((first, second))[1].words] == [" you", " can", " decide"]


@pytest.mark.parametrize(
    ("first", "second", "start_ms"),
    [
        ("when we ask you.", "You can decide", 1600),  # it has ended
        ("when we ask you or", "You can decide", 3000),  # a pause
        ("when we went to", "London by train", 1600),  # never written small
        ("when he and", "I went", 1600),
        ("when we ask you or", "NASA and you", 1600),
    ],
)
def test_what_begins_a_sentence_or_is_a_name_stays(first: str, second: str, start_ms: int) -> None:
    assert texts(said(first), said(second, start_ms)) == [first, second]


def test_quotes_stay_around_the_word() -> None:
    made = continued((said("they said so and"), said("“So what” they said", 1400)))[1]
    assert made.text.strip() == "“so what” they said"


def test_nothing_is_lost() -> None:
    assert continued(()) == ()
    alone = said("You can")
    assert continued((alone,)) == (alone,)
