"""subtitles.speech.transcript and subtitles.speech.languages: values, their JSON, whose languages they are."""

import json

import pytest

from subtitles.cues.words import read, repaired
from subtitles.speech.languages import whisper_language
from subtitles.speech.transcript import Flag, Segment, SpokenWord, Transcript, from_json, to_json, words_json

WORDS = (
    SpokenWord(start_ms=400, end_ms=900, text=" Нож", probability=0.98765),
    SpokenWord(start_ms=900, end_ms=1250, text=" острый.", probability=None),
)
SEGMENT = Segment(
    start_ms=400,
    end_ms=1250,
    text="Нож острый.",
    words=WORDS,
    no_speech=0.01,
    logprob=-0.2,
    compression=0.9,
    temperature=0.0,
    flags=(Flag.TIMES_SPREAD,),
)
TRANSCRIPT = Transcript(language="ru", language_probability=0.93, model="small", task="transcribe", segments=(SEGMENT,))


def test_json_both_ways() -> None:
    value = json.loads(json.dumps(to_json(TRANSCRIPT)))
    assert value["segments"][0]["flags"] == ["times_spread"]
    assert from_json(value) == TRANSCRIPT
    with pytest.raises(ValueError, match="segments"):
        from_json({**value, "segments": [{"text": "?"}]})


def test_words_are_what_cues_are_made_of() -> None:
    text = words_json(TRANSCRIPT.words)
    assert json.loads(text) == [
        {"start": 0.4, "end": 0.9, "word": " Нож", "probability": 0.988},
        {"start": 0.9, "end": 1.25, "word": " острый."},
    ]
    assert [(word.start_ms, word.end_ms, word.text) for word in read(text)] == [
        (word.start_ms, word.end_ms, word.text) for word in WORDS
    ]
    assert repaired(TRANSCRIPT.recognised_words)[1].end_ms == 1250
    assert json.loads(words_json(())) == []


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        *(("en", "en"), ("en-GB", "en"), ("zh-Hant-TW", "zh"), ("ger", "de"), ("rus", "ru"), ("nb-NO", "no")),
        *(("fil", "tl"), ("yue", "yue"), ("tlh", "tlh")),
        *((None, None), ("", None), ("und", None), ("../x", None), ("English", None)),
    ],
)
def test_language_tags(tag: str | None, code: str | None) -> None:
    assert whisper_language(tag) == code
