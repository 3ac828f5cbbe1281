"""How loud a title is (EBU R128), and the one linear gain that makes it as loud as its neighbours.

Target -16 LUFS, as Apple and AES TD1008 advise for what is streamed to phones. Within 1 LU nothing is touched.
"""

import re
from pathlib import Path

from transcode.encode.argv import loudness_argv
from transcode.encode.ffmpeg_run import FfmpegContext, run
from transcode.plan.encode_plan import AudioPlan, EncodePlan

TARGET_LUFS = -16.0
LEAVE_ALONE_LU = 1.0
SILENCE_LUFS = -60.0  # quieter than this is noise, and stays it
MOST_DB = 15.0  # more would be hiss
_INTEGRATED = re.compile(r"^\s*I:\s+(-?[\d.]+|-?inf|nan) LUFS", re.MULTILINE)


async def gain_db(plan: EncodePlan, context: FfmpegContext, source: Path, audio: AudioPlan) -> float:
    """Decibels to add to this track; 0.0 to leave it alone."""
    argv = loudness_argv(plan, context.binary, source, audio)
    ran = await run(context, argv, readable=[source], work_s=plan.duration_s, frames=0)
    summaries = _INTEGRATED.findall(ran.stderr_tail)
    return gain_for(float(summaries[-1])) if summaries else 0.0


def gain_for(lufs: float) -> float:
    """Gain in dB that brings this integrated loudness to TARGET_LUFS; 0.0 for silence and within LEAVE_ALONE_LU."""
    if not lufs > SILENCE_LUFS:
        return 0.0
    gain = TARGET_LUFS - lufs
    return 0.0 if abs(gain) <= LEAVE_ALONE_LU else round(min(gain, MOST_DB), 2)
