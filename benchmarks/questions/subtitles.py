"""How many captions would an editor have to correct, with Kadr and with other methods?

The same words go to `subtitles.cues.build` and to three rivals (benchmarks/captions/rivals.py): Whisper's own segments,
greedy filling, seven words at a time. benchmarks/captions/rules.py judges the cues of all by one set of rules, the
limits of the profile, and counts violations per 100 cues. It knows nothing of how cues are made.

With --real: does Kadr hear what is said, and when? A real model (--model) hears the clips of --speech that have a whole
text, their join with silences of 1 to 8 s, and sounds in which nobody speaks; beside it faster-whisper hears the same
files, called plainly with the same model. See benchmarks/speech/real.py for what is counted.

avoidable: violations above the minimum over all ways to split the words, found by trying every split that
breaks no line and crosses no long pause. Limits (too fast to read, too short, ...) count before faults (faster than the
target, orphan, bad break). What is left is the speech's: it is truly too fast.

The texts are our own, in English, German, Russian, Spanish, Chinese and Japanese, and the transcripts of
../shared/media/speech where those are there. All word times are generated, by speakers from calm (10.5 characters a
second) to racing (22), which is faster than the limit. The real-time factor is of the model in KADR_WHISPER_MODEL; it
is left out by name where none is set.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.captions.rivals import RIVALS
from benchmarks.captions.rules import FAULTS, LIMITS, Judgement, fewest, judge
from benchmarks.captions.speech import SPEAKERS, TEXTS, UNSPACED, spoken, tokens
from benchmarks.harness.machine import facts, report
from benchmarks.speech import real
from core.errors import KadrError
from core.media.encoded import Cue
from core.models.folders import models_dir
from core.settings import Settings
from presets.caption import CaptionProfile, caption_profile
from subtitles.cues.build import cues
from subtitles.cues.words import Word
from subtitles.speech.models.model import find

SPEECH = Path("../shared/media/speech")
LONG_WORDS = 30_000  # three hours
OURS = "kadr"
Maker = Callable[[Sequence[Word], CaptionProfile], list[Cue]]
MAKERS: dict[str, Maker] = {OURS: cues, **RIVALS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One text as one speaker says it: words with generated times."""

    name: str
    language: str
    speaker: str
    words: list[Word]


