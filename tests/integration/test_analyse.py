"""transcode.pertitle.analyse and its command: real samples of real files, in the real sandbox."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path, PurePosixPath

import pytest

from core.sandbox.child import ChildRunner
from presets.effort import Effort
from tests.media import FFMPEG, generate, shared
from tests.selection import some
from transcode.pertitle import analyse
from transcode.pertitle.model import choose
from transcode.pertitle.samples import encode_cpu_s, plan_samples, sample_argv
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import EncodePlan, Options
from transcode.probe.probe import probe
from transcode.probe.source import Index, Source, SourceGop


async def planned(file: Path, folder: Path, effort: Effort = Effort.QUALITY) -> tuple[EncodePlan, Source, Index | None]:
    runner = await ChildRunner.detect("best-effort")
    work = folder / "probe"
    work.mkdir()
    source, index = await probe(file, work, runner, max_pixels=8192 * 8192, max_duration_s=36_000)
    return build_plan(source, index, Options(effort=effort)), source, index


async def analysed(
    file: Path, folder: Path, effort: Effort = Effort.QUALITY
) -> tuple[EncodePlan, analyse.Analysis, list[float]]:
    made, source, index = await planned(file, folder, effort)
    runner = await ChildRunner.detect("best-effort")
    work, seen = folder / "samples", list[float]()
    work.mkdir()
    found = await analyse.analyse(made, file, source, index, work, runner, FFMPEG, seen.append)
    return made, found, seen


async def test_points_of_a_film_survive_being_kept(tmp_path: Path) -> None:
    made, found, seen = await analysed(shared("core/bbb_1080p24_20s_aac51.mp4"), tmp_path)
    assert found.skipped is None
    assert seen == [0.0, 1.0]
    assert len(found.points) >= 2
    assert found.points[0].short_side == 1080
    for point in found.points:
        assert point.vmaf_mean is not None
        assert point.vmaf_p1 is not None
        # Frame for frame against itself: one frame beside it, and this animation scores below 60 at full size.
        assert point.vmaf_p1 <= point.vmaf_mean
        assert (85 if point.short_side == 1080 and point.crf < 26 else 30) < point.vmaf_mean < 99
        assert 100_000 < point.bps < 8_000_000
    # How much CPU that takes depends on the machine and on what else runs there: only that it was counted.
    assert found.cpu_s > 0
    ladder = choose(made.rungs, analyse.model(found, made), Effort.QUALITY, frozenset())
    assert ladder.choices[0].rung_id == "v1080"
    assert 18 <= ladder.choices[0].crf <= 28
    assert 2 <= len(ladder.choices) <= 5
    assert analyse.from_json(analyse.to_json(found)) == found


@pytest.mark.parametrize(
    "name",
    some(
        [
            "core/head_vertical_hevc_1080x1920_20s.mp4",  # vertical, HEVC
            "odd/mpeg2_1080i50_hdv_anamorphic_1s.mov",  # interlaced, not square
            "core/elephantsdream_576p24_20s_2audio.ts",  # seeks in a transport stream
        ],
        ["odd/mpeg2_1080i50_hdv_anamorphic_1s.mov", "core/elephantsdream_576p24_20s_2audio.ts"],
    ),
)
async def test_prepared_as_the_encode(name: str, tmp_path: Path) -> None:
    _, found, _ = await analysed(shared(name), tmp_path)
    assert found.skipped is None or "a quarter" in found.skipped
    for point in found.points:
        assert point.vmaf_mean is not None
        assert point.vmaf_mean > 40


async def test_a_short_clip_is_measured_at_one_point(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    generate(clip, "testsrc2=size=1280x720:rate=24:duration=4", None)
    made, found, seen = await analysed(clip, tmp_path, Effort.BALANCED)
    assert len(found.points) == 1
    assert seen == [0.0, 1.0]
    assert choose(made.rungs, analyse.model(found, made), Effort.BALANCED, frozenset()).choices


async def test_samples_that_cannot_be_read_are_no_failure(tmp_path: Path) -> None:
    """The file is cut after it was planned: what is left of it opens nowhere."""
    file = tmp_path / "film.mp4"
    generate(file, "testsrc2=size=1280x720:rate=24:duration=12", None, "-g", "48")
    made, source, index = await planned(file, tmp_path)
    assert plan_samples(made, source, index).skipped is None
    file.write_bytes(file.read_bytes()[:4000])
    runner = await ChildRunner.detect("best-effort")
    found = await analyse.analyse(made, file, source, index, tmp_path / "probe", runner, FFMPEG, lambda _: None)
    assert found.points == ()
    assert "could not be measured" in (found.skipped or "")


def long_title(tmp: EncodePlan, source: Source) -> tuple[EncodePlan, Source, Index]:
    """Ten minutes at 24 frames a second, every tenth GOP ten times as heavy, a black start."""
    frames = 14_400
    assert source.video is not None
    video = replace(source.video, frame_rate=Fraction(24), frames=frames, duration_s=Fraction(600))
    gops = tuple(
        SourceGop(frame=at, frames=48, bytes=500 if at == 0 else 400_000 if at % 480 == 0 else 40_000)
        for at in range(0, frames, 48)
    )
    made = replace(tmp, frame_rate=Fraction(24), frames=frames, shown_frames=frames, gop_frames=48)
    return made, replace(source, video=video, duration_s=Fraction(600)), Index(gops=gops, all_idr=True, constant=True)


async def test_where_samples_are_taken(clip: Path, tmp_path: Path) -> None:
    made, source, index = long_title(*(await planned(clip, tmp_path, Effort.ECONOMY))[:2])
    samples = plan_samples(made, source, index)
    assert samples.cpu_s <= 1.05 * samples.budget_s
    assert samples.budget_s == pytest.approx(0.1 * encode_cpu_s(made, source))
    assert len(samples.starts_s) == 8
    assert samples.sample_frames == 48
    assert len(samples.encodes) >= 3
    # Just after keyframes, spread, and never in the black start.
    assert all(start % 2 == Fraction(1, 96) for start in samples.starts_s)
    assert samples.starts_s == tuple(sorted(set(samples.starts_s)))
    assert samples.starts_s[0] >= 1
    heavy = [start for start in samples.starts_s if int(start) % 20 == 0]
    assert len(heavy) <= 1
    # One in ten GOPs makes half of the bytes: what was not looked at is made up for.
    assert samples.weight == pytest.approx((76_000 / 40_000) ** 0.8 if not heavy else samples.weight, rel=0.05)


async def test_the_words_of_the_run(clip: Path, tmp_path: Path) -> None:
    made, source, index = long_title(*(await planned(clip, tmp_path, Effort.ECONOMY))[:2])
    samples = plan_samples(made, source, index)
    argv = sample_argv(made, samples, "ffmpeg", PurePosixPath("/in/a;b.mp4"))
    assert argv.count("file:/in/a;b.mp4") == argv.count("-i") == 8
    assert argv.count("-dec") == len(samples.encodes)
    assert argv.count("-filter_complex") == 2 + len(samples.encodes)
    assert not [word for word in argv if word.startswith("reference")]
    # Nothing but texts is written.
    outputs = [argv[at + 2] for at, word in enumerate(argv) if word == "-f" and argv[at + 1] == "null"]
    assert "mp4" not in argv
    assert set(outputs) >= {"-"}


def test_bit_rate_of_a_title_from_short_gops() -> None:
    """Two GOPs of 3 frames, a title with a keyframe every 10: (1000 + 9 x 100) bytes per 10 frames."""
    sizes = "1000 K\n100 N\n100 N\n1000 K\n100 N\n100 N\n"
    assert analyse.title_bps(sizes, 10, 25.0) == pytest.approx(1900 / 10 * 8 * 25)
