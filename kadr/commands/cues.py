"""`kadr cues`: turn words with times into captions, without any service.

In: WORDS.json, a format, a profile and a language; without a language it is guessed from the script of the words. Out:
the captions on stdout. Raises KadrError.
"""

import sys
from pathlib import Path
from typing import Literal

from core.errors import ConfigError
from presets.caption import caption_profile
from subtitles.cues.build import cues
from subtitles.cues.scripts import language_of
from subtitles.cues.words import read
from subtitles.formats.srt_writer import srt
from subtitles.formats.vtt_writer import whole

Format = Literal["vtt", "srt"]


def run(words_file: Path, format: Format, profile: str, language: str | None) -> int:  # noqa: A002 - as its option
    """Print the captions of a file of words; returns the exit code. Raises KadrError."""
    caption_profile(profile)  # an unknown name is refused before the file is read
    try:
        body = words_file.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{words_file}: {exc.strerror}") from exc
    words = read(body)
    captions = cues(words, caption_profile(profile, language or language_of(words)))
    # Written as bytes: captions are UTF-8, whatever the encoding of the terminal.
    sys.stdout.buffer.write((whole(captions) if format == "vtt" else srt(captions)).encode())
    sys.stdout.flush()
    return 0
