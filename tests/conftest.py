"""What all tests share: one embedded stack per run, stacks of their own, and generated clips."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests import catalogue
from tests.media import FFMPEG, SHARED, generate, shared
from tests.stack import Stack, shared_stack

__all__ = ["FFMPEG", "SHARED", "generate", "shared"]
pytest_plugins = ["tests.plugin"]


@pytest.fixture(scope="session")
async def stack() -> Stack:
    """The one stack of this run: real PostgreSQL, Redis, S3, API, origin and worker on free ports.

    All processes of the run use it at once: count nothing in it that is not a test's own, and disturb nothing.
    """
    return await shared_stack()


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
def clip() -> Path:
    """7 s of 640x360 at 29.97 fps with sound: two segments, three rungs, quick to encode."""
    return catalogue.clip_file("clip")


@pytest.fixture(scope="session")
def tiny() -> Path:
    """2 s of 320x180 with sound: one rung, for titles that are only there to be changed or taken away."""
    return catalogue.clip_file("tiny")
