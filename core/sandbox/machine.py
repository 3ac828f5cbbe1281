"""How many processors and how much memory this process and its children may use, and how often the kernel ended one of
them for want of memory.

Reads the files of control groups, versions 1 and 2, as in a container or a systemd unit; without any, the whole machine
counts.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CPU, _MEMORY = "cpu", "memory"
CGROUPS, OWN_CGROUPS, VM_STATISTICS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"), Path("/proc/vmstat")


def available_processors(root: Path = CGROUPS, own: Path = OWN_CGROUPS) -> float:
    """Processors that this process and its children may use at once: its affinity, or what a quota leaves (0.5 is half
    of one)."""
    least = float(len(os.sched_getaffinity(0)))
    for folder in _folders(root, own, _CPU):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        if not quota:
            quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
            least = min(least, int(quota) / int(period))
    return least


def threads() -> int:
    """Threads that keep the available processors busy, at least one."""
    return math.ceil(available_processors())


def available_bytes(root: Path = CGROUPS, own: Path = OWN_CGROUPS) -> int:
    """Bytes of memory that this process and its children may use together: the machine's, or what a limit leaves."""
    least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for folder in _folders(root, own, _MEMORY):
        limits = [_text(folder / "memory.max"), _text(folder / "memory.limit_in_bytes")]
        limits.append(_field(folder / "memory.stat", "hierarchical_memory_limit"))
        least = min([least, *(int(limit) for limit in limits if limit.isdecimal())])
    return least


def out_of_memory_kills(root: Path = CGROUPS, own: Path = OWN_CGROUPS, statistics: Path = VM_STATISTICS) -> int:
    """Processes that the kernel has ended for want of memory, in our control groups and on the machine. Only rises."""
    counts = [_field(statistics, "oom_kill")]
    for folder in _folders(root, own, _MEMORY):
        counts += [_field(folder / "memory.events", "oom_kill"), _field(folder / "memory.oom_control", "oom_kill")]
    return sum(int(count) for count in counts if count.isdecimal())


def _folders(root: Path, own: Path, controller: str) -> Iterator[Path]:
    """The control groups of this process that `controller` may limit, innermost first. A container's own is its top."""
    for line in _text(own).splitlines():
        number, controllers, path = line.split(":", 2)
        if number != "0" and controller not in controllers.split(","):
            continue
        top = root if number == "0" else root / controller
        folder = top / path.lstrip("/")
        while folder != top:
            yield folder
            folder = folder.parent
        yield top


def _field(file: Path, name: str) -> str:
    """The value in the line "name value"; empty where there is none."""
    return next((words[1] for line in _text(file).splitlines() if (words := line.split())[:1] == [name]), "")


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
