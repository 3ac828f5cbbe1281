"""CPU time by program of a stack: the API, the origin, each server. In: the process of `kadr up`. Out: seconds."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from benchmarks.harness.stack import tree_cpu_s

SERVERS = {"postgres": "postgresql", "redis-server": "redis", "rclone": "storage"}


def cpu_s(root: int) -> Mapping[str, float]:
    """Of everything that was started below `root` so far, by the names of `kadr COMMAND` and of SERVERS."""
    used: defaultdict[str, float] = defaultdict(float)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            if int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]) == root:
                name = _name((entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0"))
                used[name] += tree_cpu_s(int(entry.name))
    return used


def _name(command: list[str]) -> str:
    if command[1:3] == ["-m", "kadr"] and len(command) > 3:
        return command[3]
    return SERVERS.get(Path(command[0].partition(" ")[0]).name, "other")  # redis-server adds its address


def cores(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> dict[str, float]:
    """How many cores each program has used in between, the busiest first."""
    found = {name: round((after[name] - before.get(name, 0.0)) / seconds, 3) for name in after}
    return dict(sorted(found.items(), key=lambda one: -one[1]))
