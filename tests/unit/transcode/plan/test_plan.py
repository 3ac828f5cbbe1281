"""transcode.plan.build: what is decided about an encode, from probed facts alone."""

from dataclasses import fields, replace
from fractions import Fraction
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError, Rejected
from presets.effort import Effort
from presets.rung import Codec
from tests.sources import NTSC, SOUND, conforming, index_of, source
from transcode.plan.audio import language_tag
from transcode.plan.build import build_plan, on_regular_grid
from transcode.plan.encode_plan import AudioPlan, EncodePlan, Options, plan_from_json, plan_to_json
from transcode.plan.watermark import Watermark
from transcode.probe.source import AudioTrack, from_json, to_json

ONE_PIECE = Options(chunk_s=None)


def sizes(made: EncodePlan) -> list[str]:
    return [f"{rung.width}x{rung.height}" for rung in made.rungs]


def reason(made: EncodePlan, what: str) -> str:
    """The reason given for the only decision that begins with `what`."""
    (why,) = [decision.why for decision in made.decisions if decision.what.startswith(what)]
    return why


def test_the_displayed_size_counts() -> None:
    """A phone's rotated picture and anamorphic DV: the coded size is another one."""
    assert sizes(build_plan(source(rotation=90, shown_width=1080, shown_height=1920), None))[0] == "1080x1920"
    assert sizes(build_plan(source(width=720, height=576, shown_width=1024, shown_height=576), None))[0] == "1024x576"


@pytest.mark.parametrize(("width", "height"), [(31, 1000), (1000, 31), (1, 1)])
def test_too_small_to_show(width: int, height: int) -> None:
    with pytest.raises(Rejected, match=f"{width}x{height}") as refused:
        build_plan(source(width=width, height=height), None)
    assert refused.value.code == "dimensions"


def test_no_picture() -> None:
    with pytest.raises(Rejected) as refused:
        build_plan(replace(source(), video=None), None)
    assert refused.value.code == "no_video"
    assert "audio-only" in refused.value.hint


@pytest.mark.parametrize(
    ("rate", "expected", "gop", "timescale", "ticks"),
    [
        (NTSC, NTSC, 60, 30_000, 1001),
        (Fraction(24000, 1001), Fraction(24000, 1001), 48, 24_000, 1001),
        (Fraction(25), Fraction(25), 50, 25_000, 1000),
        (Fraction(50), Fraction(50), 100, 50_000, 1000),
        (Fraction(60), Fraction(60), 120, 60_000, 1000),
        (Fraction(100), Fraction(50), 100, 50_000, 1000),
        (Fraction(120), Fraction(60), 120, 60_000, 1000),
        (Fraction(240), Fraction(60), 120, 60_000, 1000),
        (Fraction(120_000, 1001), Fraction(60_000, 1001), 120, 60_000, 1001),
        (Fraction(90), Fraction(45), 90, 45_000, 1000),
        (Fraction(25, 2), Fraction(25, 2), 25, 25_000, 2000),
        # frames are repeated: a frame as long as a GOP would make segments of 30 s
        (Fraction(1, 10), Fraction(1, 2), 1, 1000, 2000),
        (Fraction(1, 3), Fraction(2, 3), 1, 2000, 3000),
        (Fraction(9, 10), Fraction(27, 10), 5, 27_000, 10_000),
        (Fraction(1), Fraction(1), 2, 1000, 1000),
    ],
)
def test_rate_and_grid(rate: Fraction, expected: Fraction, gop: int, timescale: int, ticks: int) -> None:
    made = build_plan(source(frame_rate=rate), None)
    assert (made.frame_rate, made.gop_frames, made.segment_frames) == (expected, gop, 3 * gop)
    assert (made.timescale, made.frame_ticks) == (timescale, ticks)


