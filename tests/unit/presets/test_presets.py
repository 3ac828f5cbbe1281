"""presets: what the YAML files say, and that a wrong one is named in one sentence."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from presets.codec import CodecsForm, codec_preset, cut_times
from presets.document import load, parse
from presets.effort import Effort
from presets.ladder import DEFAULT
from presets.profile import NAMES, ProfilesForm, profile
from presets.rung import Codec, Rung

ONE = """
standard:
  ladders:
    h264: {720: 3_000_000, 360: 365_000}
  gop_s: 2
  gops_per_segment: 3
  fastest_rate: 60
  fast_above_side: 480
  audio_bps: 128_000
"""


def test_the_profiles() -> None:
    assert NAMES == ("standard", "short-vertical", "lecture", "audio-only")
    grids = {name: (profile(name).gop_s, profile(name).segment_s) for name in NAMES}
    assert grids == {"standard": (2, 6), "short-vertical": (2, 2), "lecture": (4, 4), "audio-only": (2, 6)}
    assert {name: profile(name).fastest_rate for name in NAMES if profile(name).video} == {
        "standard": 60,
        "short-vertical": 60,
        "lecture": 30,
    }
    assert {profile(name).audio_bps for name in NAMES} == {128_000}
    assert profile("audio-only").ladders == {}
    assert not profile("audio-only").video
    assert {name: profile(name).encoder_options for name in NAMES if profile(name).encoder_options} == {
        "lecture": {Codec.H264: {"aq-strength": "0.5"}}
    }


def test_the_default_ladder_is_standards() -> None:
    assert profile("standard").ladders[Codec.H264] == DEFAULT


@pytest.mark.parametrize("name", NAMES)
def test_every_ladder_goes_down_to_a_rung_for_bad_networks(name: str) -> None:
    ladders = profile(name).ladders.values()
    assert bool(ladders) == (name != "audio-only")
    for ladder in ladders:
        assert all(a.short_side > b.short_side and a.cap_bps > b.cap_bps for a, b in pairwise(ladder))
        assert ladder[-1].cap_bps <= 400_000


def test_standard_hevc_is_within_apples_averages() -> None:
    """HLS Authoring Specification, HEVC: 360p 145; 432p 300; 540p 600-1600; 720p 2400-3400; 1080p 4500-5800 kb/s."""
    apple = {360: (145, 145), 432: (300, 300), 540: (600, 1600), 720: (2400, 3400), 1080: (4500, 5800)}
    ladder = profile("standard").ladders[Codec.HEVC]
    assert [rung.short_side for rung in ladder] == sorted(apple, reverse=True)
    assert all(apple[r.short_side][0] <= r.cap_bps / 1000 <= apple[r.short_side][1] for r in ladder)


@pytest.mark.parametrize("name", [name for name in NAMES if profile(name).video])
def test_av1_has_hevcs_caps_times_four_fifths(name: str) -> None:
    ladders = profile(name).ladders
    assert list(ladders[Codec.AV1]) == [
        Rung(short_side=rung.short_side, cap_bps=rung.cap_bps * 4 // 5) for rung in ladders[Codec.HEVC]
    ]


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no profile 'tiktok': take one of standard, short-vertical, lecture, aud"):
        profile("tiktok")


def test_a_profile_as_text() -> None:
    made = parse("p.yaml", ONE, ProfilesForm).root["standard"].profile("standard")
    assert made.ladders == {
        Codec.H264: (Rung(short_side=720, cap_bps=3_000_000), Rung(short_side=360, cap_bps=365_000))
    }
    assert (made.segment_s, made.encoder_options) == (6, {})


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("gop_s: 2", "gop_s: 2.5", "standard.gop_s is 2.5; it should be a valid integer"),
        ("gop_s: 2", "gop_s: -2", "standard.gop_s is -2; it should be greater than 0"),
        ("gop_s: 2", "gop_s: yes", "standard.gop_s is True; it should be a valid integer"),
        ("gop_s: 2", "", "standard.gop_s is missing: it must be there"),
        ("gop_s: 2", "gop_s: 2\n  gop: 2", "standard.gop is no key known here: leave it out"),
        ("gop_s: 2", "gop_s: 2\n  gop_s: 3", "line 6: the key 'gop_s' stands twice; it must be YAML, each key once"),
        ("gop_s: 2", "gop_s: [2", "line 6: did not find expected ',' or ']'; it must be YAML, each key once"),
        ("h264", "h263", "standard.ladders.h263 is 'h263'; it should be 'h264', 'hevc' or 'av1'"),
        ("h264", "hevc", "must have an h264 ladder, or be {} for audio only"),
        ("720: 3_000_000", "360p: 3_000_000", "standard.ladders.h264.360p is '360p'; it should be a valid integer"),
        ("720: 3_000_000", "361: 3_000_000", "must have h264 rungs of even short sides from 32 pixels up"),
        ("720: 3_000_000", "240: 3_000_000", "must have h264 rungs that go down in short side and in cap"),
        ("720: 3_000_000", "720: 300_000", "must have h264 rungs that go down in short side and in cap"),
        ("720: 3_000_000, 360: 365_000", "", "must have h264 rungs of even short sides from 32 pixels up"),
        ("gop_s: 2", "gop_s: 2\n  encoder_options: {av1: {a: 1}}", "must be for a codec with a ladder, not for av1"),
        (
            "gop_s: 2",
            "gop_s: 2\n  encoder_options: {h264: {psy-rd: '1:0'}}",
            "standard.encoder_options.h264.psy-rd is '1:0'; it must be a number or a word without ':', '='",
        ),
        (
            "gop_s: 2",
            "gop_s: 2\n  encoder_options: {h264: {psy: on}}",
            "h264.psy is True; it must be a number or a word",
        ),
        ("standard:", "usual:", "must have the profile standard, the default"),
        (ONE, "", "the whole file is None; it should be a valid dictionary"),
    ],
)
def test_a_wrong_profile_is_one_sentence(right: str, wrong: str, sentence: str) -> None:
    """It names file, key and accepted form."""
    assert right in ONE
    with pytest.raises(ConfigError) as caught:
        parse("p.yaml", ONE.replace(right, wrong), ProfilesForm)
    assert str(caught.value).startswith("presets/p.yaml")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_codec_needs_every_effort_and_the_file_every_codec() -> None:
    one = load("codecs.yaml", CodecsForm).model_dump(mode="json")
    with pytest.raises(ConfigError, match=r"presets/c\.yaml: the whole file must have every codec, and lacks av1"):
        parse("c.yaml", str({key: one[key] for key in ("h264", "hevc")}), CodecsForm)
    del one["h264"]["efforts"]["quality"]
    with pytest.raises(ConfigError, match=r"presets/c\.yaml: h264 must have every effort, and lacks quality"):
        parse("c.yaml", str(one), CodecsForm)


def test_the_options_of_x264() -> None:
    made = codec_preset(Codec.H264).encoder_options(
        Effort.BALANCED, gop_frames=60, cap_bps=3_000_000, more={"aq-mode": "3"}
    )
    assert made == {
        "c:v": "libx264",
        "preset": "faster",
        "crf": 23,
        "maxrate": 3_000_000,
        "bufsize": 6_000_000,
        "pix_fmt": "yuv420p",
        "g": 60,
        "keyint_min": 60,
        "profile:v": "high",
        "sc_threshold": "0",
        "flags": "+cgop",
        "forced-idr": "1",
        "x264-params": "stitchable=1:aq-mode=3",
    }


def test_preset_crf_and_parameters_can_be_replaced() -> None:
    made = codec_preset(Codec.AV1).encoder_options(
        Effort.ECONOMY, gop_frames=60, cap_bps=1, preset="8", crf=0, more={"scd": "1"}
    )
    assert (made["preset"], made["crf"], made["svtav1-params"]) == ("8", 0, "scd=1:irefresh-type=2")


def test_cut_times_as_text() -> None:
    assert cut_times((0, 1, 60), Fraction(30_000, 1001)) == "0.000000,0.016683,1.985317"


@given(
    st.sets(st.integers(1, 12 * 3600 * 60), max_size=20),
    st.sampled_from([Fraction(24), Fraction(30_000, 1001), Fraction(60_000, 1001), Fraction(60), Fraction(1)]),
)
def test_a_cut_time_forces_its_frame_and_no_other(frames: set[int], rate: Fraction) -> None:
    """ffmpeg forces the first frame at or after the time; that must be the one meant, even 12 hours in."""
    cuts = (0, *sorted(frames))
    times = [Fraction(text) for text in cut_times(cuts, rate).split(",")]
    assert [-(-time * rate // 1) for time in times] == list(cuts)
