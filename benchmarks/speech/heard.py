"""Parts of `kadr bench subtitles --real`: clips whose words are known, their joins with silences, and word errors.

In: a folder of clips with texts beside them (`en_talk.wav`, `en_talk.txt`). Out: `Clip`s as 16 kHz samples; a `Joined`
file of clips with silence before each, whose onsets are known to the sample; and how far heard words are from those.
"""

import re
import unicodedata
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from subtitles.speech.voice_activity import RATE_HZ

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".m4a", ".opus")
LOUD = 0.02  # of the loudest moment: there a voice begins
FRAME = RATE_HZ // 100
SILENCES_S = (1, 2, 3, 5, 8, 4, 1.5, 6)  # before each clip, again and again
Samples = np.ndarray[Any, np.dtype[np.int16]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A recording in one language, and its words."""

    name: str
    language: str
    samples: Samples
    words: tuple[str, ...]

    @property
    def onset_s(self) -> float:
        """When its voice begins, by its loudness."""
        frames = self.samples[: len(self.samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
        loudness = np.sqrt((frames**2).mean(axis=1))
        return float(np.argmax(loudness > LOUD * loudness.max())) * FRAME / RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Clips after one another: where the voice of each begins, and where the clip ends, in seconds."""

    samples: Samples
    clips: tuple[Clip, ...]
    onsets_s: tuple[float, ...]
    ends_s: tuple[float, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for clip in self.clips for word in clip.words)


def clips(folder: Path) -> list[Clip]:
    """The clips of one language whose whole text is known. A line that begins with a tag is a part of a clip."""
    found = []
    for text in sorted(folder.glob("*.txt")):
        body = text.read_text(encoding="utf-8").strip()
        sound = next((path for suffix in SUFFIXES if (path := text.with_suffix(suffix)).is_file()), None)
        if sound is not None and not body.startswith("["):
            found.append(Clip(name=text.stem, language=text.stem[:2], samples=samples(sound), words=tuple(words(body))))
    return found


def joined(parts: Sequence[Clip], least_s: float) -> Joined:
    """The clips again and again, until the file is this long; before each a silence of 1 to 8 s."""
    pieces, taken, onsets, ends, at = [], list[Clip](), list[float](), list[float](), 0
    while at < least_s * RATE_HZ:
        clip, silence = parts[len(taken) % len(parts)], round(SILENCES_S[len(taken) % len(SILENCES_S)] * RATE_HZ)
        pieces += [np.zeros(silence, np.int16), clip.samples]
        onsets.append((at + silence) / RATE_HZ + clip.onset_s)
        at += silence + len(clip.samples)
        ends.append(at / RATE_HZ)
        taken.append(clip)
    return Joined(samples=np.concatenate(pieces), clips=tuple(taken), onsets_s=tuple(onsets), ends_s=tuple(ends))


def write(path: Path, heard: Samples) -> Path:
    """The samples as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(heard.astype("<i2").tobytes())
    return path


def samples(path: Path) -> Samples:
    """The sound of a file as one channel of 16 kHz."""
    pieces = []
    with av.open(str(path)) as opened:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        for frame in opened.decode(audio=0):
            pieces += [piece.to_ndarray().reshape(-1) for piece in resampler.resample(frame)]
        pieces += [piece.to_ndarray().reshape(-1) for piece in resampler.resample(None)]
    return np.concatenate(pieces)


def words(text: str) -> list[str]:
    """Words as they are compared: without case, marks and hyphens."""
    plain = unicodedata.normalize("NFC", text).casefold().replace("'", "").replace("’", "")
    return re.findall(r"\w+", plain)


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest words that must be inserted, left out or replaced to make one of the other."""
    return len(differences(said, heard))


def differences(said: Sequence[str], heard: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of (said, heard) where they differ, "" for a word that is not there."""
    return [pair for _, pair in placed_differences(said, heard)]


def placed_differences(said: Sequence[str], heard: Sequence[str]) -> list[tuple[int, tuple[str, str]]]:
    """The same pairs, each with the number of the word in `said` that it replaces or stands before."""
    costs = np.zeros((len(said) + 1, len(heard) + 1), np.int32)
    costs[:, 0], costs[0, :] = np.arange(len(said) + 1), np.arange(len(heard) + 1)
    numbers = {word: number for number, word in enumerate({*said, *heard})}
    theirs = np.array([numbers[word] for word in heard], np.int32)
    steps = np.arange(len(heard) + 1, dtype=np.int32)
    for row, word in enumerate(said, 1):
        best = np.minimum(costs[row - 1, 1:] + 1, costs[row - 1, :-1] + (theirs != numbers[word]))
        line = np.concatenate([[row], best]) - steps
        costs[row] = np.minimum.accumulate(line) + steps
    return _traced(said, heard, costs)


def _traced(said: Sequence[str], heard: Sequence[str], costs: Any) -> list[tuple[int, tuple[str, str]]]:
    pairs, row, column = [], len(said), len(heard)
    while row or column:
        if row and column and costs[row, column] == costs[row - 1, column - 1] + (said[row - 1] != heard[column - 1]):
            row, column = row - 1, column - 1
            if said[row] != heard[column]:
                pairs.append((row, (said[row], heard[column])))
        elif row and costs[row, column] == costs[row - 1, column] + 1:
            row -= 1
            pairs.append((row, (said[row], "")))
        else:
            column -= 1
            pairs.append((row, ("", heard[column])))
    return pairs[::-1]
