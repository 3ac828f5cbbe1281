"""workers.engine.sources: local copies are whole, checked, and bounded in size."""

import asyncio
import errno
import hashlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.errors import ObjectMissing, Transient
from core.storage.s3 import Storage
from workers.engine import sources as module
from workers.engine.sources import Sources


class Remote:
    """As much of Storage as Sources uses: `objects` by key, and which were fetched."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.fetched: list[str] = []

    async def download(self, _bucket: str, key: str, path: Path) -> str:
        self.fetched.append(key)
        if key not in self.objects:
            raise ObjectMissing
        path.write_bytes(self.objects[key])
        return hashlib.sha256(self.objects[key]).hexdigest()


def name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def fetch(sources: Sources, remote: Remote, key: str, sha256: str) -> Path:
    return await sources.fetch(cast("Storage", remote), "media", key, sha256)


def files(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


async def kept(sources: Sources, content: bytes, used_at: int) -> Path:
    """A copy in the folder that was last used at this time."""
    scratch = sources.scratch()
    scratch.write_bytes(content)
    path = await sources.keep(scratch, name(content))
    os.utime(path, (used_at, used_at))
    return path


async def test_fetched_once(tmp_path: Path) -> None:
    sources, remote = Sources(tmp_path / "s", 1000), Remote({"k": b"film"})
    for _ in range(2):
        path = await fetch(sources, remote, "k", name(b"film"))
        assert path.read_bytes() == b"film"
    assert remote.fetched == ["k"]
    assert files(tmp_path / "s") == {name(b"film")}


async def test_a_file_system_that_cannot_link_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hardlink_to(self: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(self), None, str(target))

    monkeypatch.setattr(Path, "hardlink_to", hardlink_to)
    sources = Sources(tmp_path, 1000)
    first = (await kept(sources, b"film", 1000)).stat().st_ino
    again = await kept(sources, b"film", 1001)
    assert again.read_bytes() == b"film"
    assert again.stat().st_ino == first, "a step under way may go on reading it"
    assert files(tmp_path) == {name(b"film")}


async def test_other_bytes_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    sources = Sources(tmp_path, 1000)
    with pytest.raises(Transient, match="other bytes"):
        await fetch(sources, Remote({"k": b"fil"}), "k", name(b"film"))
    with pytest.raises(ObjectMissing):
        await fetch(sources, Remote({}), "k", name(b"film"))
    assert files(tmp_path) == set()


async def test_the_least_recently_used_goes(tmp_path: Path) -> None:
    sources = Sources(tmp_path, 10)
    for used_at, content in enumerate((b"aaaa", b"bbbb"), start=1000):
        await kept(sources, content, used_at)
    await fetch(sources, Remote({}), "k", name(b"aaaa"))  # a use: now b is the older one
    await kept(sources, b"cccc", 2000)
    assert files(tmp_path) == {name(b"aaaa"), name(b"cccc")}


async def test_one_above_the_limit_is_kept_all_the_same(tmp_path: Path) -> None:
    sources = Sources(tmp_path, 10)
    await kept(sources, b"aaaa", 1000)
    path = await kept(sources, b"x" * 100, 1001)
    assert files(tmp_path) == {path.name}


async def test_a_source_in_use_stays_readable(tmp_path: Path) -> None:
    sources = Sources(tmp_path, 4)
    with (await kept(sources, b"aaaa", 1000)).open("rb") as used:
        await kept(sources, b"bbbb", 1001)
        assert used.read() == b"aaaa"
    assert files(tmp_path) == {name(b"bbbb")}


async def test_two_steps_fetch_the_same(tmp_path: Path) -> None:
    sources, remote = Sources(tmp_path, 1000), Remote({"k": b"film"})
    one, two = await asyncio.gather(*(fetch(sources, remote, "k", name(b"film")) for _ in range(2)))
    assert one == two
    assert files(tmp_path) == {name(b"film")}


async def test_what_another_step_is_still_writing_is_left_alone(tmp_path: Path) -> None:
    sources = Sources(tmp_path, 4)
    writing = sources.scratch()
    writing.write_bytes(b"half of it")
    os.utime(writing, (1000, 1000))
    await kept(sources, b"bbbb", 1001)
    assert writing.exists()


# Only the name `os` inside workers.engine.sources is replaced, never a function that all of Python shares.


async def test_another_worker_evicts_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = Sources(tmp_path, 4)
    gone = await kept(sources, b"aaaa", 1000)

    def scandir(folder: Any) -> list[os.DirEntry[str]]:
        found = list(os.scandir(folder))
        gone.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(module, "os", SimpleNamespace(scandir=scandir, utime=os.utime))
    assert (await kept(sources, b"bbbb", 1001)).read_bytes() == b"bbbb"


async def test_a_copy_that_vanishes_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources, remote = Sources(tmp_path, 1000), Remote({"k": b"film"})
    copy = await fetch(sources, remote, "k", name(b"film"))

    def utime(path: Path) -> None:
        copy.unlink(missing_ok=True)
        os.utime(path)

    monkeypatch.setattr(module, "os", SimpleNamespace(scandir=os.scandir, utime=utime))
    path = await fetch(sources, remote, "k", name(b"film"))
    assert path.read_bytes() == b"film"
    assert remote.fetched == ["k", "k"]


async def test_the_same_bytes_again_leave_the_file_that_others_read(tmp_path: Path) -> None:
    """A sandbox allows an inode, not a name: a step under way reads on when the same file is uploaded again."""
    sources = Sources(tmp_path / "s", 1000)
    first = (await kept(sources, b"film", 1)).stat()
    again = (await kept(sources, b"film", 2)).stat()
    assert (again.st_ino, again.st_nlink) == (first.st_ino, 1)
    assert files(tmp_path / "s") == {name(b"film")}


async def test_a_copy_that_was_cut_short_is_replaced(tmp_path: Path) -> None:
    sources = Sources(tmp_path / "s", 1000)
    path = await kept(sources, b"film", 1)
    path.write_bytes(b"fi")
    assert (await kept(sources, b"film", 2)).read_bytes() == b"film"
    assert files(tmp_path / "s") == {name(b"film")}
