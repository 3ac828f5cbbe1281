"""The file that is being uploaded: its size, its bytes in blocks, and whether it is still the same on disk."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from kadr_client.errors import UploadError

BLOCK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file as it was when it was looked at. Its size and time say later whether it has been changed."""

    path: Path
    size_bytes: int
    mtime_ns: int

    @classmethod
    async def of(cls, path: str | os.PathLike[str]) -> "SourceFile":
        """Raises UploadError `no_file` where there is no file."""
        file = Path(path)
        if not await asyncio.to_thread(file.is_file):
            raise UploadError("no_file", f"{file}: no such file.")
        found = await asyncio.to_thread(file.stat)
        return cls(path=file, size_bytes=found.st_size, mtime_ns=found.st_mtime_ns)

    @property
    def name(self) -> str:
        """Its name as the API takes it; bytes that are not UTF-8 become replacement characters."""
        return os.fsencode(self.path.name).decode("utf-8", "replace")[-255:]

    async def sha256(self) -> str:
        """SHA-256 of its content, in hexadecimal. Reads all of it. Raises UploadError `file_changed`."""
        try:
            return await asyncio.to_thread(_sha256, self.path)
        except OSError as exc:
            raise self._changed(str(exc)) from exc

    async def blocks(self, start: int, size: int) -> AsyncIterator[bytes]:
        """`size` bytes from `start` on. Raises UploadError `file_changed` where they are not there any more."""
        end = start + size
        while start < end:
            try:
                block = await asyncio.to_thread(_read, self.path, start, min(BLOCK_BYTES, end - start))
            except OSError as exc:
                raise self._changed(str(exc)) from exc
            if not block:
                raise self._changed("it has become shorter")
            start += len(block)
            yield block

    async def check_unchanged(self) -> None:
        """Raises UploadError `file_changed` where the file is not the one it was."""
        try:
            found = await asyncio.to_thread(self.path.stat)
        except OSError as exc:
            raise self._changed(str(exc)) from exc
        if (found.st_size, found.st_mtime_ns) != (self.size_bytes, self.mtime_ns):
            raise self._changed("its size or time is another one")

    def _changed(self, how: str) -> UploadError:
        return UploadError(
            "file_changed", f"{self.path} was changed while it was uploaded: {how}.", hint="Upload it again."
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _read(path: Path, start: int, size: int) -> bytes:
    """Up to `size` bytes. Opened each time: whoever is cancelled between two blocks leaves no file open."""
    with path.open("rb") as opened:
        opened.seek(start)
        return opened.read(size)
