"""`kadr bench subtitles --real`: real speech by a real model, beside faster-whisper called plainly on the same file.

words       Errors against the text of each clip: words inserted, left out, replaced.
time        The clips joined with silences of 1 to 8 s. The onset of a clip is known to the sample; how far is the first
            cue of it? A clip of whose words none is shown counts as late.
invented    Cues over files in which nobody speaks.
joints      The joined file in jobs of 2 to 3 minutes, aligned with the same file in one job (up to 15 minutes are one):
            words lost, added or replaced within 15 s of a joint, and elsewhere.
cpu         CPU seconds of all processes a minute of sound, the loading of the model included; memory: the peak of
            all processes together.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import metered
from benchmarks.harness.metered import Cost
from benchmarks.speech.heard import (
    Clip,
    Joined,
    Samples,
    clips,
    differences,
    errors,
    joined,
    placed_differences,
    words,
    write,
)
from core.errors import KadrError
from core.media.encoded import Cue
from core.settings import MIB
from presets.caption import caption_profile
from subtitles.cues.build import cues
from subtitles.cues.words import RecognisedWord, repaired
from subtitles.speech.transcript import from_json
from subtitles.speech.voice_activity import RATE_HZ

THREADS = 2
LIMIT_S = 4 * 3600.0
LATE_S = 1.5  # none may be later
SHORT_JOBS_S = (120, 180)  # at least and at most
NEAR_JOINT_S = 15
SYSTEMS = ("kadr", "plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one system said about one file, and what that took."""

    language: str
    words: tuple[RecognisedWord, ...]
    cost: Cost
    doubts: int = 0

    @property
    def text(self) -> list[str]:
        return words(" ".join(word.text for word in self.words))

    @property
    def times_s(self) -> list[float]:
        """When each word of `text` begins."""
        return [word.start_s or 0.0 for word in self.words for _ in words(word.text)]

    @property
    def cues(self) -> list[Cue]:
        return cues(repaired(self.words), caption_profile("standard", self.language))


def told(system: str, model: Path, file: Path) -> Told:
    """One run as a program of its own. Raises KadrError."""
    if system == "plain":
        answer, cost = _run(["-m", "benchmarks.speech.plain_whisper", str(model), str(THREADS), str(file)])
        said = tuple(RecognisedWord(start_s=start, end_s=end, text=text) for start, end, text in answer["words"])
        return Told(language=answer["language"], words=said, cost=cost)
    answer, cost = _run(["-m", "kadr", "transcribe", str(file), "--json", "--model", str(model)])
    if "skipped" in answer:
        return Told(language="und", words=(), cost=cost)
    transcript = from_json(answer)
    return Told(
        language=transcript.language,
        words=tuple(transcript.recognised_words),
        cost=cost,
        doubts=len(transcript.doubts),
    )


def _run(arguments: Sequence[str]) -> tuple[dict[str, Any], Cost]:
    """What a Python program printed as JSON, and what it took."""
    command, threads = [sys.executable, *arguments], {"KADR_WHISPER_THREADS": str(THREADS)}
    cost, printed = metered.run([command], Path(tempfile.gettempdir()), limit_s=LIMIT_S, more=threads)
    return json.loads(printed), cost


def onset_errors(files: Joined, shown: Sequence[Cue]) -> list[float]:
    """How far (s) from its sound the first cue of each clip begins; the clip's length where none is shown in it."""
    found = []
    for onset, end in zip(files.onsets_s, files.ends_s, strict=True):
        # The silence before a clip is at least a second: what begins later than half of it is this clip's.
        begins = [cue.start_ms / 1000 for cue in shown if onset - 0.75 <= cue.start_ms / 1000 < end]
        found.append(min(begins) - onset if begins else end - onset)
    return found


