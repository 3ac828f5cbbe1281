"""One log file per child: appended to, rotated at a start when it has grown large, quoted when the child fails."""

import os
from pathlib import Path

ROTATE_BYTES = 20 * 1024 * 1024
TAIL_LINES, TAIL_BYTES = 15, 4096


def open_log(path: Path) -> int:
    """A file descriptor that appends to `path`; the caller closes it. A log above ROTATE_BYTES becomes NAME.log.1."""
    if path.exists() and path.stat().st_size > ROTATE_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def end_of_log(path: Path, since: int = 0) -> str:
    """The last lines written after the byte offset `since`, worded to follow a semicolon in an error message."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            # A log shorter than the offset has been rotated since.
            file.seek(max(size - TAIL_BYTES, since if since <= size else 0))
            lines = file.read().decode("utf-8", "replace").splitlines()[-TAIL_LINES:]
    except OSError as exc:
        return f"its log {path} cannot be read: {exc.strerror}"
    if not lines:
        return f"it wrote nothing to {path}"
    return "\n".join((f"the end of {path}:", *(f"  {line}" for line in lines)))


def size(log: Path) -> int:
    """Its size in bytes, 0 where there is none yet."""
    return log.stat().st_size if log.exists() else 0


def lines_since(path: Path, offset: int) -> tuple[list[str], int]:
    """The whole lines written after the byte `offset`, and the offset for the next call. No file: none yet."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            whole, newline, _ = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return [], offset
    return whole.decode("utf-8", "replace").splitlines(), offset + len(whole) + len(newline)
