"""Loudness of a title (EBU R128), and the constant gain that normalises it.

Target -16 LUFS, as Apple and AES TD1008 advise for streaming to phones. Within 1 LU of it a track is left alone.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from transcode.encode.argv import loudness_argv
from transcode.encode.ffmpeg_run import FfmpegContext, run
from transcode.plan.encode_plan import AudioPlan, EncodePlan

TARGET_LUFS = -16.0
TOLERANCE_LU = 1.0
SILENCE_LUFS = -60.0  # anything quieter is treated as silence
MAX_GAIN_DB = 15.0  # more would amplify noise
_INTEGRATED = re.compile(r"^\s*I:\s+(-?[\d.]+|-?inf|nan) LUFS", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """What decoding a whole track has shown: the gain in dB that normalises it, and whether its decoder complained."""

    gain_db: float  # 0.0 leaves it unchanged
    damaged: bool


async def measured(plan: EncodePlan, context: FfmpegContext, source: Path, audio: AudioPlan) -> Loudness:
    """Measure a track. Raises what `run` raises."""
    argv = loudness_argv(plan, context.binary, source, audio)
    result = await run(context, argv, readable=[source], work_s=plan.duration_s, frames=0)
    summaries = _INTEGRATED.findall(result.stderr_tail)
    gain_db = gain_for(float(summaries[-1])) if summaries else 0.0
    return Loudness(gain_db=gain_db, damaged=result.damaged)


def gain_for(lufs: float) -> float:
    """Gain in dB that brings this integrated loudness to TARGET_LUFS; 0.0 for silence and within TOLERANCE_LU."""
    if not lufs > SILENCE_LUFS:
        return 0.0
    gain = TARGET_LUFS - lufs
    return 0.0 if abs(gain) <= TOLERANCE_LU else round(min(gain, MAX_GAIN_DB), 2)