def quiet(seconds: int = 20) -> Iterator[tuple[str, Samples]]:
    """Sounds in which nobody speaks, generated: name and 16 kHz samples of silence, noise and music."""
    time_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    dice = np.random.default_rng(7)
    yield "silence", np.zeros(len(time_s), np.int16)
    yield "noise", (3000 * dice.standard_normal(len(time_s))).astype(np.int16)
    music = np.zeros(len(time_s))
    note = time_s[: RATE_HZ // 2]
    for start in range(0, len(time_s) - len(note), RATE_HZ // 4):
        pitch = 220 * 2 ** (dice.integers(0, 24) / 12)
        tones = sum(np.sin(2 * np.pi * pitch * k * note) / k for k in range(1, 6))
        music[start : start + len(note)] += tones * np.exp(-4 * note)
    yield "music", (5000 * music).astype(np.int16)


def compare(model: Path, folder: Path, *, minutes: float, wordless: Sequence[Path]) -> dict[str, Any]:
    """Both systems on the clips of a folder, on their join, and on what has no words."""
    model, wordless = model.resolve(), [file.resolve() for file in wordless]  # programs run elsewhere
    parts = clips(folder)
    if not parts:
        raise KadrError(f"{folder} has no sound with its text beside it")
    english_only = ".en" in model.name
    parts = [clip for clip in parts if clip.language == "en" or not english_only]
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        return {
            "model": model.name,
            "threads": THREADS,
            "clips": {clip.name: _clip(model, clip, work) for clip in parts},
            "joined": _joins(model, parts, minutes, work),
            "invented": _invented(model, wordless, work),
        }


def _clip(model: Path, clip: Clip, work: Path) -> dict[str, Any]:
    file = write(work / f"{clip.name}.wav", clip.samples)
    return {system: _scored(told(system, model, file), clip.words, len(clip.samples)) for system in SYSTEMS}


def _scored(heard: Told, said: Sequence[str], samples: int) -> dict[str, Any]:
    minutes = samples / RATE_HZ / 60
    wrong = errors(said, heard.text)
    return {
        "language": heard.language,
        "words": len(said),
        "errors": wrong,
        "wer": round(100 * wrong / len(said), 2),
        "cpu_s_per_minute": round(heard.cost.cpu_s / minutes, 2),
        "wall_s": round(heard.cost.wall_s, 1),
        "memory_mb": round(heard.cost.peak_rss_bytes / MIB),
        "doubts": heard.doubts,
    }


def _joins(model: Path, parts: Sequence[Clip], minutes: float, work: Path) -> dict[str, Any]:
    """One file per language, as a talk has one."""
    languages = sorted({clip.language for clip in parts})
    return {
        language: _join(model, [c for c in parts if c.language == language], minutes, work) for language in languages
    }


def _join(model: Path, parts: Sequence[Clip], minutes: float, work: Path) -> dict[str, Any]:
    whole = joined(parts, 60 * minutes)
    file = write(work / "joined.wav", whole.samples)
    row: dict[str, Any] = {"media_s": round(len(whole.samples) / RATE_HZ, 1), "clips": len(whole.clips)}
    for system in SYSTEMS:
        heard = told(system, model, file)
        off = onset_errors(whole, heard.cues)
        row[system] = {
            **_scored(heard, whole.words, len(whole.samples)),
            "onset_median_s": round(statistics.median(abs(value) for value in off), 2),
            "onset_95_s": round(float(np.quantile([abs(value) for value in off], 0.95)), 2),
            "onset_latest_s": round(max(off), 2),
            "onset_earliest_s": round(min(off), 2),
            "late": sum(value > LATE_S for value in off),
            "different": differences(whole.words, heard.text)[:40],
        }
        if system == "kadr":
            row["joints"] = _joints(model, file, heard)
    return row


def _joints(model: Path, file: Path, whole: Told) -> dict[str, Any]:
    program = ["-m", "benchmarks.speech.in_jobs", str(model), str(THREADS), str(file)]
    answer, _ = _run([*program, *map(str, SHORT_JOBS_S)])
    parts = words(" ".join(word.text for word in from_json(answer["transcript"]).recognised_words))
    return joint_differences(whole.text, whole.times_s, parts, answer["joints"])


def joint_differences(
    whole: Sequence[str], times_s: Sequence[float], parts: Sequence[str], joints_s: Sequence[float]
) -> dict[str, Any]:
    """How the words of several jobs differ from those of one, near the joints and elsewhere.

    `times_s`: of the words of `whole`.
    """
    near, far = list[tuple[str, str]](), list[tuple[str, str]]()
    for number, pair in placed_differences(whole, parts):
        at_s = times_s[min(number, len(times_s) - 1)] if times_s else 0.0
        is_near = any(abs(at_s - joint_s) <= NEAR_JOINT_S for joint_s in joints_s)
        (near if is_near else far).append(pair)
    return {"joints": len(joints_s), "near": near, "elsewhere": far}


def _invented(model: Path, wordless: Sequence[Path], work: Path) -> dict[str, dict[str, int]]:
    files = [write(work / f"{name}.wav", sound) for name, sound in quiet()]
    return {
        file.name: {system: len(told(system, model, file).cues) for system in SYSTEMS} for file in [*files, *wordless]
    }


def table(result: dict[str, Any]) -> str:
    """The result of `compare` as lines of text, Kadr's figure before that of faster-whisper."""
    lines = [f"{result['model']}, int8, {result['threads']} threads; kadr / plain"]
    lines.append(f"{'clip':<22}{'words':>6}{'errors':>12}{'CPU s/min':>16}{'MB':>14}  language")
    for name, row in result["clips"].items():
        lines.append(_line(name, row))
    for language, row in result["joined"].items():
        lines.append(_line(f"joined {language} {row['media_s']:.0f} s", row))
        for system in SYSTEMS:
            part = row[system]
            lines.append(
                f"  {system:<6} first cues off: median {part['onset_median_s']} s, 95 % {part['onset_95_s']} s, "
                f"{part['onset_earliest_s']} to {part['onset_latest_s']} s, {part['late']} of {row['clips']} late"
            )
        joints = row["joints"]
        lines.append(
            f"  kadr   in short jobs: {joints['joints']} joints, {len(joints['near'])} words differ near them, "
            f"{len(joints['elsewhere'])} elsewhere"
        )
    for name, row in result["invented"].items():
        lines.append(f"invented cues, {name}: " + " / ".join(str(row[system]) for system in SYSTEMS))
    return "\n".join(lines)


def _line(name: str, row: dict[str, Any]) -> str:
    both = [row[system] for system in SYSTEMS]
    wrong = " / ".join(str(part["errors"]) for part in both)
    cpu = " / ".join(f"{part['cpu_s_per_minute']:.1f}" for part in both)
    memory = " / ".join(str(part["memory_mb"]) for part in both)
    languages = " / ".join(part["language"] for part in both)
    return f"{name:<22}{both[0]['words']:>6}{wrong:>12}{cpu:>16}{memory:>14}  {languages}"
