"""The short clips of the benchmark: how they are cut, and what the table says of them."""

from pathlib import Path

import pytest

from benchmarks.transcode import short_clips
from core.errors import KadrError
from tests.media import FFMPEG, generate
from transcode.probe.probe_child import probe


@pytest.mark.parametrize("seconds", [1, 5])
def test_a_clip_is_cut_or_repeated(tmp_path: Path, seconds: int) -> None:
    file = tmp_path / "clip.mp4"
    generate(file, "testsrc2=s=160x96:r=10:d=2", "sine=d=2", "-g", "10", "-bf", "0")
    part = short_clips.cut(file, tmp_path, seconds, FFMPEG)
    source = probe(part, 10**9, 10**6).source
    assert float(source.duration_s) == pytest.approx(seconds, abs=0.2)
    assert source.video
    assert len(source.audio) == 1


def test_what_is_no_clip_is_named(tmp_path: Path) -> None:
    file = tmp_path / "text.mp4"
    file.write_text("no video")
    with pytest.raises(KadrError, match=r"text\.mp4 cannot be cut"):
        short_clips.cut(file, tmp_path, 4, FFMPEG)


def test_the_table_has_ratios_and_names_failures() -> None:
    systems = {"same": {"cpu_s": 5.5, "ratio": 1.1}, "balanced": {"error": "no"}, "A": {"cpu_s": 5.0, "ratio": 1.0}}
    table = short_clips.table([{"clip": {"name": "cups_4s.mp4", "seconds": 4.0}, "systems": systems}])
    assert table.splitlines()[1].split() == ["cups_4s.mp4", "5.50", "(1.10)", "failed", "5.00", "(1.00)"]


def test_pictures_are_shown_as_a_share_of_the_fixed_ladder() -> None:
    systems = {"same": {"cpu_s": 20.0}, "pictures": {"cpu_s": 1.5, "share": 0.075}}
    table = short_clips.table([{"clip": {"name": "cups_15s.mp4", "seconds": 15.0}, "systems": systems}])
    assert table.splitlines()[1].split() == ["cups_15s.mp4", "20.00", "1.50", "(7.5%)"]
