"""An operator's presets laid over ours: what is merged, what is taken whole, and how a mistake is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ConfigError
from presets.document import laid_over, parse
from presets.profile import ProfilesForm
from presets.rung import Codec
from tests.checks import ROOT

SHIPPED = (ROOT / "presets" / "profiles.yaml").read_text("utf-8")


def laid(folder: Path, text: str) -> ProfilesForm:
    own = folder / "profiles.yaml"
    own.write_text(text)
    return parse("profiles.yaml", SHIPPED, ProfilesForm, own)


@pytest.mark.parametrize(
    ("own", "merged"),
    [
        (None, {"a": {"x": 1, "y": [1, 2]}, "ladder": {720: 3, 360: 1}}),
        ({"a": {"x": 2}}, {"a": {"x": 2, "y": [1, 2]}, "ladder": {720: 3, 360: 1}}),
        ({"a": {"y": [3]}}, {"a": {"x": 1, "y": [3]}, "ladder": {720: 3, 360: 1}}),
        ({"ladder": {720: 3}}, {"a": {"x": 1, "y": [1, 2]}, "ladder": {720: 3}}),
        ({"ladder": {}}, {"a": {"x": 1, "y": [1, 2]}, "ladder": {}}),
        ({"ladder": None, "b": {"z": 1}}, {"a": {"x": 1, "y": [1, 2]}, "b": {"z": 1}}),
    ],
)
def test_what_is_merged(own: object, merged: object) -> None:
    ours = {"a": {"x": 1, "y": [1, 2]}, "ladder": {720: 3, 360: 1}}
    assert laid_over(ours, own) == merged
    assert ours == {"a": {"x": 1, "y": [1, 2]}, "ladder": {720: 3, 360: 1}}


def test_a_rung_is_dropped_and_all_else_stays(tmp_path: Path) -> None:
    profiles = laid(tmp_path, "standard: {ladders: {h264: {720: 3_000_000, 360: 365_000}}}").root
    shipped = parse("profiles.yaml", SHIPPED, ProfilesForm).root
    assert list(profiles["standard"].ladders[Codec.H264]) == [720, 360]
    assert profiles["standard"].ladders[Codec.HEVC] == shipped["standard"].ladders[Codec.HEVC]
    assert profiles["standard"].gop_s == shipped["standard"].gop_s
    assert profiles["lecture"] == shipped["lecture"]


def test_a_profile_is_added_and_one_removed(tmp_path: Path) -> None:
    audio = "{ladders: {}, gop_s: 2, gops_per_segment: 3, fastest_rate: 60, fast_above_side: 480, audio_bps: 64_000}"
    names = list(laid(tmp_path, f"lecture: null\npodcast: {audio}").root)
    assert names == ["standard", "short-vertical", "audio-only", "podcast"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("standard: {ladders: {h264: {360: 365_000, 720: 3_000_000}}}", "go down in short side"),
        ("standard: {gopp_s: 2}", "gopp_s is no key known here"),
        ("standard: [", "line 2: did not find expected node content"),
        ("a: 1\na: 2", "stands twice"),
        ("standard: null", "must have the profile standard"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        laid(tmp_path, text)
    assert str(raised.value).startswith(str(tmp_path / "profiles.yaml"))
    assert said in str(raised.value)


def command(folder: Path | str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kadr", *words],
        env={**os.environ, "KADR_PRESETS": str(folder)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_commands_know_the_operators_profiles(tmp_path: Path) -> None:
    (tmp_path / "posters.yaml").write_text(
        "shop:\n  {samples: 24, refine: 3, decode_frames: 200, cluster: 0.2, text: -0.3, cards: refused, weights: "
        "{sharpness: 0.4, stillness: 0.2, exposure: 0.2, saliency: 0.2, face: 0, colour: 0, position: 0}}\n"
    )
    assert "product,lecture,general,shop" in command(tmp_path, "posters", "--help").stdout


@pytest.mark.parametrize(
    ("name", "said"), [(None, "there is no such folder"), ("profile.yaml", "profile.yaml is laid")]
)
def test_a_folder_that_cannot_be_meant_stops_every_command(tmp_path: Path, name: str | None, said: str) -> None:
    folder = tmp_path / "own"
    if name is not None:
        folder.mkdir()
        (folder / name).write_text("")
    ended = command(folder, "posters", "--help")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"kadr: KADR_PRESETS={folder}: ")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
