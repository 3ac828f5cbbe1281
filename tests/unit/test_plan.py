"""transcode.plan: what is decided about an encode, from probed facts alone."""

from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Rejected
from presets.ladder import Rung
from transcode.plan import AudioPlan, EncodePlan, language_tag, plan, plan_from_json, plan_to_json
from transcode.source import AudioTrack, Source, VideoTrack, from_json, to_json

NTSC = Fraction(30000, 1001)
SOUND = AudioTrack(
    index=1,
    codec="aac",
    channels=2,
    layout="stereo",
    sample_rate_hz=44_100,
    language="eng",
    start_s=Fraction(0),
    duration_s=Fraction(7),
)


def source(*, audio: tuple[AudioTrack, ...] = (SOUND,), duration_s: Fraction = Fraction(7), **video: Any) -> Source:
    """An ordinary 1080p upload of 7 s with one sound track; `video` changes its picture."""
    size = {name: video[name] for name in ("width", "height") if name in video}
    facts = {
        "index": 0,
        "codec": "h264",
        "width": 1920,
        "height": 1080,
        "sample_aspect": Fraction(1),
        "rotation": 0,
        "shown_width": size.get("width", 1920),
        "shown_height": size.get("height", 1080),
        "frame_rate": NTSC,
        "variable": False,
        "frames": 210,
        "start_s": Fraction(0),
        "duration_s": duration_s,
        "keyframes": 4,
        "longest_gop_s": Fraction(2),
        "pixel_format": "yuv420p",
        "bit_depth": 8,
        "interlaced": False,
        "primaries": "bt709",
        "transfer": "bt709",
        "matrix": "bt709",
        "full_range": False,
    }
    track = VideoTrack(**{**facts, **video})
    return Source(container="mp4", bytes=1, duration_s=duration_s, video=track, audio=audio, damaged=False)


def sizes(made: EncodePlan) -> list[str]:
    return [f"{rung.width}x{rung.height}" for rung in made.rungs]


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
    made = plan(source(width=width, height=height))
    assert sizes(made) == expected
    assert [rung.id for rung in made.rungs] == [f"v{min(rung.width, rung.height)}" for rung in made.rungs]


def test_the_displayed_size_counts() -> None:
    """A phone's rotated picture and anamorphic DV: the coded size is another one."""
    assert (
        sizes(plan(source(width=1920, height=1080, rotation=90, shown_width=1080, shown_height=1920)))[0] == "1080x1920"
    )
    assert sizes(plan(source(width=720, height=576, shown_width=1024, shown_height=576)))[0] == "1024x576"


@pytest.mark.parametrize("side", [235, 361, 433, 541, 721])
def test_one_line_above_a_rung(side: int) -> None:
    ids = [rung.id for rung in plan(source(width=side * 2, height=side)).rungs]
    assert ids == list(dict.fromkeys(ids))


@given(st.integers(32, 5000), st.integers(32, 5000))
def test_rungs_are_even_distinct_and_never_larger_than_the_source(width: int, height: int) -> None:
    rungs = plan(source(width=width, height=height)).rungs
    if min(width, height) - 1 in (234, 360, 432, 540, 720):
        return  # test_one_line_above_a_rung
    short = [min(rung.width, rung.height) for rung in rungs]
    assert short == sorted(set(short), reverse=True)
    assert len({rung.id for rung in rungs}) == len(rungs)
    assert short[0] <= min(width, height)
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert max(rung.width, rung.height) <= max(width, height) + 1
        long = Fraction(max(width, height) * min(rung.width, rung.height), min(width, height))
        assert abs(max(rung.width, rung.height) - long) <= 1, "the shape stays"


def test_caps_come_from_the_ladder() -> None:
    assert [r.cap_bps for r in plan(source(width=1600, height=900)).rungs][:2] == [4_500_000, 3_000_000]
    assert [r.cap_bps for r in plan(source(), ladder=(Rung(short_side=480, cap_bps=7),)).rungs] == [7]


@pytest.mark.parametrize(("width", "height"), [(31, 1000), (1000, 31), (1, 1)])
def test_too_small_to_show(width: int, height: int) -> None:
    with pytest.raises(Rejected, match=f"{width}x{height}") as refused:
        plan(source(width=width, height=height))
    assert refused.value.code == "dimensions"