@pytest.mark.parametrize(
    ("rate", "small"),
    [
        (Fraction(24), Fraction(24)),
        (NTSC, NTSC),
        (Fraction(30), Fraction(30)),
        (Fraction(50), Fraction(25)),  # never 30: that would judder
        (Fraction(60_000, 1001), NTSC),
        (Fraction(60), Fraction(30)),
        (Fraction(120), Fraction(30)),
    ],
)
def test_small_rungs_show_at_most_thirty_frames(rate: Fraction, small: Fraction) -> None:
    made = build_plan(source(frame_rate=rate), None)
    shown = {rung.id: made.frame_rate / rung.frame_step for rung in made.rungs}
    large = min(rate, Fraction(60))
    assert shown == {"v1080": large, "v720": large, "v540": large, "v432": small, "v360": small, "v234": small}


def test_a_lecture_is_never_faster_than_thirty() -> None:
    made = build_plan(source(frame_rate=Fraction(50)), None, Options(profile="lecture"))
    assert made.frame_rate == 25
    assert {rung.frame_step for rung in made.rungs} == {1}
    assert (made.gop_frames, made.segment_frames) == (100, 100)
    assert made.encoder_options == (("aq-strength", "0.5"),)


@given(st.fractions(min_value=Fraction(1, 10), max_value=240, max_denominator=1001))
def test_a_frame_is_a_whole_number_of_ticks(rate: Fraction) -> None:
    made = build_plan(source(frame_rate=rate), None)
    assert Fraction(made.frame_ticks, made.timescale) == 1 / made.frame_rate
    assert made.timescale < 2**32
    assert made.gop_frames >= 1
    assert made.segment_frames / made.frame_rate <= Fraction(13, 2)


@given(
    st.fractions(min_value=Fraction(1, 10), max_value=240, max_denominator=1001),
    st.fractions(min_value=Fraction(1, 100), max_value=200, max_denominator=1000),
)
def test_every_rung_has_whole_frames_between_all_cuts(rate: Fraction, duration_s: Fraction) -> None:
    made = build_plan(source(frame_rate=rate, duration_s=duration_s), None)
    steps = {rung.frame_step for rung in made.rungs}
    assert made.frames > 0
    assert abs(made.duration_s - duration_s) <= max(steps) / made.frame_rate
    for step in steps:
        assert not [at for at in (*made.cuts, made.frames, made.gop_frames) if at % step]
    assert made.cuts[0] == 0
    assert made.cuts[-1] < made.frames


@pytest.mark.parametrize(
    ("rate", "duration_s", "frames"),
    [
        (NTSC, Fraction(7), 210),
        (NTSC, Fraction(1001, 1000), 30),
        (NTSC, Fraction(1, 1000), 1),
        (NTSC, Fraction(3600), 107_892),
        (Fraction(60), Fraction(421, 60), 420),  # even, so that a halved rung shows the same time
        (Fraction(60), Fraction(423, 60), 424),
        (Fraction(50), Fraction(1, 50), 2),
        (Fraction(25), Fraction(175, 25), 175),  # nothing is halved: it may stay odd
    ],
)
def test_frames_cover_the_longest_track(rate: Fraction, duration_s: Fraction, frames: int) -> None:
    made = build_plan(source(frame_rate=rate, duration_s=duration_s), None)
    assert made.frames == frames
    assert made.duration_s == frames / rate


