"""benchmarks.harness.metered: what a command took, its children's children counted."""

import sys
from pathlib import Path

import pytest

from benchmarks.harness.metered import run
from core.errors import KadrError

BURN = """
import time
held = bytearray(64 * 1024 * 1024)
for at in range(0, len(held), 4096): held[at] = 1
while time.process_time() < 0.4: pass
time.sleep(0.3)
print("done")
"""
BELOW = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"


def test_what_a_grandchild_takes_is_counted(tmp_path: Path) -> None:
    cost, printed = run([[sys.executable, "-c", BELOW, BURN]] * 2, tmp_path, limit_s=60)
    assert cost.cpu_s >= 0.8
    assert cost.wall_s >= 1.0  # what was slept and burnt: a floor, not a speed
    assert 64 * 1024 * 1024 < cost.peak_rss_bytes < 256 * 1024 * 1024
    assert printed == "done\n"


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(KadrError, match=r"ended with 3:\nno such luck"):
        run([["sh", "-c", "echo no such luck >&2; exit 3"]], tmp_path, limit_s=60)


def test_a_folder_goes_first_on_the_path(tmp_path: Path) -> None:
    program = tmp_path / "programs" / "greet"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    assert run([["sh", "-c", "greet"]], tmp_path, limit_s=60, path_first=program.parent)[1] == "hello\n"
