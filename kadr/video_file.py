"""Whether a path can be uploaded: `python -I kadr/video_file.py FILE` and `kadr up --video FILE` ask before they start.

In: a path, `~` allowed. Out: "" or a sentence that names the path as it was given and what is wrong with it. It looks
at the file system only; whether the content is video, the pipeline says.

The Makefile runs this file before anything is installed, so it imports the standard library only.
"""

import os
import sys
from pathlib import Path


def problem_with(given: Path) -> str:
    """A sentence about a path that is no readable file with content, else an empty string."""
    try:
        path = given.expanduser()
    except RuntimeError:
        return f"{given}: there is no such home folder"
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
    problem = problem_with(Path(sys.argv[1]))
    if problem:
        sys.exit(f"VIDEO={problem}")


if __name__ == "__main__":
    main()
