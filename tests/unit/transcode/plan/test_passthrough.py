"""transcode.plan.passthrough: which uploads may be delivered as they are, and each reason why not."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from tests.sources import SOUND, conforming, index_of
from transcode.plan.passthrough import PassthroughTrack, decide
from transcode.plan.rungs import VideoRung
from transcode.probe.source import Crop, Index, Source

RATE = Fraction(25)
FRAMES = 500
TOP = VideoRung(id="v1080", width=1920, height=1080, cap_bps=6_000_000, crf=23, maxrate_bps=6_000_000)
INDEX = index_of([0, 100, 200, 300, 400], FRAMES)


def decided(facts: Source, index: Index | None = INDEX, **changed: Any) -> tuple[PassthroughTrack | None, str]:
    assert facts.video is not None
    wanted: dict[str, Any] = {"rate": RATE, "altered": "", "codec": "h264", **changed}
    return decide(facts, facts.video, index, TOP, **wanted)


def test_what_players_take_goes_through() -> None:
    through, why = decided(conforming(RATE, FRAMES))
    assert through == PassthroughTrack(frames=500, cuts=(0, 100, 200, 300, 400), lasting=True)
    assert why == "H.264 that players support, below the rung's cap"


@pytest.mark.parametrize(
    "video",
    [
        {"profile": "Constrained Baseline", "level": 30},
        {"profile": "Main", "level": 42},
        {"matrix": "unspecified"},
        {"bit_rate_bps": 6_000_000},
        {"container": "matroska"},
        {"audio": ()},
        {"unplayable_audio": ("ac4",)},
    ],
    ids=str,
)
def test_what_else_goes_through(video: dict[str, Any]) -> None:
    assert decided(conforming(RATE, FRAMES, **video))[0] is not None


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"codec": "hevc"}, "the codec is hevc"),
        ({"container": "mpegts"}, "times in mpegts are not exact enough"),
        ({"container": "avi"}, "times in avi are not exact enough"),
        ({"damaged": True}, "the file is damaged"),
        ({"pixel_format": "yuv422p"}, "the pixel format is yuv422p"),
        ({"pixel_format": "yuv420p10le", "bit_depth": 10}, "the pixel format is yuv420p10le"),
        ({"profile": "High 4:4:4 Predictive"}, "High 4:4:4 Predictive level 41"),
        ({"level": 51}, "High level 51"),
        ({"level": 0}, "High level 0"),
        ({"sample_aspect": Fraction(4, 3)}, "its pixels are not square"),
        ({"parameter_changes": 1}, "its size or other parameters change on the way"),
        ({"crop": Crop(left=2)}, "the container crops it"),
        ({"overscan": True}, "the container crops it"),
        ({"rotation": 90}, "it is rotated by 90 degrees"),
        ({"interlaced": True}, "it is interlaced"),
        ({"full_range": True}, "its colours are not those of TV range SDR"),
        ({"transfer": "smpte2084"}, "its colours are not those of TV range SDR"),
        ({"matrix": "smpte170m"}, "its colour matrix is smpte170m"),
        ({"width": 2560, "height": 1440}, "no rung is 2560x1440"),
        ({"width": 1918, "height": 1080}, "no rung is 1918x1080"),
        ({"bit_rate_bps": 6_000_001}, "its 6000 kb/s are above the rung's cap"),
        ({"frame_rate": Fraction(50)}, "its frame rate varies or is too high"),
        ({"start_s": Fraction(1, 10)}, "audio starts before the video"),
        ({"audio": (replace(SOUND, duration_s=Fraction(202, 10)),)}, "audio continues after the video"),
        (
            {"audio": (SOUND, replace(SOUND, start_s=Fraction(1), duration_s=Fraction(20)))},
            "audio continues after the video",
        ),
    ],
    ids=str,
)
def test_what_must_be_encoded(facts: dict[str, Any], why: str) -> None:
    assert decided(conforming(RATE, FRAMES, **facts)) == (None, why)


@pytest.mark.parametrize(
    ("index", "why"),
    [
        (None, "its frame rate varies or is too high"),
        (replace(INDEX, constant=False), "its frame rate varies or is too high"),
        (replace(INDEX, all_idr=False), "not every keyframe is an IDR picture"),
        (index_of([0, 301], FRAMES), "12.0 s pass between keyframes"),
        (index_of([0, 100], FRAMES), "16.0 s pass between keyframes"),
    ],
    ids=["none", "variable", "open GOPs", "12 s", "16 s"],
)
def test_where_it_cannot_be_cut(index: Index | None, why: str) -> None:
    assert decided(conforming(RATE, FRAMES), index) == (None, why)


def test_another_codec_is_wanted() -> None:
    through, why = decided(conforming(RATE, FRAMES), codec="hevc")
    assert through is None
    assert why == "hevc was requested"


def test_what_is_to_be_changed_comes_first() -> None:
    facts = conforming(RATE, FRAMES, codec="hevc")
    assert decided(facts, altered="a watermark is drawn on it") == (None, "a watermark is drawn on it")


@pytest.mark.parametrize(
    ("keyframes", "lasting"),
    [
        ([0, 150, 300, 450], True),
        ([0, 162, 324, 486], True),  # 6.48 s: Apple 7.7 allows half a second more
        ([0, 163, 324, 486], False),
        ([0, 200, 400], False),
    ],
)
def test_what_is_kept_for_good_keeps_the_segment_limit(keyframes: list[int], lasting: bool) -> None:
    through, why = decided(conforming(RATE, FRAMES), index_of(keyframes, FRAMES))
    assert through is not None
    assert through.lasting is lasting
    assert ("only until the ladder is ready" in why) is not lasting
    assert set(through.cuts) <= set(keyframes)
