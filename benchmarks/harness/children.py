"""What the children of this process took while a block of code ran: for code that starts them itself, in sandboxes.

In: a block. Out: a `metered.Cost`: wall seconds, CPU seconds of all children that were waited for in it, and the
highest peak of resident memory of any one of them (VmHWM, read every 10 ms: a program that ends sooner is missed).
Nothing else may start children meanwhile.
"""

import contextlib
import os
import re
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.metered import Cost

LOOK_EVERY_S = 0.01


class Watched:
    """Result of `watched`; `cost` is set when the block has ended."""

    cost: Cost


@contextlib.contextmanager
def watched() -> Iterator[Watched]:
    """Measure the children that the block starts and waits for."""
    result, ended, peaks = Watched(), threading.Event(), [0]
    watch = threading.Thread(target=_watch, args=(ended, peaks), daemon=True)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    watch.start()
    try:
        yield result
    finally:
        wall_s = time.monotonic() - began
        ended.set()
        watch.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result.cost = Cost(wall_s=wall_s, cpu_s=cpu_s, peak_rss_bytes=peaks[0])


def _watch(ended: threading.Event, peaks: list[int]) -> None:
    while not ended.wait(LOOK_EVERY_S):
        peaks[0] = max(peaks[0], _highest_peak_bytes(os.getpid()))


def _highest_peak_bytes(root: int) -> int:
    """Highest peak of resident memory (VmHWM) among the descendants of `root`, in bytes."""
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it ended while we looked
                parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                below.setdefault(parent, []).append(int(folder.name))
    peak, waiting = 0, list(below.get(root, []))
    while waiting:
        pid = waiting.pop()
        waiting += below.get(pid, [])
        with contextlib.suppress(OSError):
            peak_field = re.search(r"^VmHWM:\s*(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
            peak = max(peak, int(peak_field[1]) * 1024 if peak_field else 0)
    return peak
