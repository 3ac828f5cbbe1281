"""Cues -> SubRip (SRT). Pure.

In: cues, whose text is WebVTT's. Out: one file. SRT has no escapes: bold, italic and underlined stay as tags, and where
plain text looks like a tag, an override or an arrow, an invisible U+2060 keeps players from taking it for one. Refuses
nothing: voices, classes and times within a text are left out, and so is a cue without any text.
"""

import html
import re
from collections.abc import Sequence

from core.media.encoded import Cue
from core.media.timestamps import cue_timestamp

GUARD = "\u2060"  # WORD JOINER: no width, no break
_TAG = re.compile(r"<(/?)([^<>]*)>|<[^<>]*$")
_SPAN = re.compile(r"([biu])(?:[.\s].*)?", re.DOTALL)
_LOOKS_LIKE_MARKUP = re.compile(r"<(?=[/!a-zA-Z])|\{(?=\\)|--(?=>)")


def srt(cues: Sequence[Cue]) -> str:
    """One file with every cue, numbered in the order of their times."""
    ordered = sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms))
    shown = [(cue, text) for cue in ordered if (text := _text(cue.text))]
    return "".join(
        f"{number}\n{_timestamp(cue.start_ms)} --> {_timestamp(cue.end_ms)}\n{text}\n\n"
        for number, (cue, text) in enumerate(shown, 1)
    )


def _timestamp(at_ms: int) -> str:
    return cue_timestamp(at_ms, decimal_mark=",")


def _text(payload: str) -> str:
    """A cue's text for SubRip, without empty lines: one would end the cue."""
    lines = (_line(line).strip() for line in re.split(r"\r\n|\r|\n", payload))
    return "\n".join(line for line in lines if line)


def _line(payload: str) -> str:
    text, at = "", 0
    for match in _TAG.finditer(payload):
        text += _plain(payload[at : match.start()])
        span = _SPAN.fullmatch(match[2] or "")
        text += f"<{match[1]}{span[1]}>" if span else ""
        at = match.end()
    return text + _plain(payload[at:])


def _plain(payload: str) -> str:
    text = " ".join(re.split(r"[\r\n]", html.unescape(payload)))
    return _LOOKS_LIKE_MARKUP.sub(lambda match: match[0] + GUARD, text)
