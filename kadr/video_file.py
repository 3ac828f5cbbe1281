"""Check that a path can be uploaded, before `make up VIDEO=FILE` or `kadr up --video FILE` starts anything.

In: a path, `~` allowed. Out: "" or a sentence with the path as it was given and what is wrong with it. Only the file
system is looked at; whether the content is video is decided by the pipeline.

The Makefile runs this file before anything is installed, so it imports the standard library only.
"""

import os
import sys
from pathlib import Path


def problem_with(given: Path) -> str:
    """Why the path is not a readable file with content, as a sentence; empty when it is one."""
    try:
        path = given.expanduser()
    except RuntimeError:
        return f"{given}: there is no such home directory"
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return f"{given}: no such file (looked in {Path.cwd()})" if not path.is_absolute() else f"{given}: no such file"
    except (OSError, ValueError) as exc:
        return f"{given}: {getattr(exc, 'strerror', None) or exc}"
    if path.is_dir():
        return f"{given} is a folder; name one video file"
    if not path.is_file():
        return f"{given} is not a regular file; name one video file"
    if not os.access(path, os.R_OK):
        return f"{given} cannot be read by this user"
    if size == 0:
        return f"{given} is empty"
    return ""


def main() -> None:
    """Exit with 1 and a sentence when the file named on the command line cannot be uploaded."""
    problem = problem_with(Path(sys.argv[1]))
    if problem:
        sys.exit(f"VIDEO={problem}")


if __name__ == "__main__":
    main()
