"""Transcripts: recognised words with times, as frozen values, and their JSON both ways. Pure.

Times are milliseconds of the title's timeline. A Segment is one output unit of Whisper; its words are kept as they
came, with the space in front where Whisper writes one. A flag says why a segment is doubtful; nothing is ever left out.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.media.checked_json import adapter
from subtitles.cues.words import RecognisedWord


class Flag(StrEnum):
    """A reason to doubt that a segment was spoken, or spoken at that time."""

    NO_SPEECH = "no_speech"  # the model itself doubts that anybody spoke
    COMPRESSION = "compression"  # so repetitive that it compresses too well
    UNLIKELY = "unlikely"  # the model finds its own words improbable
    GUESSED = "guessed"  # the model had no good text, and drew one at random
    LOOP = "loop"  # the same words again and again
    OUTSIDE_SPEECH = "outside_speech"  # text where no voice was detected
    BROKEN_TEXT = "broken_text"  # has characters that could not be decoded
    TIMES_SPREAD = "times_spread"  # the words' times are by their length: the alignment was lost


WORDLESS = "no_words"  # a reason beside the flags: speech in which no word was recognised
# With one of these the text was probably never spoken: it is kept, and in no caption.
UNSAID = frozenset((Flag.NO_SPEECH, Flag.OUTSIDE_SPEECH))


class SkipReason(StrEnum):
    """Why a title has no generated subtitles."""

    NO_AUDIO = "no_audio"
    NO_SPEECH = "no_speech"
    NO_MODEL = "no_model"
    LANGUAGE = "language_not_supported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Nothing to transcribe, or nothing to do it with. Never a failure of the title."""

    reason: SkipReason
    hint: str  # what would change it; a sentence for people


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenWord:
    """A recognised word. `text` is as Whisper writes it: " word" after a space, "字" without one."""

    start_ms: int
    end_ms: int
    text: str
    probability: float | None  # None where the alignment was lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A sentence or a part of one, with the model's confidence figures."""

    start_ms: int
    end_ms: int
    text: str
    words: tuple[SpokenWord, ...]
    no_speech: float  # probability
    logprob: float  # mean per token
    compression: float  # ratio of the text
    temperature: float
    flags: tuple[Flag, ...] = ()

    @property
    def is_shown(self) -> bool:
        """Whether it is in captions: not where probably nobody spoke it."""
        return UNSAID.isdisjoint(self.flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A time of the title whose captions may be wrong, and why."""

    start_ms: int
    end_ms: int
    reasons: tuple[str, ...]
    is_shown: bool  # whether there are captions of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Everything recognised in one audio track, doubtful segments included."""

    language: str
    language_probability: float | None  # None: declared by the owner
    model: str
    task: str  # "transcribe", or "translate" into English
    segments: tuple[Segment, ...]
    heard: dict[str, float] = field(default_factory=dict)  # shares of the speech by the language it sounds like
    wordless: tuple[tuple[int, int], ...] = ()  # milliseconds: speech in which no word was recognised

    @property
    def words(self) -> tuple[SpokenWord, ...]:
        """What was probably said: the words of all segments but those that nobody spoke."""
        return tuple(word for segment in self.segments if segment.is_shown for word in segment.words)

    @property
    def recognised_words(self) -> list[RecognisedWord]:
        """Every word with seconds instead of milliseconds, as subtitles.cues.words takes them."""
        return [
            RecognisedWord(
                start_s=word.start_ms / 1000,
                end_s=word.end_ms / 1000,
                text=word.text,
                probability=word.probability,
            )
            for word in self.words
        ]

    @property
    def text(self) -> str:
        return "\n".join(segment.text for segment in self.segments if segment.is_shown)

    @property
    def flagged(self) -> tuple[Segment, ...]:
        return tuple(segment for segment in self.segments if segment.flags)

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Where a person should listen, in order: flagged segments, and speech without words."""
        flagged = [
            Doubt(
                start_ms=segment.start_ms,
                end_ms=segment.end_ms,
                reasons=tuple(flag.value for flag in segment.flags),
                is_shown=segment.is_shown,
            )
            for segment in self.flagged
        ]
        wordless = [
            Doubt(start_ms=start_ms, end_ms=end_ms, reasons=(WORDLESS,), is_shown=False)
            for start_ms, end_ms in self.wordless
        ]
        return tuple(sorted((*flagged, *wordless), key=lambda doubt: doubt.start_ms))


def to_json(transcript: Transcript) -> dict[str, Any]:
    """Plain JSON values; `from_json` reads them."""
    return adapter(Transcript).dump_python(transcript, mode="json")  # type: ignore[no-any-return]


def from_json(value: Any) -> Transcript:
    """The transcript of `to_json`. Raises ValueError for any other value."""
    return adapter(Transcript).validate_python(value)


def words_json(words: Iterable[SpokenWord]) -> str:
    """The list that `kadr cues` takes: seconds, and the words as they came."""
    rows = (
        {"start": word.start_ms / 1000, "end": word.end_ms / 1000, "word": word.text}
        | ({} if word.probability is None else {"probability": round(word.probability, 3)})
        for word in words
    )
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]"
