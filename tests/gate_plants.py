"""A clone of this repository with one more commit, in which something is slower or other: what the gate has to see."""

import subprocess
from pathlib import Path

from tests.checks import ROOT

IDENTITY = ("-c", "user.name=tests", "-c", "user.email=tests@example.org", "-c", "commit.gpgsign=false")
# Every session takes a fifth more of CPU.
SLOWER_SESSIONS = """

_as_it_was = session_playlist


async def session_playlist(request: web.Request) -> web.Response:
    began = time.process_time()
    answer = await _as_it_was(request)
    end = began + 1.2 * (time.process_time() - began)
    while time.process_time() < end:
        pass
    return answer
"""
EXPLAINED = "\n- Changes the bytes of: encode-motion, encode-cups, encode-drawing\n"


def clone(folder: Path) -> str:
    """Clone into `folder`; the commit that is planted on."""
    subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(folder)], check=True)
    done = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def slower_sessions(folder: Path) -> None:
    path = folder / "origin" / "playback" / "play.py"
    path.write_text(path.read_text() + SLOWER_SESSIONS)


def slower_encodes(folder: Path) -> None:
    """An encode takes a fifth more; its other bytes are explained, so that only its cost can be what is caught."""
    slower = "balanced: {preset: fast, crf: 23, parameters: {subme: 7, ref: 3}}"
    change(folder, "presets/codecs.yaml", "balanced: {preset: faster, crf: 23}", slower)
    change(folder, "CHANGELOG.md", "## Unreleased\n", f"## Unreleased\n{EXPLAINED}")


def changed_byte(folder: Path) -> None:
    """Media playlists say another version of HLS."""
    change(folder, "packager/playlist.py", "VERSION = 7", "VERSION = 8")


def nothing(folder: Path) -> None:
    """Another commit that says the same."""
    change(folder, "README.md", "\n", "\n\n")


def commit(folder: Path) -> None:
    subprocess.run(["git", "-C", str(folder), *IDENTITY, "commit", "--quiet", "-am", "planted"], check=True)
