"""core.sandbox.machine: limits and kills of control groups, versions 1 and 2, inside and outside a container."""

import os
from pathlib import Path

import pytest

from core.sandbox.machine import available_bytes, available_processors, out_of_memory_kills

MIB = 1024 * 1024


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("0::/", {"memory.max": f"{512 * MIB}\n"}),
        ("0::/system.slice/kadr.service", {"system.slice/kadr.service/memory.max": f"{512 * MIB}"}),
        (
            "0::/kadr.slice/worker",
            {"kadr.slice/memory.max": f"{512 * MIB}", "kadr.slice/worker/memory.max": "max"},
        ),
        ("4:memory:/docker/ab\n0::/", {"memory/docker/ab/memory.limit_in_bytes": f"{512 * MIB}"}),
        # In a container of version 1 the path is the host's, and its own group is mounted as the root.
        ("4:memory:/docker/ab\n0::/", {"memory/memory.limit_in_bytes": f"{512 * MIB}"}),
        (
            "9:cpu,cpuacct:/x\n4:memory:/a/b",
            {"memory/a/b/memory.stat": f"cache 1\nhierarchical_memory_limit {512 * MIB}\n"},
        ),
    ],
    ids=["v2 container", "v2 unit", "v2 parent", "v1 host", "v1 container", "v1 hierarchy"],
)
def test_the_least_limit_counts(tmp_path: Path, own: str, files: dict[str, str]) -> None:
    root = tree(tmp_path / "cgroup", files)
    line = tree(tmp_path, {"own": own}) / "own"
    assert available_bytes(root, line) == 512 * MIB


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", ""])
def test_no_limit_is_the_whole_machine(tmp_path: Path, limit: str) -> None:
    root = tree(tmp_path / "cgroup", {"memory.max": limit, "memory/memory.limit_in_bytes": limit})
    own = tree(tmp_path, {"own": "4:memory:/\n0::/"}) / "own"
    assert available_bytes(root, own) == available_bytes(tmp_path / "nowhere", tmp_path / "none") > 0


@pytest.mark.parametrize(
    ("own", "files", "processors"),
    [
        ("0::/", {"cpu.max": "50000 100000\n"}, 0.5),
        (
            "0::/kadr.slice/worker",
            {"kadr.slice/cpu.max": "75000 100000", "kadr.slice/worker/cpu.max": "max 100000"},
            0.75,
        ),
        (
            "9:cpu,cpuacct:/docker/ab\n0::/",
            {"cpu/docker/ab/cpu.cfs_quota_us": "25000", "cpu/docker/ab/cpu.cfs_period_us": "100000"},
            0.25,
        ),
    ],
    ids=["v2 container", "v2 parent", "v1 host"],
)
def test_the_least_quota_of_processors_counts(
    tmp_path: Path, own: str, files: dict[str, str], processors: float
) -> None:
    root = tree(tmp_path / "cgroup", files)
    line = tree(tmp_path, {"own": own}) / "own"
    assert available_processors(root, line) == processors


@pytest.mark.parametrize("quota", ["max 100000", "", "6400000 100000"])
def test_without_a_smaller_quota_all_processors_count(tmp_path: Path, quota: str) -> None:
    root = tree(tmp_path / "cgroup", {"cpu.max": quota, "cpu/cpu.cfs_quota_us": "-1"})
    own = tree(tmp_path, {"own": "9:cpu,cpuacct:/\n0::/"}) / "own"
    assert available_processors(root, own) == len(os.sched_getaffinity(0))


def test_kills_are_counted(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "cgroup",
        {
            "kadr/memory.events": "low 0\nhigh 0\nmax 4\noom 1\noom_kill 2\n",
            "memory/kadr/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        },
    )
    files = tree(tmp_path, {"own": "4:memory:/kadr\n0::/kadr", "vmstat": "nr_free_pages 7\noom_kill 4\n"})
    before = out_of_memory_kills(root, files / "own", files / "vmstat")
    assert before == 9
    tree(tmp_path, {"vmstat": "oom_kill 5\n"})
    assert out_of_memory_kills(root, files / "own", files / "vmstat") == before + 1
