"""kadr.video_file, and who asks it before anything is installed or started: `make up VIDEO=` and `kadr up --video`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kadr import cli
from kadr.video_file import problem_with
from tests.checks import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory and the home folder of a test, with one good file in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a $(clip)'s.mp4").write_bytes(b"content")
    (tmp_path / "empty.mp4").touch()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


@pytest.mark.parametrize("given", ["a $(clip)'s.mp4", "./a $(clip)'s.mp4", "~/a $(clip)'s.mp4"])
def test_a_readable_file_has_no_problem(folder: Path, given: str) -> None:
    assert problem_with(Path(given)) == ""
    assert problem_with(folder / "a $(clip)'s.mp4") == ""


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("gone.mp4", "gone.mp4: no such file (looked in {folder})"),
        ("~/gone.mp4", "~/gone.mp4: no such file"),
        ("/gone/clip.mp4", "/gone/clip.mp4: no such file"),
        ("~nobody-of-that-name/clip.mp4", "~nobody-of-that-name/clip.mp4: there is no such home directory"),
        (".", ". is a folder; name one video file"),
        ("fifo", "fifo is not a regular file; name one video file"),
        ("empty.mp4", "empty.mp4 is empty"),
        ("empty.mp4/clip.mp4", "empty.mp4/clip.mp4: Not a directory"),
        ("loop", "loop: Too many levels of symbolic links"),
        ("x" * 300, "x" * 300 + ": File name too long"),
    ],
)
def test_anything_else_is_one_sentence(folder: Path, given: str, sentence: str) -> None:
    assert problem_with(Path(given)) == sentence.format(folder=folder)


def test_a_file_of_somebody_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may read everything
    assert problem_with(Path("a $(clip)'s.mp4")) == "a $(clip)'s.mp4 cannot be read by this user"


@pytest.fixture
def checkout(folder: Path) -> Path:
    """As much of a fresh clone as `make up` reads before it installs anything."""
    (folder / "kadr").mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copy(ROOT / "kadr" / "video_file.py", folder / "kadr")
    return folder


def make_up(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", "up", f"PYTHON={sys.executable}", *arguments],
        cwd=checkout,
        # Without MAKEFLAGS and the like of a make that runs these tests.
        env={"PATH": os.environ["PATH"], "HOME": str(checkout)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("video", "sentence"),
    [
        ("gone.mp4", "VIDEO=gone.mp4: no such file"),
        ("~/gone it's.mp4", "VIDEO=~/gone it's.mp4: no such file"),
        ("kadr", "VIDEO=kadr is a folder"),
        ("empty.mp4", "VIDEO=empty.mp4 is empty"),
    ],
)
def test_make_up_refuses_before_it_installs_anything(checkout: Path, video: str, sentence: str) -> None:
    done = make_up(checkout, f"VIDEO={video}")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(sentence)
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("arguments", [("VIDEO=a $$(clip)'s.mp4",), ("VIDEO=~/a $$(clip)'s.mp4",), ()])
def test_make_up_goes_on_with_a_good_file_or_none(checkout: Path, arguments: tuple[str, ...]) -> None:
    done = make_up(checkout, *arguments)
    # The next thing that a fresh clone needs is not in this one.
    assert "requirements/up.lock" in done.stderr
    assert "VIDEO" not in done.stderr


def test_kadr_up_refuses_before_it_starts_anything(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kadr", "up", "--home", "home", "--video", "gone.mp4"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"kadr up: --video gone.mp4: no such file (looked in {folder})\n"
    assert not (folder / "home").exists()
