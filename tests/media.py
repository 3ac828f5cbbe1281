"""Media for tests: small files made on the spot, and the shared clips where they are there."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests import runs

SHARED = Path(__file__).parents[2] / "shared" / "media"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def generate(path: Path, video: str, audio: str | None = None, *options: str) -> None:
    """Encode the lavfi sources `video` and `audio` (AAC) into `path`; `options` go to the video encoder."""
    sound = ["-f", "lavfi", "-i", audio, "-c:a", "aac"] if audio else []
    subprocess.run(
        [
            *(FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", video, *sound),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *options, str(path)),
        ],
        check=True,
        timeout=60 * max(2, runs.patience()),
    )


def shared(name: str) -> Path:
    """The path of a clip of ../shared/media; the test is skipped by the clip's name where it is missing."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"shared clip {name} is not here")
    return path