@pytest.mark.parametrize(
    ("video", "wanted"),
    [
        ({}, {"deinterlace": False, "tone_map": False, "from_matrix": "bt709", "primaries": "", "index": 0}),
        ({"index": 3}, {"index": 3}),
        ({"interlaced": True}, {"deinterlace": True}),
        ({"frames": 600}, {"retimed": True}),
        ({"frames": 400}, {"retimed": False}),
        ({"transfer": "smpte2084", "matrix": "bt2020_ncl"}, {"tone_map": True, "from_matrix": "bt2020"}),
        ({"transfer": "arib-std-b67"}, {"tone_map": True}),
        ({"primaries": "bt2020", "matrix": "bt2020_ncl"}, {"primaries": "bt2020", "from_matrix": "bt2020"}),
        ({"primaries": "smpte432"}, {"primaries": "smpte432"}),
        ({"primaries": "bt2020", "transfer": "smpte2084"}, {"primaries": "", "tone_map": True}),
        ({"primaries": "bt2020", "pixel_format": "gbrp10le"}, {"primaries": ""}),
        (
            {"rotation": 90, "shown_width": 1080, "shown_height": 1920},
            {"size": (1080, 1920), "aspect": Fraction(9, 16)},
        ),
        ({"matrix": "itu601"}, {"from_matrix": "bt601"}),
        ({"matrix": "smpte170m"}, {"from_matrix": "bt601"}),
        ({"matrix": "unspecified"}, {"from_matrix": "bt709"}),
        ({"matrix": "unspecified", "width": 640, "height": 480}, {"from_matrix": "bt601"}),
    ],
)
def test_what_is_done_to_the_picture(video: dict[str, Any], wanted: dict[str, Any]) -> None:
    made = build_plan(source(**video), None).video
    assert {name: getattr(made, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("start_s", "end_s", "first", "frames"),
    [
        (Fraction(0), Fraction(3), 0, 90),
        (Fraction(2), None, 60, 150),
        (Fraction(2), Fraction(3), 60, 30),
        (Fraction(2), Fraction(700), 60, 150),  # beyond the end is the end
        (Fraction(69, 10), None, 207, 3),
    ],
)
def test_trim(start_s: Fraction, end_s: Fraction | None, first: int, frames: int) -> None:
    made = build_plan(source(frame_rate=Fraction(30)), None, Options(start_s=start_s, end_s=end_s))
    assert (made.first_frame, made.frames) == (first, frames)
    assert made.start_s == Fraction(first, 30)
    assert not made.audio[0].copyable


@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [
        (Fraction(7), None),
        (Fraction(8), Fraction(9)),
        (Fraction(3), Fraction(3)),
        (Fraction(4), Fraction(3)),
        (Fraction(-1), None),
        (Fraction(0), Fraction(0)),
        (Fraction(0), Fraction(-2)),
    ],
)
@pytest.mark.parametrize("profile", ["standard", "audio-only"])
def test_a_trim_that_leaves_nothing_is_refused(start_s: Fraction, end_s: Fraction | None, profile: str) -> None:
    with pytest.raises(Rejected) as refused:
        build_plan(source(), None, Options(profile=profile, start_s=start_s, end_s=end_s))
    assert refused.value.code == "trim"
    assert "below 7 s" in refused.value.hint


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ConfigError, match="no such"):
        build_plan(source(), None, Options(profile="no such"))


def test_options_reach_the_plan() -> None:
    mark = Watermark(sha256="ab")
    made = build_plan(
        source(), None, Options(effort=Effort.ECONOMY, ladder="apple", preset="ultrafast", watermark=mark)
    )
    assert (made.effort, made.preset, made.smart) == (Effort.ECONOMY, "ultrafast", False)
    assert made.video is not None
    assert made.video.watermark == mark
    assert build_plan(source(), None, Options(effort=Effort.QUALITY)).preset == "slow"
    assert build_plan(source(), None).smart


