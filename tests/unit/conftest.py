"""Media that several unit tests read, encoded once per process; hypothesis' settings.

What makes them is imported by who asks for them: the process that only hands out the tests has no use for it.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.encodes import Encodes

# Time is no matter of a test: a busy machine is not a failure. `make unit` asks for `quick`, all other runs are `full`.
settings.register_profile("full", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("full")


@pytest.fixture(scope="session")
def encodes(tmp_path_factory: pytest.TempPathFactory) -> "Encodes":
    """8.4 s of picture and sound as the pipeline encodes them; read-only."""
    from tests.encodes import encoded

    return encoded(tmp_path_factory.mktemp("encodes"))


@pytest.fixture(scope="session")
def sound_title(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder; nobody writes into it."""
    from tests.hls_titles import publish

    return publish(tmp_path_factory.mktemp("checked") / "title").parent


@pytest.fixture
def title(sound_title: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(sound_title, tmp_path / "title"))
