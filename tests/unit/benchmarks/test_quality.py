"""benchmarks.transcode.quality and renditions: scores, hulls and rates, and one real comparison of real encodes."""

import asyncio
import math
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.questions.transcode import look
from benchmarks.transcode import renditions
from benchmarks.transcode.peers import Clip, tuned
from benchmarks.transcode.quality import Point, bd_rate, delivered, hull, measure, pchip, pooled
from core.errors import KadrError
from core.settings import Settings
from tests.media import FFMPEG, generate


def points(*pairs: tuple[float, float]) -> list[Point]:
    return [Point(bps=bps, score=score) for bps, score in pairs]


LADDER = points((150e3, 48.0), (365e3, 73.0), (1.1e6, 82.0), (2e6, 88.0), (3e6, 93.0), (6e6, 96.0))


def test_frames_are_pooled_three_ways() -> None:
    found = pooled([80.0, *[100.0] * 199])
    assert found["vmaf_mean"] == pytest.approx(99.9)
    assert found["vmaf_harmonic"] == pytest.approx(200 / (1 / 81 + 199 / 101) - 1)
    assert found["vmaf_p1"] == pytest.approx(100.0)
    assert pooled([50.0, *[100.0] * 49])["vmaf_p1"] == pytest.approx(50 + 50 * 0.49)


def test_a_hull_drops_what_costs_more_or_sags() -> None:
    kept = points((100e3, 40), (400e3, 80), (3.2e6, 95))
    beaten = points((200e3, 39), (900e3, 81), (3.2e6, 90), (5e6, 95))
    assert hull([*beaten, *kept]) == kept


@given(st.lists(st.tuples(st.floats(0.01, 10), st.floats(0.01, 10)), min_size=1, max_size=8))
def test_interpolation_meets_its_knots_and_never_turns_back(steps: list[tuple[float, float]]) -> None:
    x = np.cumsum([0.0, *(dx for dx, _ in steps)])
    y = np.cumsum([1.0, *(dy for _, dy in steps)])
    assert pchip(x.tolist(), y.tolist(), x) == pytest.approx(y)
    assert np.all(np.diff(pchip(x.tolist(), y.tolist(), np.linspace(x[0], x[-1], 400))) >= -1e-9)


def test_interpolation_bends_as_fritsch_and_butland_say() -> None:
    # By hand: steps 1, slopes 1 and 3; inner tangent 2/(1 + 1/3) = 1.5; ends (3*1 - 3)/2 = 0 and (3*3 - 1)/2 = 4.
    middle = pchip([0, 1, 2], [0, 1, 4], np.array([0.5, 1.5]))
    assert middle == pytest.approx([0.5 - 1.5 / 8, 2.5 + (1.5 - 4) / 8])


@given(st.floats(0.3, 3))
def test_a_scaled_ladder_has_that_bd_rate(factor: float) -> None:
    scaled = [replace(point, bps=point.bps * factor) for point in LADDER]
    found = bd_rate(scaled, LADDER)
    assert found is not None
    assert found.percent == pytest.approx((factor - 1) * 100, abs=1e-6)
    assert (found.low, found.high) == (48.0, 96.0)


def test_bd_rate_is_over_the_common_range_only() -> None:
    line, half = points((1e5, 50), (1e6, 60), (1e7, 70)), points((5e5, 60), (5e6, 70), (5e7, 80))
    found = bd_rate(half, line)
    assert found is not None
    assert (found.low, found.high) == (60, 70)
    assert found.percent == pytest.approx(-50)
    assert bd_rate(points((1e5, 20), (1e6, 30)), line) is None


def test_one_rung_is_compared_at_its_own_score() -> None:
    line = points((1e5, 50), (1e7, 70))
    found = bd_rate(points((2e6, 60)), line)
    assert found is not None
    assert (found.low, found.high) == (60, 60)
    assert found.percent == pytest.approx(100)
    assert bd_rate(points((2e6, 71)), line) is None


def test_a_bandwidth_gets_the_best_rung_that_fits() -> None:
    rungs = [(6e6, 96.0), (3e6, 93.0), (1.2e6, 82.0)]
    assert [delivered(rungs, budget) for budget in (1e6, 2e6, 3e6, 8e6)] == [None, 82.0, 93.0, 96.0]


