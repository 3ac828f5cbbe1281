"""subtitles.cues.sentence_ends: by punctuation, with quotes and brackets behind it, in several scripts."""

import pytest

from subtitles.cues.sentence_ends import ends_sentence, first_sentence


@pytest.mark.parametrize("text", ["Done.", "Is it?", "“Done.”", "(He left!)", "終わり。", "समाप्त।", "And so…"])
def test_a_sentence_ends(text: str) -> None:
    assert ends_sentence(text)
    assert first_sentence(f"{text} More").rstrip("”)") == text.rstrip("”)")


@pytest.mark.parametrize("text", ["and then", "3.5 metres", "first, second", "", "He said “wait” and"])
def test_no_sentence_ends(text: str) -> None:
    assert not ends_sentence(text)
    assert first_sentence(text) == text


def test_the_first_sentence_ends_before_the_next_one() -> None:
    assert first_sentence("He left. “Why?” And") == "He left."
