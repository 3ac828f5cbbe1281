"""How fast is this machine just now? Two fixed pieces of work, so that results of a slow day can be compared.

Python: dictionaries, text, JSON and hashes, as playlists and the API do them. x264: six seconds of 854x480 by libx264,
one thread. Each several times; CPU seconds. Both are the same in every version of Kadr, or old results say nothing.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import metered

REPEAT = 3
PYTHON, X264 = "python", "x264"
LIMIT_S = 300.0
_PICTURE = "testsrc2=size=854x480:rate=25:duration=6,noise=alls=4:allf=t:all_seed=1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """CPU seconds of every repetition; `at` is Unix time."""

    at: float
    python: tuple[float, ...]
    x264: tuple[float, ...]

    def of(self, work: str) -> float:
        """The median of one piece of work, in CPU seconds."""
        return median(self.python if work == PYTHON else self.x264)


def speeds_of(parts: Sequence[dict[str, Any]]) -> list[Speed]:
    """All calibrations that were kept with parts of `kadr bench all`, in order, each once."""
    found = {one["at"]: one for part in parts for one in part["speeds"]}
    return [Speed(at=at, python=tuple(one["python"]), x264=tuple(one["x264"])) for at, one in sorted(found.items())]


def calibrate(binary: str) -> Speed:
    """Takes about three CPU seconds. `binary` is ffmpeg."""
    at = time.time()
    return Speed(
        at=at,
        python=tuple(_python() for _ in range(REPEAT)),
        x264=tuple(_x264(binary) for _ in range(REPEAT)),
    )


def _python() -> float:
    began = time.process_time()
    digest = hashlib.sha256()
    for turn in range(240):
        rows = [{"id": f"as_{turn}_{number}", "size": number * 997, "even": number % 2 == 0} for number in range(1000)]
        by_size = {row["size"]: row for row in sorted(rows, key=lambda row: str(row["id"])[::-1])}
        text = "\n".join(f"#EXTINF:{row['size']},{row['id']}" for row in by_size.values())
        digest.update(text.encode())
        digest.update(json.dumps(json.loads(json.dumps(rows))).encode())
    return time.process_time() - began


def _x264(binary: str) -> float:
    command = [
        *(binary, "-v", "error", "-nostdin", "-threads", "1", "-filter_threads", "1", "-f", "lavfi", "-i", _PICTURE),
        *("-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-f", "null", "-"),
    ]
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        cost, _ = metered.run([command], Path(folder), limit_s=LIMIT_S)
    return cost.cpu_s
