"""Media that several unit tests read, encoded once per process; hypothesis' settings."""

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from tests.encodes import Encodes, encoded
from tests.hls_titles import publish

# Time is no matter of a test: a busy machine is not a failure. `make unit` asks for `quick`, all other runs are `full`.
settings.register_profile("full", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("full")


@pytest.fixture(scope="session")
def encodes(tmp_path_factory: pytest.TempPathFactory) -> Encodes:
    """8.4 s of picture and sound as the pipeline encodes them; read-only."""
    return encoded(tmp_path_factory.mktemp("encodes"))


@pytest.fixture(scope="session")
def sound_title(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder; nobody writes into it."""
    return publish(tmp_path_factory.mktemp("checked") / "title").parent


@pytest.fixture
def title(sound_title: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(sound_title, tmp_path / "title"))