@pytest.mark.parametrize(("codec", "caps"), [(Codec.HEVC, [4500, 2400, 900, 300, 145]), (Codec.AV1, [3600, 1920, 720])])
def test_another_codec_has_its_own_ladder(codec: Codec, caps: list[int]) -> None:
    made = build_plan(source(), None, Options(codec=codec))
    assert [rung.cap_bps // 1000 for rung in made.rungs][: len(caps)] == caps
    assert (made.codec, made.smart, made.passthrough) == (codec, False, None)


@pytest.mark.parametrize(
    ("duration_s", "options", "facts", "chunks", "why"),
    [
        (Fraction(119), Options(), {}, (0, 1260, 2340), "each at least 30.0 s"),
        (Fraction(119), Options(chunk_s=60), {}, (0,), "each at least 60.0 s"),
        (Fraction(120), Options(chunk_s=60), {}, (0, 1800), "each at least 60.0 s"),
        (Fraction(120), Options(), {"longest_gop_s": Fraction(10)}, (0, 1260, 2340), "each at least 40.0 s"),
        (Fraction(120), ONE_PIECE, {}, (0,), "one piece was requested"),
        (Fraction(120), Options(), {"container": "avi"}, (0,), "seeking in this file is unreliable"),
        (Fraction(120), Options(), {"damaged": True}, (0,), "seeking in this file is unreliable"),
        (Fraction(120), Options(), {"container": "mpegts"}, (0, 900, 1800, 2700), "each at least 30.0 s"),
        (Fraction(5), Options(), {}, (0,), "each at least 30.0 s"),
    ],
)
def test_chunks(
    duration_s: Fraction, options: Options, facts: dict[str, Any], chunks: tuple[int, ...], why: str
) -> None:
    made = build_plan(source(duration_s=duration_s, frame_rate=Fraction(30), **facts), None, options)
    assert made.chunks == chunks
    assert reason(made, f"{len(chunks)} chunk") == why
    parts = [made.chunk(number) for number in range(len(chunks))]
    assert [first for first, _ in parts] == list(chunks)
    assert [end for _, end in parts] == [*chunks[1:], made.frames]


@pytest.mark.parametrize(
    ("container", "seek_back_s"),
    [("mp4", Fraction(26, 25)), ("matroska", Fraction(26, 25)), ("mpegts", Fraction(76, 25))],
)
def test_reading_starts_early_enough(container: str, seek_back_s: Fraction) -> None:
    """Where a seek may miss the keyframe, a whole GOP earlier."""
    assert build_plan(source(container=container), None).seek_back_s == seek_back_s


@pytest.mark.parametrize(
    ("size", "first"), [((1920, 1080), "v360"), ((640, 360), "v360"), ((426, 240), "v240"), ((320, 180), "v180")]
)
def test_the_first_rung_is_a_small_one(size: tuple[int, int], first: str) -> None:
    assert build_plan(source(width=size[0], height=size[1]), None).first_rung == first


def test_the_first_rung_of_a_ladder_without_small_ones_is_its_last() -> None:
    made = build_plan(source(width=1080, height=1920), None, Options(profile="short-vertical"))
    assert [rung.id for rung in made.rungs] == ["v1080", "v540", "v360"]
    assert made.first_rung == "v360"


def test_passthrough_that_lasts_gives_all_rungs_its_cuts() -> None:
    made = build_plan(conforming(NTSC, 600), index_of([0, 70, 130, 250, 410, 550], 600))
    assert made.passthrough is not None
    assert (made.passthrough.lasting, made.passthrough.bps) == (True, 5_000_000)
    assert made.passthrough.rung == made.rungs[0]
    assert made.first_rung is None
    assert made.frames == 600
    assert made.cuts == (0, 130, 250, 410, 550)
    assert reason(made, "passthrough").startswith("H.264 that players support")


def test_passthrough_only_until_ready_leaves_the_grid_alone() -> None:
    """8 s between keyframes may be shown meanwhile; a ready title keeps the segment limit."""
    made = build_plan(conforming(Fraction(30), 600), index_of([0, 240, 480], 600))
    assert made.passthrough is not None
    assert not made.passthrough.lasting
    assert made.cuts == (0, 180, 360, 540)
    assert "only until the ladder is ready" in reason(made, "passthrough")


def test_the_apple_ladder_keeps_no_passthrough() -> None:
    made = build_plan(conforming(Fraction(30), 600), index_of([0, 150, 330, 480], 600), Options(ladder="apple"))
    assert made.passthrough is not None
    assert not made.passthrough.lasting
    assert made.cuts == (0, 180, 360, 540)


@pytest.mark.parametrize(
    ("keyframes", "frames", "steps"),
    [
        ([0, 200, 400, 600], 800, {1, 2}),
        ([0, 200, 400, 601], 800, {1}),  # half a frame cannot be cut
        ([0, 200, 400, 600], 801, {1}),  # nor left over
        ([0, 101, 200, 301, 400, 600], 800, {1, 2}),  # keyframes that are no cuts may be anywhere
    ],
)
def test_rungs_are_halved_only_where_passthrough_cuts_allow(keyframes: list[int], frames: int, steps: set[int]) -> None:
    made = build_plan(conforming(Fraction(50), frames, level=42), index_of(keyframes, frames))
    assert made.passthrough is not None
    assert made.passthrough.lasting
    assert made.frames == frames
    assert {rung.frame_step for rung in made.rungs} == steps
    assert made.passthrough.rung.frame_step == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (Options(watermark=Watermark(sha256="ab")), "a watermark is drawn on it"),
        (Options(start_s=Fraction(1)), "it is trimmed"),
        (Options(end_s=Fraction(19)), "it is trimmed"),
    ],
)
def test_what_the_owner_wants_changed_is_encoded(options: Options, why: str) -> None:
    made = build_plan(conforming(Fraction(30), 600), index_of([0, 150, 330, 480], 600), options)
    assert made.passthrough is None
    assert made.first_rung == "v360"
    assert reason(made, "no passthrough") == why