def transcripts(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(name, language, text) of the clips whose words are known; "[en] " at a line's start names its language."""
    for path in sorted(folder.glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            tag = re.match(r"\[(\w+)\] ", line)
            if line.strip() and "…" not in line:
                language = tag[1] if tag and len(tag[1]) == 2 else path.stem[:2]
                yield f"{path.stem}:{number}", language, line.removeprefix(tag[0] if tag else "")


def corpus(folder: Path, seeds: int, *, unspaced_only: bool = False) -> list[Spoken]:
    """Every text by every speaker, `seeds` times."""
    texts = [(f"text:{language}", language, text) for language, text in TEXTS.items()]
    return [
        Spoken(
            name=name,
            language=language,
            speaker=speaker.name,
            words=spoken(tokens(text, language), speaker, language, seed),
        )
        for name, language, text in [*texts, *transcripts(folder)]
        if language in UNSPACED or not unspaced_only
        for speaker in SPEAKERS
        for seed in range(seeds)
    ]


def compare(tracks: Sequence[Spoken], profile: str) -> dict[str, Any]:
    """All makers on all tracks, by speaker and language and as a whole."""
    judged: dict[str, list[tuple[Spoken, Judgement, tuple[int, int]]]] = {name: [] for name in MAKERS}
    for track in tracks:
        limits = caption_profile(profile, track.language)
        floor = fewest(track.words, limits)
        for name, maker in MAKERS.items():
            judged[name].append((track, judge(maker(track.words, limits), track.words, limits), floor))
    systems = {name: _summary(rows) for name, rows in judged.items()}
    return {
        "systems": systems,
        "times_ours": {name: _ratio(systems, name, ()) for name in RIVALS},
        # Most rivals leave no gap between cues, which a player could mend: without that they are nearer.
        "times_ours_gaps_aside": {name: _ratio(systems, name, ("gap",)) for name in RIVALS},
        "by_speaker": _parts(judged, lambda track: track.speaker),
        "by_language": _parts(judged, lambda track: track.language),
    }


def _ratio(systems: dict[str, Any], name: str, aside: Sequence[str]) -> float | None:
    theirs, ours = (
        sum(systems[system]["per_100_cues"][kind] for kind in (*LIMITS, *FAULTS) if kind not in aside)
        for system in (name, OURS)
    )
    return round(theirs / ours, 1) if ours else None


def _parts(
    judged: dict[str, list[tuple[Spoken, Judgement, tuple[int, int]]]], key: Callable[[Spoken], str]
) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys(key(track) for track, _, _ in judged[OURS])
    return {
        part: {
            name: {
                what: _summary([row for row in rows if key(row[0]) == part])[what]
                for what in ("cues", "violations_per_100", "avoidable")
            }
            for name, rows in judged.items()
        }
        for part in names
    }


def _summary(rows: Sequence[tuple[Spoken, Judgement, tuple[int, int]]]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for _, found, _ in rows:
        counts.update(found.counts)
    count = sum(found.cues for _, found, _ in rows)
    offsets = [abs(offset) for _, found, _ in rows for offset in found.starts_off_ms]
    per_100 = {kind: round(100 * counts[kind] / count, 2) for kind in (*LIMITS, *FAULTS)}
    total = sum(counts[kind] for kind in (*LIMITS, *FAULTS))
    return {
        "tracks": len(rows),
        "tracks_with_every_word": sum(found.kept for _, found, _ in rows),
        "cues": count,
        "violations": total,
        "violations_per_100": round(100 * total / count, 2),
        "per_100_cues": {"all": round(100 * total / count, 2), **per_100},
        "unavoidable": {
            "limits": sum(floor[0] for _, _, floor in rows),
            "faults": sum(floor[1] for _, _, floor in rows),
        },
        "avoidable": _avoidable(rows),
        "start_off_ms": {"median": statistics.median(offsets), "most": max(offsets)},
    }


def _avoidable(rows: Sequence[tuple[Spoken, Judgement, tuple[int, int]]]) -> dict[str, int]:
    """Limits above the fewest; faults above the fewest of the tracks where the limits are at their fewest."""
    return {
        "limits": sum(found.limits - floor[0] for _, found, floor in rows),
        "faults": sum(max(0, found.faults - floor[1]) for _, found, floor in rows),
    }


def speed(seeds: int = 1) -> dict[str, float]:
    """CPU seconds for the words of three hours, in one go."""
    text = tokens(TEXTS["en"], "en")
    repeated = text * (LONG_WORDS // len(text) + 1)
    words = spoken(repeated[:LONG_WORDS], SPEAKERS[1], "en", seeds)
    began = time.process_time()
    captions = cues(words, caption_profile("standard", "en"))
    used = time.process_time() - began
    return {"words": len(words), "cues": len(captions), "media_s": words[-1].end_ms / 1000, "cpu_s": round(used, 2)}


def real_time_factor(folder: Path) -> dict[str, Any]:
    """Of `kadr transcribe` on a clip, its start and the loading of the model included."""
    if not os.environ.get("KADR_WHISPER_MODEL"):
        return {"skipped": "no_model: set KADR_WHISPER_MODEL to the name or the folder of one"}
    clip = folder / "en_azure.wav"
    if not clip.is_file():
        return {"skipped": f"no_clip: {clip} is not there"}
    with wave.open(str(clip)) as opened:
        media_s = opened.getnframes() / opened.getframerate()
    began = time.monotonic()
    command = [sys.executable, "-m", "kadr", "transcribe", str(clip), "--words", "--language", "en"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    wall_s = time.monotonic() - began
    if finished.returncode:
        raise KadrError(f"kadr transcribe: exit code {finished.returncode}: {finished.stderr[-400:].strip()}")
    return {
        "clip": clip.name,
        "words": len(json.loads(finished.stdout)),
        "media_s": round(media_s, 2),
        "wall_s": round(wall_s, 2),
        "real_time_factor": round(wall_s / media_s, 3),
    }


def _table(result: dict[str, Any]) -> str:
    kinds = (*LIMITS, *FAULTS)
    lines = ["violations per 100 cues; all word times are generated"]
    lines.append(f"{'':<10}{'cues':>7}" + "".join(f"{kind.replace('_', ' '):>12}" for kind in kinds) + f"{'all':>9}")
    for name, summary in result["systems"].items():
        row = "".join(f"{summary['per_100_cues'][kind]:>12.2f}" for kind in kinds)
        lines.append(f"{name:<10}{summary['cues']:>7}{row}{summary['per_100_cues']['all']:>9.2f}")
    lines.append(
        f"{'':<10}{'every word kept':>16}{'avoidable limits':>18}{'faults':>8}{'unavoidable':>13}{'start off ms':>14}"
    )
    for name, summary in result["systems"].items():
        kept = f"{summary['tracks_with_every_word']}/{summary['tracks']}"
        left = f"{summary['unavoidable']['limits']}+{summary['unavoidable']['faults']}"
        row = f"{kept:>16}{summary['avoidable']['limits']:>18}{summary['avoidable']['faults']:>8}{left:>13}"
        lines.append(f"{name:<10}{row}{summary['start_off_ms']['most']:>14}")
    for part in ("by_speaker", "by_language"):
        for name, systems in result[part].items():
            shown = "  ".join(f"{system} {summary['violations_per_100']:.1f}" for system, summary in systems.items())
            lines.append(f"{name:<10}{shown}")
    for key, suffix in (("times_ours", ""), ("times_ours_gaps_aside", ", gaps aside")):
        ratios = ", ".join(f"{name} {ratio}" for name, ratio in result[key].items())
        lines.append(f"times ours{suffix}: {ratios}")
    fast = result["speed"]
    lines.append(f"{fast['words']} words ({fast['media_s'] / 3600:.1f} h): {fast['cpu_s']} CPU s")
    real = result["transcription"]
    lines.append(f"real-time factor: {real.get('real_time_factor', real.get('skipped'))}")
    return "\n".join(lines)


def _real(options: argparse.Namespace) -> int:
    settings = Settings.load()
    name = options.model or settings.whisper_model
    folder = find(name, models_dir(settings)) if name else None
    if folder is None:
        raise KadrError("--real needs a model: give --model, or set KADR_WHISPER_MODEL, to a name or a folder")
    result = {
        "benchmark": "subtitles",
        "real": True,
        **real.compare(folder, options.speech, minutes=options.minutes, wordless=options.wordless),
    }
    report(real.table(result), result, facts())
    return 0


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench subtitles", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--profile", default="standard", help="caption profile in presets/captions.yaml (default: standard)"
    )
    parser.add_argument("--seeds", type=int, default=3, help="timings generated for each text and speaker (default: 3)")
    parser.add_argument("--speech", type=Path, default=SPEECH, help=f"folder of clips with transcripts ({SPEECH})")
    parser.add_argument("--real", action="store_true", help="real speech by a real model, beside plain faster-whisper")
    parser.add_argument("--model", metavar="NAME", help="with --real: name or folder (default: KADR_WHISPER_MODEL)")
    parser.add_argument("--minutes", type=float, default=5, help="with --real: length of the joined files (default: 5)")
    parser.add_argument(
        "--wordless", type=Path, nargs="*", default=(), metavar="FILE", help="with --real: films in which nobody speaks"
    )
    options = parser.parse_args(argv)
    if options.real:
        return _real(options)
    if options.seeds < 1:
        parser.error("--seeds is at least 1")
    unspaced_only = not caption_profile(options.profile).spaced
    tracks = corpus(options.speech, options.seeds, unspaced_only=unspaced_only)
    result = {
        "benchmark": "subtitles",
        "profile": options.profile,
        "word_times": "generated",
        **compare(tracks, options.profile),
        "speed": speed(),
        "transcription": real_time_factor(options.speech),
    }
    report(_table(result), result, facts())
    return 0