@pytest.mark.parametrize(
    ("rate", "expected", "gop", "timescale", "ticks"),
    [
        (NTSC, NTSC, 60, 30_000, 1001),
        (Fraction(24000, 1001), Fraction(24000, 1001), 48, 24_000, 1001),
        (Fraction(25), Fraction(25), 50, 25_000, 1000),
        (Fraction(60), Fraction(60), 120, 60_000, 1000),
        (Fraction(120), Fraction(60), 120, 60_000, 1000),
        (Fraction(240), Fraction(60), 120, 60_000, 1000),
        (Fraction(120_000, 1001), Fraction(60_000, 1001), 120, 60_000, 1001),
        (Fraction(90), Fraction(45), 90, 45_000, 1000),
        (Fraction(25, 2), Fraction(25, 2), 25, 25_000, 2000),
        (Fraction(1, 10), Fraction(1, 10), 1, 1000, 10_000),
    ],
)
def test_rate_and_grid(rate: Fraction, expected: Fraction, gop: int, timescale: int, ticks: int) -> None:
    made = plan(source(frame_rate=rate))
    assert (made.frame_rate, made.gop_frames, made.segment_frames) == (expected, gop, 3 * gop)
    assert (made.timescale, made.frame_ticks) == (timescale, ticks)


@given(st.fractions(min_value=Fraction(1, 10), max_value=240, max_denominator=1001))
def test_a_frame_is_a_whole_number_of_ticks(rate: Fraction) -> None:
    made = plan(source(frame_rate=rate))
    assert Fraction(made.frame_ticks, made.timescale) == 1 / made.frame_rate
    assert made.timescale < 2**32
    assert made.gop_frames >= 1


@pytest.mark.parametrize(
    ("duration_s", "frames"),
    [(Fraction(7), 210), (Fraction(1001, 1000), 30), (Fraction(1, 1000), 1), (Fraction(3600), 107_892)],
)
def test_frames_cover_the_longest_track(duration_s: Fraction, frames: int) -> None:
    made = plan(source(duration_s=duration_s))
    assert made.frames == frames
    assert made.duration_s == frames / NTSC


@pytest.mark.parametrize(
    ("video", "wanted"),
    [
        ({}, {"deinterlace": False, "tone_map": False, "from_matrix": "bt709", "from_full_range": False}),
        ({"interlaced": True}, {"deinterlace": True}),
        ({"transfer": "smpte2084", "matrix": "bt2020_ncl"}, {"tone_map": True, "from_matrix": "bt2020"}),
        ({"transfer": "arib-std-b67"}, {"tone_map": True}),
        ({"full_range": True}, {"from_full_range": True}),
        ({"matrix": "itu601"}, {"from_matrix": "bt601"}),
        ({"matrix": "smpte170m"}, {"from_matrix": "bt601"}),
        ({"matrix": "unspecified"}, {"from_matrix": "bt709"}),
        ({"matrix": "unspecified", "width": 640, "height": 480}, {"from_matrix": "bt601"}),
    ],
)
def test_what_is_done_to_the_picture(video: dict[str, Any], wanted: dict[str, Any]) -> None:
    made = plan(source(**video))
    assert {name: getattr(made, name) for name in wanted} == wanted


def test_sound_is_the_first_track_or_none() -> None:
    german = replace(SOUND, index=2, language="ger")
    assert plan(source(audio=(SOUND, german))).audio == AudioPlan(index=1, language="en")
    assert plan(source(audio=(german,))).audio == AudioPlan(index=2, language="de")
    assert plan(source(audio=())).audio is None


@pytest.mark.parametrize(
    ("named", "tag"),
    [("eng", "en"), ("fre", "fr"), ("pt-BR", "pt-BR"), ("und", None), (None, None), ('x",URI="', None), ("en\n", None)],
)
def test_language_tags(named: str | None, tag: str | None) -> None:
    """A tag of the upload is free text; only BCP 47 goes on."""
    assert language_tag(named) == tag


@pytest.mark.parametrize("audio", [(SOUND,), ()], ids=["sound", "silent"])
def test_round_trips(audio: tuple[AudioTrack, ...]) -> None:
    facts = source(audio=audio)
    made = plan(facts)
    assert from_json(to_json(facts)) == facts
    assert plan_from_json(plan_to_json(made)) == made
    assert plan_from_json(plan_to_json(made)).digest() == made.digest()


def test_any_change_of_the_plan_changes_its_digest() -> None:
    made = plan(source())
    others: dict[str, Any] = {
        "version": made.version + 1,
        "container": "matroska",
        "frame_rate": Fraction(25),
        "rungs": made.rungs[:-1],
        "audio": None,
        "deinterlace": True,
        "tone_map": True,
        "from_matrix": "bt601",
        "from_full_range": True,
        "preset": "slow",
    }
    for field in fields(made):
        value = others[field.name] if field.name in others else getattr(made, field.name) + 1
        assert replace(made, **{field.name: value}).digest() != made.digest(), field.name
