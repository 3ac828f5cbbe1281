"""`kadr bench gate` on this repository and a commit more: what is planted in it is caught, and nothing else is."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.machine import parse_report
from benchmarks.questions import gate
from tests import gate_plants, runs

SECONDS = 60


def judged(
    base: str, folder: Path, capsys: pytest.CaptureFixture[str], *cases: str
) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what was found by case."""
    seconds = str(SECONDS * runs.patience())
    code = gate.main([base, "--repository", str(folder), "--seconds", seconds, "--only", *cases])
    printed = parse_report(capsys.readouterr().out)
    assert printed is not None
    return code, {one["case"]: one for one in printed[1]["cases"]}


def test_a_slower_playlist_and_a_changed_byte_are_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = gate_plants.clone(tmp_path / "clone")
    gate_plants.slower_sessions(tmp_path / "clone")
    gate_plants.changed_byte(tmp_path / "clone")
    gate_plants.commit(tmp_path / "clone")
    code, found = judged(base, tmp_path / "clone", capsys, "sessions")
    assert code == 1
    assert {case: one["cost"]["verdict"] == "slower" for case, one in found.items()} == {
        "sessions": True,
        "viewers": True,
        "signing": False,
        "packaging": False,
    }
    assert {case: bool(one["output"]["changed"]) for case, one in found.items()} == {
        "sessions": True,  # the revision's id, which is in every URL, is the digest of what is in it
        "viewers": True,
        "signing": True,
        "packaging": True,
    }


def test_a_slower_encode_is_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = gate_plants.clone(tmp_path / "clone")
    gate_plants.slower_encodes(tmp_path / "clone")
    gate_plants.commit(tmp_path / "clone")
    code, found = judged(base, tmp_path / "clone", capsys, "encode-motion")
    assert code == 1
    one = found["encode-motion"]
    assert one["cost"]["verdict"] == "slower"
    assert one["output"]["changed"]
    assert "Changes the bytes of" in one["output"]["explained"]


def test_without_a_change_it_is_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = gate_plants.clone(tmp_path / "clone")
    gate_plants.nothing(tmp_path / "clone")
    gate_plants.commit(tmp_path / "clone")
    code, found = judged(base, tmp_path / "clone", capsys, "encode-motion", "sessions")
    assert code != 1
    assert [case for case, one in found.items() if one["fails"] or one["output"]["shaky"]] == []
    assert len(found) == 5
