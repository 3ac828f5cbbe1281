"""The origin's disk cache against a storage that counts: one read for all, a bound, a restart, a disk that is full."""

import asyncio
import errno
import hashlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.errors import ObjectMissing, Transient
from core.model import AssetId
from core.storage.s3 import Storage
from origin.delivery.disk_cache import DiskCache
from origin.delivery.disk_cache_index import DiskCacheIndex
from packager.revision import File


class Counting(Storage):
    """Objects in memory. `opened` lets reads go on; every read is counted."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def stream(self, bucket: str, key: str, first: int = 0, last: int | None = None) -> AsyncIterator[bytes]:
        assert bucket == "b"
        self.reads.append(key)
        await self.gate.wait()
        if key not in self.objects:
            raise ObjectMissing
        content = self.objects[key]
        for at in range(0, len(content), 1000):
            yield content[at : at + 1000]

    def file(self, content: bytes, key: str | None = None) -> File:
        """An object with this content; its description."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.objects[key or sha256] = content
        return File(key=key or sha256, size_bytes=len(content), sha256=sha256, type="video/iso.segment")


@pytest.fixture
def storage() -> Counting:
    return Counting()


@asynccontextmanager
async def cache_in(folder: Path, storage: Storage, limit_bytes: int = 80_000) -> AsyncIterator[DiskCache]:
    cache = DiskCache(storage, "b", folder, limit_bytes)
    async with cache.running():
        yield cache


async def read(cache: DiskCache, file: File) -> bytes:
    async with cache.opened(file) as opened:
        return os.pread(opened, file.size_bytes + 1, 0)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_five_hundred_at_once_read_storage_once(storage: Counting, tmp_path: Path) -> None:
    file = storage.file(b"segment" * 1000)
    storage.gate.clear()
    async with cache_in(tmp_path, storage) as cache:
        before = descriptors()
        readers = [asyncio.create_task(read(cache, file)) for _ in range(500)]
        await asyncio.sleep(0)
        storage.gate.set()
        assert set(await asyncio.gather(*readers)) == {b"segment" * 1000}
        assert await read(cache, file) == b"segment" * 1000
        assert storage.reads == [file.key]
        assert descriptors() == before


