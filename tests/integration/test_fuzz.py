"""Damaged files through the real sandboxed probe, the plan, and for some of them the encode: `kadr bench fuzz`."""

import itertools
import secrets
from pathlib import Path

import pytest

from benchmarks.fuzz import trial
from benchmarks.questions.fuzz import fuzz, make_originals
from core.settings import MIB
from tests.media import generate

SECONDS = 120


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("fuzz") / "clip.mp4"
    generate(path, "testsrc2=size=64x48:rate=25:duration=1", "sine=duration=1")
    return {path.name: path.read_bytes()}


async def test_a_few_damaged_files(clip: dict[str, bytes], tmp_path: Path) -> None:
    summary = await fuzz(clip, iter(range(6)), seed=1, seconds=600, jobs=2, kept=tmp_path)
    assert summary.cases == 6
    assert summary.faults == {}
    assert summary.codes["corrupt"]
    assert summary.codes["planned"] + summary.codes["encoded"] + summary.codes["copied"]
    assert list(tmp_path.iterdir()) == []


async def test_a_case_that_is_asked_for_is_encoded(clip: dict[str, bytes], tmp_path: Path) -> None:
    """The file as it is, where mutations have left it so, is published and decodes."""
    whole = {number for number in range(300) if trial.make_case(clip, 2, number).content == clip["clip.mp4"]}
    case = next(iter(sorted(whole)), None)
    assert case is not None, "no mutation of so many leaves the file as it is"
    summary = await fuzz(clip, iter([case]), seed=2, seconds=600, jobs=1, kept=tmp_path, encoded=True)
    assert summary.faults == {}
    assert list(summary.codes) == ["copied"]


async def test_the_input_of_a_fault_is_kept(
    clip: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it becomes, its child takes more than a bound below nothing."""
    monkeypatch.setattr(trial, "PROBE_BYTES", -MIB)
    summary = await fuzz(clip, iter([3]), seed=1, seconds=600, jobs=1, kept=tmp_path)
    assert "MiB, more than -1" in summary.faults[3]
    (kept,) = tmp_path.iterdir()
    assert kept.name == "1-3.mp4"
    assert kept.read_bytes() == trial.make_case(clip, 1, 3).content


@pytest.mark.acceptance("two minutes of damaged files: make test has a few")
async def test_two_minutes_of_damaged_files(tmp_path: Path) -> None:
    """Another seed each time, which it prints: `kadr bench fuzz --seed SEED --case NUMBER` repeats what fails."""
    seed = secrets.randbelow(1_000_000)
    files = await make_originals(None, 2)
    summary = await fuzz(files, itertools.count(), seed=seed, seconds=SECONDS, jobs=2, kept=tmp_path)
    assert summary.faults == {}, summary.line()
    assert summary.cases > 20
    assert len(summary.codes) > 3
