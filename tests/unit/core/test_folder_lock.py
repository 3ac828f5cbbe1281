"""core.folder_lock: one process at a time works in a folder, which may be removed or renamed by whoever does."""

import asyncio
import shutil
from pathlib import Path

import pytest

from core import folder_lock
from core.errors import ConfigError, Transient
from core.folder_lock import alone_in, free


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_lock, "ASKS_EVERY_S", 0.01)


@pytest.mark.parametrize("end", ["kept", "removed", "renamed"])
async def test_the_second_waits_for_the_first(end: str, tmp_path: Path) -> None:
    folder, order = tmp_path / "in" / "work", []
    inside, leave = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with alone_in(folder):
            order.append("first")
            inside.set()
            await leave.wait()
            if end == "removed":
                shutil.rmtree(folder)
            if end == "renamed":
                folder.rename(tmp_path / "whole")
            order.append("first has left")

    async def second() -> None:
        await inside.wait()
        async with alone_in(folder, waiting=lambda: (order.append("second waits"), leave.set())):
            order.append("second")
            assert folder.is_dir()

    async with asyncio.timeout(30):
        await asyncio.gather(first(), second())
    assert order == ["first", "second waits", "first has left", "second"]


async def test_a_free_folder_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    await free(folder)
    assert not folder.exists()
    async with alone_in(folder):
        waiting = asyncio.create_task(free(folder))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    async with asyncio.timeout(30):
        await waiting
    await free(folder)  # a folder that a killed process left


async def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_lock, "WAITS_S", 0.02)
    async with alone_in(tmp_path / "work"):
        await free(tmp_path / "work")
        with pytest.raises(Transient, match="another process has held"):
            async with alone_in(tmp_path / "work"):
                pass


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file cannot be written: "):
        async with alone_in(tmp_path / "file" / "work"):
            pass
