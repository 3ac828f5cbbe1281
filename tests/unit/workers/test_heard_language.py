"""What a transcript tells of a title's language: that the declared one is wrong, or the sound's where none is."""

from dataclasses import replace
from typing import Any

import pytest

from core.db.tracks import Track, TrackSource
from subtitles.speech.transcript import Transcript
from workers.steps.transcribe import warnings
from workers.title import heard_language

HEARD = Transcript(
    language="ru",
    language_probability=None,
    model="base",
    task="transcribe",
    segments=(),
    heard={"en": 0.9, "ru": 0.1},
)


def test_a_declared_language_that_nobody_speaks_is_told() -> None:
    (warning,) = warnings(HEARD)
    assert warning["code"] == "language_contradicted"
    assert "declared as ru" in warning["message"]
    assert "90 % of the speech sounds like en" in warning["message"]


@pytest.mark.parametrize(
    "other",
    [
        {"heard": {"ru": 0.9, "en": 0.1}},
        {"heard": {"en": 0.5, "ru": 0.5}},
        {"heard": {}},
        {"language": "en", "language_probability": 0.98},
        {"language": "en", "task": "translate"},
    ],
)
def test_nothing_is_told_where_nothing_is_wrong(other: dict[str, Any]) -> None:
    assert warnings(replace(HEARD, **other)) == []


@pytest.mark.parametrize(
    ("source", "probability", "language"),
    [
        (TrackSource.GENERATED, 0.99, "en"),
        (TrackSource.GENERATED, 0.5, None),
        (TrackSource.GENERATED, None, None),
        (TrackSource.TRANSLATED, 0.99, None),
    ],
)
def test_the_sound_is_in_the_language_that_was_heard(
    source: TrackSource, probability: float | None, language: str | None
) -> None:
    track = Track.__new__(Track)
    for name, value in (("source", source), ("language_probability", probability), ("language", "en")):
        object.__setattr__(track, name, value)
    assert heard_language([track]) == language