def test_back_on_the_regular_grid() -> None:
    """Passthrough given up later: its cuts go, the frames stay."""
    made = build_plan(conforming(Fraction(30), 3000), index_of(range(0, 3000, 100), 3000))
    plain = on_regular_grid(made)
    assert made.cuts == tuple(range(0, 3000, 100))
    assert plain.cuts == tuple(range(0, 3000, 180))
    assert plain.passthrough is None
    assert set(plain.chunks) <= set(plain.cuts)
    assert len(plain.chunks) == len(made.chunks) == 3
    assert plain.frames == made.frames


def test_an_unfit_track_leaves_rungs_of_no_more_than_the_upload_has() -> None:
    """As where it was never to be kept."""
    facts = {"rate": Fraction(30), "frames": 3000, "bit_rate_bps": 1_000_000}
    kept = build_plan(conforming(**facts), index_of(range(0, 3000, 100), 3000))
    never = build_plan(conforming(**facts, parameter_changes=1), index_of(range(0, 3000, 100), 3000))
    assert kept.passthrough is not None
    assert kept.passthrough.lasting
    assert kept.rungs[0].cap_bps > never.rungs[0].cap_bps
    assert on_regular_grid(kept).rungs == never.rungs
    until_ready = build_plan(conforming(**facts), index_of(range(0, 3000, 300), 3000))
    assert until_ready.passthrough is not None
    assert on_regular_grid(until_ready).rungs == never.rungs, "not held twice"


def test_reasons_for_people() -> None:
    made = build_plan(source(frame_rate=Fraction(120)), None)
    assert reason(made, "60 frames a second").startswith("the upload has 120, more than the profile's fastest")
    assert reason(made, "6 rungs: v1080, v720") == (
        "the video is shown at 1920x1080 and never scaled up; v432, v360, v234 show every second frame"
    )
    assert reason(made, "no passthrough") == "its 20000 kb/s are above the rung's cap"
    assert reason(made, "1 chunk") == "each at least 30.0 s"
    assert reason(made, "1 audio renditions") == "one for each language"
    assert reason(build_plan(source(variable=True), None), "30000/1001") == (
        "the upload's rate varies; at this one its motion stays smooth"
    )
    assert reason(build_plan(source(), None), "30000/1001") == "as in the upload"


def track(number: int, language: str | None, **changed: Any) -> AudioTrack:
    return replace(SOUND, index=number, language=language, **changed)


def sounds(*audio: AudioTrack) -> list[tuple[str, int, str | None]]:
    return [(sound.id, sound.index, sound.language) for sound in build_plan(source(audio=audio), None).audio]


