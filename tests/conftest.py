"""What all tests share: one embedded stack per run, generated clips, the shared ones where they are there."""

import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.published import broken_rules
from tests.stack import Stack

SHARED = Path(__file__).parents[2] / "shared" / "media"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--acceptance", action="store_true", help="also run every clip of ../shared/media")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--acceptance"):
        return
    skip = pytest.mark.skip(reason="every shared clip: only with --acceptance (make acceptance)")
    for item in items:
        if "acceptance" in Path(item.path).parts:
            item.add_marker(skip)


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The one stack of this run: real PostgreSQL, Redis, S3, API, origin and worker on free ports."""
    running = Stack(tmp_path_factory.mktemp("stack") / "home")
    await running.start()
    yield running
    broken = await broken_rules(running)
    assert await running.stop() == 0
    assert broken == {}, "titles that break a rule of HLS"
    assert list(running.programs()) == [], "kadr up left programs behind"


@pytest.fixture
async def own_stack(tmp_path: Path) -> AsyncIterator[Callable[..., Stack]]:
    """Makes stacks for one test alone, which starts them; they are stopped whatever becomes of the test."""
    made: list[Stack] = []

    def make(**env: str) -> Stack:
        made.append(Stack(tmp_path / f"home{len(made)}", env=env))
        return made[-1]

    yield make
    for one in made:
        if one.up is not None:
            assert await one.stop() == 0
            assert list(one.programs()) == [], "kadr up left programs behind"


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """7 s of 640x360 at 29.97 fps with sound: two segments, three rungs, quick to encode."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    generate(path, "testsrc2=size=640x360:rate=30000/1001:duration=7", "sine=frequency=440:duration=7")
    return path


def generate(path: Path, video: str, audio: str | None = None, *options: str) -> None:
    """A small real file from lavfi sources."""
    sound = ["-f", "lavfi", "-i", audio, "-c:a", "aac"] if audio else []
    subprocess.run(
        [
            *(FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", video, *sound),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *options, str(path)),
        ],
        check=True,
        timeout=60,
    )


def shared(name: str) -> Path:
    """A clip of ../shared/media, or a skip by name."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"shared clip {name} is not here")
    return path
