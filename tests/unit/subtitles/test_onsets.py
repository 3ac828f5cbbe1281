"""subtitles.speech.onsets: first and last words lie where the voice begins and ends."""

from subtitles.speech.onsets import with_voice
from subtitles.speech.voice_activity import RATE_HZ, Span
from tests.recognised import segment, word


def span(start_s: float, end_s: float) -> Span:
    return Span(start=round(start_s * RATE_HZ), end=round(end_s * RATE_HZ))


# Padded: the voices are heard from 1.0 to 3.0 and from 8.0 to 10.0.
SPOKEN = (span(0.8, 3.2), span(7.8, 10.2))


def said(*words: tuple[int, int]) -> list[tuple[int, int]]:
    whole = segment(*(word(" word", start_ms, end_ms) for start_ms, end_ms in words))
    return [(said.start_ms, said.end_ms) for one in with_voice([whole], SPOKEN) for said in one.words]


def test_a_word_does_not_begin_in_the_silence_before_the_voice() -> None:
    assert said((1_000, 2_900), (7_300, 8_400), (8_400, 9_900)) == [(900, 2_900), (7_900, 8_400), (8_400, 9_900)]


def test_the_first_word_is_not_later_than_its_voice() -> None:
    assert said((1_000, 2_900), (8_600, 9_000)) == [(900, 2_900), (7_900, 9_000)]
    assert said((1_000, 2_900), (9_200, 9_500)) == [(900, 2_900), (9_200, 9_500)], "another sound may have come first"


def test_a_word_before_the_voice_is_moved_into_it() -> None:
    assert said((1_000, 2_900), (7_200, 7_600), (8_500, 9_000))[1] == (7_900, 8_300)


def test_the_last_word_ends_with_its_voice() -> None:
    assert said((1_000, 1_500), (2_500, 6_000), (8_000, 9_000))[1] == (2_500, 3_300)


def test_words_amid_speech_stay() -> None:
    words = [(900, 1_500), (1_700, 2_000), (2_000, 2_900)]
    assert said(*words) == words
