"""transcode.plan.rungs: a ladder for a displayed size, never above it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presets.ladder import DEFAULT as LADDER
from presets.rung import Codec, Rung
from transcode.plan.rungs import VideoRung, rungs, within_upload


def made(width: int, height: int, *, half_rate_at: int = 0) -> tuple[VideoRung, ...]:
    return rungs(width, height, LADDER, crf=23, half_rate_at=half_rate_at)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1920, 1080, ["1920x1080", "1280x720", "960x540", "768x432", "640x360", "416x234"]),
        (1080, 1920, ["1080x1920", "720x1280", "540x960", "432x768", "360x640", "234x416"]),
        (3840, 2160, ["1920x1080", "1280x720", "960x540", "768x432", "640x360", "416x234"]),
        (1280, 720, ["1280x720", "960x540", "768x432", "640x360", "416x234"]),
        (852, 480, ["852x480", "766x432", "640x360", "416x234"]),  # between rungs: its own size on top
        (853, 479, ["852x478", "770x432", "642x360", "416x234"]),  # odd: even, never above
        (600, 600, ["600x600", "540x540", "432x432", "360x360", "234x234"]),
        (320, 200, ["320x200"]),  # below all rungs: one
        (32, 32, ["32x32"]),
        (33, 33, ["32x32"]),
        (2560, 1080, ["2560x1080", "1706x720", "1280x540", "1024x432", "854x360", "554x234"]),
    ],
)
def test_rungs_by_displayed_short_side(width: int, height: int, expected: list[str]) -> None:
    ladder = made(width, height)
    assert [f"{rung.width}x{rung.height}" for rung in ladder] == expected
    assert [rung.id for rung in ladder] == [f"v{min(rung.width, rung.height)}" for rung in ladder]


@pytest.mark.parametrize("side", [235, 361, 433, 541, 721])
def test_one_line_above_a_rung(side: int) -> None:
    """Its own size, made even, is the rung below: that is made once."""
    ids = [rung.id for rung in made(side * 2, side)]
    assert ids[0] == f"v{side - 1}"
    assert ids == list(dict.fromkeys(ids))


@given(st.integers(32, 5000), st.integers(32, 5000))
def test_rungs_are_even_distinct_and_never_larger_than_the_source(width: int, height: int) -> None:
    ladder = made(width, height)
    short = [rung.short_side for rung in ladder]
    assert short == sorted(set(short), reverse=True)
    assert len({rung.id for rung in ladder}) == len(ladder)
    assert short[0] <= min(width, height)
    for rung in ladder:
        assert rung.width % 2 == rung.height % 2 == 0
        assert max(rung.width, rung.height) <= max(width, height)
        long = Fraction(max(width, height) * rung.short_side, min(width, height))
        assert abs(max(rung.width, rung.height) - long) <= 1, "the shape stays"


def test_caps_come_from_the_ladder() -> None:
    assert [rung.cap_bps for rung in made(1600, 900)][:2] == [4_500_000, 3_000_000]
    alone = rungs(1920, 1080, (Rung(short_side=480, cap_bps=7),), crf=30, half_rate_at=0)
    assert [(rung.cap_bps, rung.maxrate_bps, rung.crf) for rung in alone] == [(7, 7, 30)]


def test_only_small_rungs_are_halved() -> None:
    assert [rung.frame_step for rung in made(1920, 1080, half_rate_at=480)] == [1, 1, 1, 2, 2, 2]
    assert [rung.frame_step for rung in made(852, 480, half_rate_at=480)] == [2, 2, 2, 2]
    assert {rung.frame_step for rung in made(1080, 1920)} == {1}


@pytest.mark.parametrize(
    ("upload_bps", "upload_codec", "codec", "caps"),
    [
        (20_000_000, "h264", Codec.H264, [6_000_000, 3_000_000, 2_000_000, 1_100_000, 365_000, 145_000]),
        (4_000_000, "h264", Codec.H264, [3_800_000, 3_000_000, 2_000_000, 1_100_000, 365_000, 145_000]),
        (4_000_000, "mpeg2video", Codec.H264, [3_800_000, 3_000_000, 2_000_000, 1_100_000, 365_000, 145_000]),
        (1_000_000, "h264", Codec.H264, [1_500_000, 950_000, 950_000, 950_000, 365_000, 145_000]),
        (4_000_000, "hevc", Codec.H264, [6_000_000, 3_000_000, 2_000_000, 1_100_000, 365_000, 145_000]),
        (4_000_000, "av1", Codec.HEVC, [6_000_000, 3_000_000, 2_000_000, 1_100_000, 365_000, 145_000]),
        (4_000_000, "hevc", Codec.AV1, [3_800_000, 3_000_000, 2_000_000, 1_100_000, 365_000, 145_000]),
        (0, "h264", Codec.H264, [6_000_000, 3_000_000, 2_000_000, 1_100_000, 365_000, 145_000]),
    ],
)
def test_no_rung_may_take_more_than_the_upload(
    upload_bps: int, upload_codec: str, codec: Codec, caps: list[int]
) -> None:
    held = within_upload(made(1920, 1080), upload_bps, upload_codec, codec)
    assert [rung.cap_bps for rung in held] == caps
    assert [rung.maxrate_bps for rung in held] == caps