def test_one_sound_for_each_language() -> None:
    assert sounds(track(1, "eng"), track(2, "ger"), track(3, "en"), track(4, "fre")) == [
        *(("a1", 1, "en"), ("a2", 2, "de"), ("a3", 4, "fr")),
    ]
    assert sounds(track(2, "ger")) == [("a1", 2, "de")]
    assert sounds() == []


def test_tracks_that_name_no_language_count_once() -> None:
    assert sounds(track(1, None), track(2, "und"), track(3, "ger")) == [("a1", 1, None), ("a2", 3, "de")]
    assert sounds(track(1, "ger"), track(2, None)) == [("a1", 1, "de")]


def test_more_languages_than_are_kept() -> None:
    many = ["eng", "ger", "fre", "spa", "ita", "por", "rus", "jpn", "kor", "chi"]
    made = build_plan(source(audio=tuple(track(n, name) for n, name in enumerate(many, 1))), None)
    assert [sound.language for sound in made.audio] == ["en", "de", "fr", "es", "it", "pt", "ru", "ja"]
    assert reason(made, "8 audio renditions") == "one for each language; 2 more tracks are left out"


def test_why_it_is_silent() -> None:
    assert reason(build_plan(source(audio=()), None), "0 audio") == "it is silent"
    unknown = build_plan(source(audio=(), unplayable_audio=("ac4",)), None)
    assert reason(unknown, "0 audio") == "codec ac4 is unknown"


@pytest.mark.parametrize(
    ("facts", "changed", "copyable"),
    [
        ({}, {}, True),
        ({"container": "matroska"}, {}, True),
        ({"container": "mpegts"}, {}, False),
        ({"damaged": True}, {}, False),
        ({}, {"codec": "mp3"}, False),
        ({}, {"profile": "HE-AAC"}, False),
        ({}, {"channels": 6}, False),
        ({}, {"channels": 1}, True),
        ({}, {"sample_rate_hz": 22_050}, False),
        ({}, {"sample_rate_hz": 48_000}, True),
        ({}, {"bit_rate_bps": 256_000}, False),
        ({}, {"start_s": Fraction(1, 20)}, True),
        ({}, {"start_s": Fraction(1, 5)}, False),
        ({}, {"start_s": Fraction(-1, 5)}, False),
        ({}, {"duration_s": Fraction(6)}, False),
    ],
)
def test_which_sound_may_be_copied(facts: dict[str, Any], changed: dict[str, Any], copyable: bool) -> None:
    made = build_plan(source(audio=(replace(SOUND, **changed),), **facts), None)
    assert made.audio == (
        AudioPlan(
            id="a1",
            index=1,
            language="en",
            channels=changed.get("channels", 2),
            copyable=copyable,
            copyable_for_now=made.audio[0].copyable_for_now,
            layout="stereo",
        ),
    )


def test_sound_only() -> None:
    german = track(2, "ger")
    made = build_plan(source(audio=(SOUND, german), duration_s=Fraction(20)), None, Options(profile="audio-only"))
    assert (made.video, made.rungs, made.passthrough, made.first_rung, made.smart) == (None, (), None, None, False)
    assert (made.frame_rate, made.frames) == (Fraction(48_000, 1024), 938)
    assert (made.timescale, made.frame_ticks) == (375_000, 8000)
    assert made.segment_frames == 281
    assert made.cuts == (0, 281, 562, 843)
    assert made.chunks == (0,)
    assert [sound.language for sound in made.audio] == ["en", "de"]
    assert made.decisions[0].what == "audio only"


def test_sound_only_needs_no_picture_but_sound() -> None:
    heard = replace(source(), video=None)
    assert build_plan(heard, None, Options(profile="audio-only")).audio[0].id == "a1"
    with pytest.raises(Rejected) as refused:
        build_plan(replace(heard, audio=()), None, Options(profile="audio-only"))
    assert refused.value.code == "no_audio"


