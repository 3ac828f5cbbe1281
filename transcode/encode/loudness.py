"""Loudness of a title (EBU R128), the constant gain that normalises it, and what it says of the recording.

Target -16 LUFS, as Apple and AES TD1008 advise for streaming to phones. Within 1 LU of it a track is left alone.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from core.media.advice import SoundSigns
from transcode.encode.argv import loudness_argv
from transcode.encode.ffmpeg_run import FfmpegContext, run
from transcode.plan.encode_plan import AudioPlan, EncodePlan

TARGET_LUFS = -16.0
TOLERANCE_LU = 1.0
SILENCE_LUFS = -60.0  # anything quieter is treated as silence
MAX_GAIN_DB = 15.0  # more would amplify noise
_INTEGRATED = re.compile(r"^\s*I:\s+(-?[\d.]+|-?inf|nan) LUFS", re.MULTILINE)
_PEAK = re.compile(r"^\s*Peak:\s+(-?[\d.]+|-?inf|nan) dBFS", re.MULTILINE)
_SAMPLES = re.compile(r"n_samples: (\d+)")
_AT_LIMIT = re.compile(r"histogram_0db: (\d+)")  # absent where there are none


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """What decoding a whole track has shown: the gain in dB that normalises it, and whether its decoder complained."""

    gain_db: float  # 0.0 leaves it unchanged
    damaged: bool
    signs: SoundSigns | None = None  # None where the measurement said nothing


async def measured(plan: EncodePlan, context: FfmpegContext, source: Path, audio: AudioPlan) -> Loudness:
    """Measure a track. Raises what `run` raises."""
    argv = loudness_argv(plan, context.binary, source, audio)
    result = await run(context, argv, readable=[source], work_s=plan.duration_s, frames=0)
    summaries = _INTEGRATED.findall(result.stderr_tail)
    gain_db = gain_for(float(summaries[-1])) if summaries else 0.0
    return Loudness(gain_db=gain_db, damaged=result.damaged, signs=_signs(result.stderr_tail, float(plan.duration_s)))


def _signs(told: str, duration_s: float) -> SoundSigns | None:
    """What the summaries say. ffmpeg counts samples anew where it has set up its filters anew."""
    loudness, peaks, samples = _INTEGRATED.findall(told), _PEAK.findall(told), _SAMPLES.findall(told)
    if not (loudness and peaks and samples):
        return None
    at_limit = sum(map(int, _AT_LIMIT.findall(told)))
    return SoundSigns(
        lufs=float(loudness[-1]),
        peak_dbfs=float(peaks[-1]),
        at_limit=at_limit / max(1, sum(map(int, samples))),
        duration_s=duration_s,
    )


def gain_for(lufs: float) -> float:
    """Gain in dB that brings this integrated loudness to TARGET_LUFS; 0.0 for silence and within TOLERANCE_LU."""
    if not lufs > SILENCE_LUFS:
        return 0.0
    gain = TARGET_LUFS - lufs
    return 0.0 if abs(gain) <= TOLERANCE_LU else round(min(gain, MAX_GAIN_DB), 2)
