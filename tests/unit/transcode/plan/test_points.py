"""transcode.pertitle.analyse: what a run of samples leaves is read, or refused as unreadable."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.sources import source
from transcode.pertitle.analyse import UnreadableScores, read_points
from transcode.pertitle.samples import SampleEncode, SamplePlan, score_file, size_file
from transcode.plan.build import build_plan

PLAN = build_plan(source(), None)
SAMPLES = SamplePlan(
    starts_s=(Fraction(0),),
    sample_frames=48,
    encodes=(SampleEncode(width=1920, height=1080, crf=24),),
    cpu_s=1.0,
    budget_s=1.0,
    weight=1.0,
)
SIZES = "9000 K\n" + "1000 N\n" * 47


def left(folder: Path, scores: Any, sizes: str) -> None:
    (folder / score_file(0)).write_text(scores if isinstance(scores, str) else json.dumps(scores))
    (folder / size_file(0)).write_text(sizes)


def scored(*values: float | None) -> dict[str, Any]:
    return {"frames": [{"metrics": {"vmaf": value}} for value in values]}


def test_points_are_read(tmp_path: Path) -> None:
    left(tmp_path, scored(80.0, 90.0), SIZES)
    (point,) = read_points(PLAN, SAMPLES, tmp_path)
    assert (point.short_side, point.vmaf_mean, point.vmaf_p1) == (1080, 85.0, 80.0)
    assert point.bps > 0


@pytest.mark.parametrize(
    ("scores", "sizes"),
    [
        pytest.param(scored(), SIZES, id="no frame was scored"),
        pytest.param(scored(90.0, None), SIZES, id="libvmaf writes null for what is no number"),
        pytest.param('{"frames": [{"metrics": {"vmaf": NaN}}]}', SIZES, id="not a number"),
        pytest.param([], SIZES, id="another document"),
        pytest.param("", SIZES, id="an empty file"),
        pytest.param(scored(90.0), "", id="no packet"),
        pytest.param(scored(90.0), "0 K\n", id="an empty packet"),
    ],
)
def test_what_cannot_be_a_measurement_is_none(tmp_path: Path, scores: Any, sizes: str) -> None:
    left(tmp_path, scores, sizes)
    with pytest.raises(UnreadableScores):
        read_points(PLAN, SAMPLES, tmp_path)
