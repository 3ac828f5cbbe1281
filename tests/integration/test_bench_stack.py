"""A benchmark that is killed leaves no stack behind."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from tests.waiting import until

MEASURES = """
import asyncio
from benchmarks.harness.stack import running

async def measure():
    async with running(workers=1):
        pass

asyncio.run(measure())
"""


def children(pid: int) -> list[int]:
    """The stacks that this process has started."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and is_up(folder):
                found.append(int(folder.name))
    return found


def is_up(folder: Path) -> bool:
    """Whether it is `kadr up` itself, and no longer what ties it to its parent."""
    words = (folder / "cmdline").read_bytes()
    return b"kadr\0up\0" in words and b"tether.py" not in words


async def test_a_stack_ends_with_the_benchmark_that_was_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    measuring = await asyncio.create_subprocess_exec(sys.executable, "-c", MEASURES, env=environment)

    async def stacks() -> list[int]:
        return children(measuring.pid)

    try:
        (up,) = await until(stacks)
    finally:
        measuring.send_signal(signal.SIGKILL)
        await measuring.wait()

    async def is_gone() -> bool:
        return not (Path("/proc") / str(up)).exists()

    await until(is_gone)
    assert not (Path("/proc") / str(up)).exists()
