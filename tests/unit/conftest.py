"""Media that several unit tests read, encoded once per process; hypothesis' settings; a ladder of the tests' own."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from presets.profile import DEFAULT_NAME, Profile, profile
from presets.rung import Codec, Rung
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


# What tests hold of rungs must not change with the numbers in presets/profiles.yaml.
LADDER = tuple(
    Rung(short_side=short_side, cap_bps=cap_bps)
    for short_side, cap_bps in (
        *((1080, 6_000_000), (720, 3_000_000), (540, 2_000_000)),
        *((432, 1_100_000), (360, 365_000), (234, 145_000)),
    )
)


@pytest.fixture
def own_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of the default profile have the H.264 rungs of LADDER."""

    def with_own_ladder(name: str) -> Profile:
        known = profile(name)
        return replace(known, ladders={**known.ladders, Codec.H264: LADDER}) if name == DEFAULT_NAME else known

    monkeypatch.setattr("transcode.plan.build.profile", with_own_ladder)
