"""Transcribe one file in jobs of a given length, which a title of an hour has and a short file has not.

`python -m benchmarks.speech.in_jobs MODEL THREADS FILE LEAST_S MOST_S` prints JSON: {transcript, joints: [seconds at
which the second and every further job begins]}.
"""

import asyncio
import json
import sys
import tempfile
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

from core.errors import KadrError
from core.sandbox.child import ChildRunner
from core.settings import Settings
from subtitles.speech.jobs import JobResult
from subtitles.speech.models import model
from subtitles.speech.transcribe import SourceAudio, transcribe
from subtitles.speech.transcript import Skipped, to_json
from subtitles.speech.voice_activity import RATE_HZ


async def _transcribed(folder: str, threads: int, file: Path, job_s: tuple[int, int]) -> dict[str, Any]:
    settings = Settings(whisper_model=folder, whisper_threads=threads)
    with wave.open(str(file)) as opened:
        duration_s = Fraction(opened.getnframes(), opened.getframerate())
    joints: list[float] = []

    async def on_job(result: JobResult) -> None:
        joints.append(result.job.spans[0].start / RATE_HZ)

    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as work_dir:
        told = await transcribe(
            SourceAudio(file=file, demuxer="wav", index=0, origin_s=Fraction(0), duration_s=duration_s),
            model.chosen(settings),
            language=None,
            work_dir=Path(work_dir),
            runner=await ChildRunner.detect(settings.sandbox),
            done={},
            on_job=on_job,
            on_progress=lambda _: None,
            job_s=job_s,
        )
    if isinstance(told, Skipped):
        raise KadrError(f"{file}: {told.reason}")
    return {"transcript": to_json(told), "joints": joints[1:]}


def main(folder: str, threads: str, file: str, least_s: str, most_s: str) -> None:
    print(json.dumps(asyncio.run(_transcribed(folder, int(threads), Path(file), (int(least_s), int(most_s))))))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
