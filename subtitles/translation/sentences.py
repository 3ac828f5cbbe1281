"""Cues -> whole sentences with times, to be translated; and their translations -> words with times. Pure.

A cue often ends in mid-sentence, and its half cannot be translated. Where the words of a translation fall within its
sentence nobody knows: they share its time by their length.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.media.encoded import Cue
from subtitles.cues.sentence_ends import ends_sentence
from subtitles.cues.words import RecognisedWord

PAUSE_MS = 1_500  # after it a sentence has ended, whether it says so or not
MOST_CHARACTERS = 400  # more at once and models begin to leave things out
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence, or one word of it, with the time in which it is spoken."""

    start_ms: int
    end_ms: int
    text: str


def sentences(cues: Sequence[Cue]) -> list[Sentence]:
    """The sentences of all cues in order; every word is in exactly one."""
    complete: list[Sentence] = []
    gathered: list[Sentence] = []
    for word in _words(cues):
        if gathered and word.start_ms - gathered[-1].end_ms >= PAUSE_MS:
            complete.append(_joined(gathered))
            gathered = []
        gathered.append(word)
        if ends_sentence(word.text) or sum(len(part.text) + 1 for part in gathered) >= MOST_CHARACTERS:
            complete.append(_joined(gathered))
            gathered = []
    return [*complete, _joined(gathered)] if gathered else complete


def spread(spoken: Sequence[Sentence], translated: Sequence[str], *, spaced: bool) -> list[RecognisedWord]:
    """The words of the translations, as subtitles.cues.words takes them. `spaced`: the language parts words by
    spaces."""
    return [
        RecognisedWord(
            start_s=word.start_ms / 1000, end_s=word.end_ms / 1000, text=f" {word.text}" if spaced else word.text
        )
        for sentence, text in zip(spoken, translated, strict=True)
        for word in _share(text.split() if spaced else list("".join(text.split())), sentence.start_ms, sentence.end_ms)
    ]


def _words(cues: Sequence[Cue]) -> Iterator[Sentence]:
    for cue in cues:
        words = html.unescape(_TAG.sub("", cue.text)).split()
        yield from _share(words, cue.start_ms, cue.end_ms)


def _share(words: Sequence[str], start_ms: int, end_ms: int) -> Iterator[Sentence]:
    total, passed = sum(map(len, words)), 0
    for word in words:
        begin = start_ms + (end_ms - start_ms) * passed // total
        passed += len(word)
        yield Sentence(start_ms=begin, end_ms=start_ms + (end_ms - start_ms) * passed // total, text=word)


def _joined(words: Sequence[Sentence]) -> Sentence:
    return Sentence(start_ms=words[0].start_ms, end_ms=words[-1].end_ms, text=" ".join(word.text for word in words))
