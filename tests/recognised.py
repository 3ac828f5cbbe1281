"""Words and segments as Whisper recognises them, for tests of what is made of them."""

from typing import Any

from subtitles.speech.transcript import Segment, SpokenWord


def word(text: str, start_ms: int, end_ms: int) -> SpokenWord:
    return SpokenWord(start_ms=start_ms, end_ms=end_ms, text=text, probability=0.9)


def segment(*words: SpokenWord, **more: Any) -> Segment:
    """A segment that nothing is wrong with, with the times and the text of its words; `more`: what it has instead."""
    usual = {
        "start_ms": words[0].start_ms if words else 0,
        "end_ms": words[-1].end_ms if words else 0,
        "text": "".join(one.text for one in words).strip(),
        "no_speech": 0.01,
        "logprob": -0.2,
        "compression": 1.1,
        "temperature": 0.0,
    }
    return Segment(words=words, **{**usual, **more})