def test_rates_come_from_packets() -> None:
    quiet, loud = [(number / 10, 100) for number in range(60)], [(6 + number / 10, 300) for number in range(60)]
    assert renditions.rates([*quiet, *loud], 0.1) == (pytest.approx(16_000), pytest.approx(24_000))
    # The last 0.1 s are no window; a clip shorter than one has its average as its peak.
    assert renditions.rates([*quiet, (6.0, 50_000)], 0.1)[1] == pytest.approx(56_000 * 8 / 6.1)
    assert renditions.rates(quiet[:20], 0.1) == (pytest.approx(8_000), pytest.approx(8_000))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """2 s of motion with sound, lying on its side: shown 240x320."""
    folder = tmp_path_factory.mktemp("made")
    generate(folder / "flat.mp4", "testsrc2=size=320x240:rate=25:duration=2", "sine=duration=2", "-crf", "10")
    turned = folder / "turned.mp4"
    command = [FFMPEG, "-v", "error", "-display_rotation", "90", "-i", str(folder / "flat.mp4"), "-c", "copy"]
    subprocess.run([*command, str(turned)], check=True, timeout=60)
    return Clip(
        path=turned,
        seconds=Fraction(2),
        video_start_s=Fraction(0),
        width=240,
        height=320,
        frame_rate=Fraction(25),
        bit_rate_bps=1_000_000,
        video_index=0,
        audio_index=1,
        audio_codec="aac",
        audio_channels=1,
        interlaced=False,
        hdr=False,
        matrix="bt601",
        full_range=False,
    )


def encode(clip: Clip, folder: Path, *options: str) -> renditions.Rendition:
    """One MP4 of the clip, read back."""
    command = [FFMPEG, "-v", "error", "-i", str(clip.path), "-c:v", "libx264", "-preset", "ultrafast", *options]
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(folder / "made.mp4")], check=True, timeout=60)
    (folder / "joined").mkdir()
    (one,) = renditions.read(folder, ["made.mp4"], folder / "joined").renditions
    return one


def test_a_picture_that_begins_after_its_sound_meets_its_own_frames(tmp_path: Path) -> None:
    """Read alone it would begin at 0, and each frame would be compared with its neighbour."""
    flat, late = tmp_path / "flat.mp4", tmp_path / "late.ts"
    generate(flat, "testsrc2=size=320x240:rate=25:duration=2", "sine=duration=2", "-crf", "10")
    delayed = [
        FFMPEG,
        "-v",
        "error",
        "-i",
        str(flat),
        "-itsoffset",
        "0.08",
        "-i",
        str(flat),
        "-map",
        "1:v",
        "-map",
        "0:a",
    ]
    subprocess.run([*delayed, "-c:v", "copy", "-c:a", "mp2", str(late)], check=True, timeout=60)
    clip = asyncio.run(look(late, Settings.load()))
    assert 0.07 < clip.video_start_s < 0.13
    copy = encode(clip, tmp_path, "-crf", "16", "-vf", "fps=25:start_time=0", "-c:a", "aac")
    whole = measure(clip, copy, FFMPEG)
    assert whole.vmaf_mean > 95
    assert measure(replace(clip, video_start_s=Fraction(0)), copy, FFMPEG).vmaf_mean < whole.vmaf_mean - 5


def test_a_faithful_copy_of_a_turned_clip_scores_high(made: Clip, tmp_path: Path) -> None:
    found = measure(made, encode(made, tmp_path, "-crf", "1"), FFMPEG)
    assert found.frames == 50
    assert found.vmaf_mean > 95
    assert found.xpsnr > 45


def test_a_shift_of_one_frame_and_a_coarse_copy_score_lower(made: Clip, tmp_path: Path) -> None:
    shifted, coarse = tmp_path / "shifted", tmp_path / "coarse"
    shifted.mkdir()
    coarse.mkdir()
    late = measure(made, encode(made, shifted, "-crf", "1", "-vf", "trim=start_frame=1,setpts=PTS-STARTPTS"), FFMPEG)
    poor = measure(made, encode(made, coarse, "-crf", "45"), FFMPEG)
    assert late.xpsnr < 35
    assert poor.vmaf_mean < 80


def test_half_a_rendition_is_refused(made: Clip, tmp_path: Path) -> None:
    whole = encode(made, tmp_path, "-crf", "30")
    with pytest.raises(KadrError, match="could be compared"):
        measure(made, replace(whole, frames=101), FFMPEG)


def test_segments_of_a_playlist_are_one_rendition(made: Clip, tmp_path: Path) -> None:
    job = tuned(made, FFMPEG, "ultrafast")
    for folder in job.folders:
        (tmp_path / folder).mkdir()
    subprocess.run(job.commands[0], cwd=tmp_path, check=True, timeout=60)
    (tmp_path / "index.m3u8").write_text(
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="audio/index.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="a"\nv240/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv234/index.m3u8\n'
    )
    (tmp_path / "joined").mkdir()
    found = renditions.read(tmp_path, ["index.m3u8"], tmp_path / "joined")
    sizes = [(one.width, one.height, one.frame_rate, one.frames, one.matrix) for one in found.renditions]
    assert sizes == [(240, 320, 25, 50, "bt709"), (234, 312, 25, 50, "bt709")]
    media = [file for folder in job.folders for file in (tmp_path / folder).iterdir() if file.suffix != ".m3u8"]
    assert found.bytes == math.fsum(file.stat().st_size for file in media)
    assert found.audio_bps > 0
    (tmp_path / "v234" / "00000.m4s").unlink()
    with pytest.raises(KadrError, match=r"00000\.m4s is listed and not there"):
        renditions.read(tmp_path, ["index.m3u8"], tmp_path / "joined")