def test_a_trimmed_sound() -> None:
    made = build_plan(source(), None, Options(profile="audio-only", start_s=Fraction(2), end_s=Fraction(5)))
    assert (made.first_frame, made.frames) == (94, 141)
    assert not made.audio[0].copyable


@pytest.mark.parametrize(
    ("named", "tag"),
    [
        *(("eng", "en"), ("fre", "fr"), ("pt-BR", "pt-BR"), ("und", None), ("mul", None), ("zxx", None)),
        *((None, None), ("", None), ('x",URI="', None), ("en\n", None), ("english language", None)),
    ],
)
def test_language_tags(named: str | None, tag: str | None) -> None:
    """A tag of the upload is free text; only BCP 47 goes on."""
    assert language_tag(named) == tag


@given(st.text(max_size=20))
def test_whatever_a_track_calls_its_language(named: str) -> None:
    tag = language_tag(named)
    assert tag is None or set(tag) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


@pytest.mark.parametrize(
    "made",
    [
        build_plan(source(), None),
        build_plan(source(audio=()), None),
        build_plan(source(), None, Options(profile="audio-only")),
        build_plan(source(), None, Options(watermark=Watermark(sha256="ab"), start_s=Fraction(1, 3))),
        build_plan(conforming(Fraction(50), 801, level=42), index_of([0, 200, 400, 601], 801)),
    ],
    ids=["sound", "silent", "audio only", "options", "passthrough"],
)
def test_round_trips(made: EncodePlan) -> None:
    assert plan_from_json(plan_to_json(made)) == made
    assert plan_from_json(plan_to_json(made)).digest() == made.digest()


def test_stored_plans_keep_their_keys() -> None:
    """Plans in the storage of running installations call the video plan `picture` and the audio plans `sounds`."""
    made = build_plan(source(), None)
    stored = plan_to_json(made)
    assert {"picture", "sounds"} <= stored.keys()
    assert not {"video", "audio"} & stored.keys()
    assert plan_from_json({**stored, "picture": {**stored["picture"], "deinterlace": True}}).video == replace(
        made.video, deinterlace=True
    )


def test_facts_round_trip() -> None:
    for facts in (source(), source(audio=()), replace(source(), video=None)):
        assert from_json(to_json(facts)) == facts


def test_any_change_of_the_plan_changes_its_digest() -> None:
    made = build_plan(conforming(Fraction(30), 3000), index_of(range(0, 3000, 60), 3000))
    assert made.video is not None
    assert made.passthrough is not None
    others: dict[str, Any] = {
        "container": "matroska",
        "video": replace(made.video, deinterlace=True),
        "cuts": made.cuts[:-1],
        "chunks": made.chunks[:-1],
        "rungs": made.rungs[:-1],
        "first_rung": "v360",
        "audio": (),
        "codec": Codec.AV1,
        "preset": "slow",
        "encoder_options": (("aq-strength", "0.5"),),
        "passthrough": replace(made.passthrough, lasting=False),
        "smart": False,
        "effort": Effort.QUALITY,
    }
    digests = {made.digest()}
    for field in fields(made):
        if field.name != "decisions":
            value = others[field.name] if field.name in others else getattr(made, field.name) + 1
            digests.add(replace(made, **{field.name: value}).digest())
    assert len(digests) == len(fields(made)), "each field but the reasons makes a digest of its own"
    assert replace(made, decisions=()).digest() == made.digest()


@pytest.mark.parametrize("ladder", ["smart", "apple"])
def test_an_encode_is_held_to_the_rate_of_its_upload(ladder: Literal["smart", "apple"]) -> None:
    """A track that cannot be delivered as it is (its keyframes are too far apart) is encoded to no more than it has."""
    facts = conforming(NTSC, 3000, bit_rate_bps=4_000_000)
    plan = build_plan(facts, index_of([0], 3000), Options(ladder=ladder))
    assert plan.passthrough is None
    assert plan.rungs[0].cap_bps == 3_800_000
