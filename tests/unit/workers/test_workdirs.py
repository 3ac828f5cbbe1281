"""workers.engine.workdirs: a worker's folder lives as long as the worker, and what dead ones left goes away."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checks import ROOT
from workers.engine.workdirs import step_folder, worker_folder

DIES = """
import os, sys
from pathlib import Path
from workers.engine.workdirs import step_folder, worker_folder
with worker_folder(Path(sys.argv[1])) as mine, step_folder(mine, "st_1") as step:
    (step / "half.mp4").write_bytes(b"x" * 1000)
    os._exit(9)
"""


def entries(base: Path) -> set[str]:
    return {entry.name for entry in base.iterdir()}


def test_a_folder_comes_and_goes(tmp_path: Path) -> None:
    base = tmp_path / "not" / "there"
    with worker_folder(base) as mine:
        (mine / "file").touch()
        assert entries(base) == {mine.name, f"{mine.name}.lock"}
    assert entries(base) == set()


def test_it_goes_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), worker_folder(tmp_path) as mine:
        (mine / "file").touch()
        raise RuntimeError
    assert entries(tmp_path) == set()


def test_a_living_worker_is_left_alone(tmp_path: Path) -> None:
    with worker_folder(tmp_path) as first:
        (first / "work").touch()
        with worker_folder(tmp_path) as second:
            assert first != second
        assert entries(first) == {"work"}


def test_what_a_dead_worker_left_is_removed(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", DIES, str(tmp_path)]
    died = subprocess.run(argv, check=False, timeout=30, cwd=ROOT)
    assert died.returncode == 9
    left = entries(tmp_path)
    assert len(left) == 2
    with worker_folder(tmp_path) as mine:
        assert entries(tmp_path) == {mine.name, f"{mine.name}.lock"}


def test_a_program_of_the_worker_does_not_keep_it_alive(tmp_path: Path) -> None:
    with worker_folder(tmp_path) as mine:
        argv = [sys.executable, "-c", "print(flush=True); input()"]
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False)
        try:
            assert child.stdout is not None
            child.stdout.readline()  # it is up: its descriptors stay as they are
            held = {str(fd.readlink()) for fd in Path(f"/proc/{child.pid}/fd").iterdir()}
            assert str(mine.with_suffix(".lock")) not in held
        finally:
            child.communicate(b"\n", timeout=30)


def test_steps_have_folders_of_their_own(tmp_path: Path) -> None:
    with step_folder(tmp_path, "st_1") as one, step_folder(tmp_path, "st_1") as two:
        assert one != two, "a zombie cannot meet its heir"
        assert one.stat().st_mode & 0o777 == 0o700
        assert one.name.startswith("st_1-")
        (one / "deep").mkdir()
    assert entries(tmp_path) == set()
