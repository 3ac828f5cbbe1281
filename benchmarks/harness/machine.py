"""Which machine is this? A number without its machine says nothing, so every result carries these facts.

In: /proc and the ffmpeg that workers use. Out: `Machine`, JSON-ready. What cannot be read is said to be unknown.
"""

import argparse
import json
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.settings import Settings
from transcode.encode.capabilities import ffmpeg_binary

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Facts at one moment. `cores` are those this process may run on; `load` counts other people's jobs, too."""

    cpu: str
    cores: int
    memory_bytes: int
    load: tuple[float, float, float]  # of the last 1, 5 and 15 minutes, when the facts were taken
    kernel: str
    python: str
    ffmpeg: str


def facts() -> Machine:
    """Facts of this machine: CPU, cores, memory, current load and software versions."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        load=os.getloadavg(),
        kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        ffmpeg=_ffmpeg(),
    )


def _cpu() -> str:
    """x86 names its model in /proc/cpuinfo; ARM often gives numbers only."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else UNKNOWN


def _ffmpeg() -> str:
    command = [ffmpeg_binary(Settings.load()), "-version"]
    output = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    found = re.match(r"ffmpeg version (\S+)", output)
    return found[1] if found else UNKNOWN


def report(table: str, result: dict[str, Any], machine: Machine) -> None:
    """The table for people, then one JSON object for programs, both on stdout."""
    print(table)  # noqa: T201
    print(json.dumps({**result, "machine": asdict(machine)}, indent=2))  # noqa: T201


def parse_report(printed: str) -> tuple[str, dict[str, Any]] | None:
    """The table and the object that `report` printed; None where it did not."""
    table, begins, text = printed.rpartition("\n{\n")
    try:
        result: dict[str, Any] = json.loads("{" + text)
    except ValueError:
        return None
    return (table, result) if begins else None


def main(argv: Sequence[str]) -> int:
    argparse.ArgumentParser(prog="python -m benchmarks.harness.machine", description=__doc__).parse_args(argv)
    print(json.dumps(asdict(facts()), indent=2))  # noqa: T201
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