async def test_who_leaves_takes_nothing_from_the_others(storage: Counting, tmp_path: Path) -> None:
    file = storage.file(b"a" * 5000)
    storage.gate.clear()
    async with cache_in(tmp_path, storage) as cache:
        before = descriptors()
        first, second = (asyncio.create_task(read(cache, file)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        storage.gate.set()
        assert await second == b"a" * 5000
        # All leave: the read ends well and is kept.
        other = storage.file(b"b" * 5000)
        storage.gate.clear()
        alone = asyncio.create_task(read(cache, other))
        await asyncio.sleep(0.01)
        alone.cancel()
        await asyncio.gather(alone, return_exceptions=True)
        storage.gate.set()
        assert await read(cache, other) == b"b" * 5000
        assert storage.reads == [file.key, other.key]
        assert descriptors() == before


async def test_what_is_deleted_leaves_the_disk_and_the_rest_stays(storage: Counting, tmp_path: Path) -> None:
    gone = [storage.file(bytes([number]) * 100, key=f"assets/as_1/objects/{number}") for number in range(3)]
    kept = [storage.file(b"0" * 100, key=f"assets/{asset}/objects/0") for asset in ("as_10", "as_2")]
    async with cache_in(tmp_path, storage) as cache:
        for file in (*gone, *kept):
            await read(cache, file)
        assert cache.assets == {"as_1", "as_10", "as_2"}
    async with cache_in(tmp_path, storage) as cache:  # what an earlier run has kept is known as well
        async with cache.opened(gone[0]) as sending:
            cache.forget({AssetId("as_1"), AssetId("as_3")})
            assert os.pread(sending, 200, 0) == b"\0" * 100, "what is being sent is sent to its end"
        assert cache.assets == {"as_10", "as_2"}
        assert {entry.name.partition(".")[0] for entry in tmp_path.iterdir()} == {"as_10", "as_2"}
        storage.reads.clear()
        for file in kept:
            await read(cache, file)
        assert storage.reads == []


async def test_what_is_used_least_goes_first(storage: Counting, tmp_path: Path) -> None:
    files = [storage.file(bytes([number]) * 20_000) for number in range(5)]
    async with cache_in(tmp_path, storage) as cache:
        for file in files[:4]:
            await read(cache, file)
        await read(cache, files[0])
        await read(cache, files[4])
        assert {entry.name for entry in tmp_path.iterdir()} == {files[n].sha256 for n in (0, 2, 3, 4)}
        storage.reads.clear()
        for number in (0, 2, 3, 4):
            await read(cache, files[number])
        assert storage.reads == []


def test_a_scan_of_the_folder_keeps_the_order_of_use(tmp_path: Path) -> None:
    index = DiskCacheIndex(tmp_path, limit_bytes=25)
    first, second, third = (f"{number:064x}" for number in range(3))

    def add(name: str) -> None:
        part = index.part()
        part.write_bytes(b"0123456789")
        index.add(part, name, 10)

    add(first)
    add(second)
    found = index.open(first, 10)
    assert found, "its file was touched so recently that the use is not written to the disk"
    os.close(found[0])
    began = time.time()
    index.replace(index.scan(), began)
    add(third)
    assert {entry.name for entry in tmp_path.iterdir()} == {first, third}


async def test_a_reader_keeps_what_is_thrown_away(storage: Counting, tmp_path: Path) -> None:
    first, *more = [storage.file(bytes([number]) * 40_000) for number in range(4)]
    async with cache_in(tmp_path, storage) as cache, cache.opened(first) as opened:
        for file in more:
            await read(cache, file)
        assert not (tmp_path / first.sha256).exists()
        assert os.pread(opened, 50_000, 0) == b"\0" * 40_000


async def test_it_is_there_after_a_restart(storage: Counting, tmp_path: Path) -> None:
    old, new = storage.file(b"old" * 10_000), storage.file(b"new" * 10_000)
    async with cache_in(tmp_path, storage) as cache:
        await read(cache, old)
        await read(cache, new)
    os.utime(tmp_path / old.sha256, (1, 1))
    (tmp_path / "9-9.part").write_bytes(b"half")
    os.utime(tmp_path / "9-9.part", (1, 1))
    storage.reads.clear()
    async with cache_in(tmp_path, storage) as cache:
        assert not (tmp_path / "9-9.part").exists()
        assert await read(cache, new) == b"new" * 10_000
        assert storage.reads == []
        await read(cache, storage.file(b"x" * 30_000))
        assert not (tmp_path / old.sha256).exists(), "the order is known, too"


@pytest.mark.parametrize("damage", [b"", b"short", b"NEW" * 10_000])
async def test_what_a_crash_left_is_not_believed(storage: Counting, tmp_path: Path, damage: bytes) -> None:
    file = storage.file(b"new" * 10_000)
    (tmp_path / file.sha256).write_bytes(damage)
    async with cache_in(tmp_path, storage) as cache:
        before = descriptors()
        assert await asyncio.gather(*(read(cache, file) for _ in range(3))) == [b"new" * 10_000] * 3
        assert storage.reads == [file.key]
        assert (tmp_path / file.sha256).read_bytes() == b"new" * 10_000
        assert descriptors() == before


async def test_two_processes_share_a_folder(storage: Counting, tmp_path: Path) -> None:
    file = storage.file(b"a" * 9000)
    async with cache_in(tmp_path, storage) as one, cache_in(tmp_path, storage) as two:
        await read(one, file)
        assert await read(two, file) == b"a" * 9000
        assert storage.reads == [file.key]
        (tmp_path / file.sha256).unlink()  # thrown away by the other
        assert await read(one, file) == b"a" * 9000
        assert len(storage.reads) == 2


async def test_other_bytes_than_announced_are_refused(storage: Counting, tmp_path: Path) -> None:
    file = storage.file(b"a" * 3000, key="k")
    storage.objects["k"] = b"b" * 3000
    async with cache_in(tmp_path, storage) as cache:
        with pytest.raises(Transient):
            await read(cache, file)
        assert list(tmp_path.iterdir()) == []
        storage.objects["k"] = b"a" * 3000
        assert await read(cache, file) == b"a" * 3000


async def test_what_is_missing_is_said_to_all_and_asked_again(storage: Counting, tmp_path: Path) -> None:
    file = storage.file(b"a" * 3000)
    del storage.objects[file.key]
    async with cache_in(tmp_path, storage) as cache:
        before = descriptors()
        told = await asyncio.gather(*(read(cache, file) for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in told] == [ObjectMissing] * 3
        assert storage.reads == [file.key]
        storage.objects[file.key] = b"a" * 3000
        assert await read(cache, file) == b"a" * 3000
        assert descriptors() == before


async def test_without_a_folder_it_goes_on_from_memory(storage: Counting, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    file = storage.file(b"a" * 3000)
    storage.gate.clear()
    async with cache_in(tmp_path / "file" / "cache", storage) as cache:
        before = descriptors()
        readers = [asyncio.create_task(read(cache, file)) for _ in range(50)]
        await asyncio.sleep(0)
        storage.gate.set()
        assert set(await asyncio.gather(*readers)) == {b"a" * 3000}
        assert storage.reads == [file.key]
        await read(cache, file)
        assert len(storage.reads) == 2, "nothing was kept"
        assert descriptors() == before


async def test_on_a_full_disk_it_goes_on_from_memory(
    storage: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = storage.file(b"a" * 3000)
    monkeypatch.setattr(DiskCacheIndex, "part", lambda _: tmp_path / "full.part")
    (tmp_path / "full.part").symlink_to("/dev/full")
    async with cache_in(tmp_path, storage) as cache:
        # O_EXCL refuses a name that is taken, so the device is put in its place once it is open.
        opened = os.open

        def to_full(path: object, flags: int, *more: int) -> int:
            return opened("/dev/full" if str(path).endswith(".part") else path, flags & ~os.O_EXCL, *more)  # type: ignore[call-overload,no-any-return]

        monkeypatch.setattr(os, "open", to_full)
        assert await read(cache, file) == b"a" * 3000
        assert not (tmp_path / file.sha256).exists()
        assert len(storage.reads) == 2


async def test_a_disk_that_has_become_read_only_is_read(
    storage: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = storage.file(b"a" * 3000)
    async with cache_in(tmp_path, storage) as cache:
        await read(cache, file)
    (kept,) = tmp_path.iterdir()
    os.utime(kept, (0, 0))

    def refused(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    async with cache_in(tmp_path, storage) as cache:
        monkeypatch.setattr(os, "utime", refused)
        before = descriptors()
        assert await read(cache, file) == b"a" * 3000
        assert descriptors() == before
        assert len(storage.reads) == 1
