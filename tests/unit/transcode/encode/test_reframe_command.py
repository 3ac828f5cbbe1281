"""transcode.encode.crop_filters: the exact words that make a picture upright, and what they are worth at each frame."""

import re
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.media.crop import CropPath
from tests.crops import SHORT, moving, padded, path, still
from tests.sources import NTSC, source
from transcode.encode.argv import video_argv
from transcode.encode.crop_filters import centre_expression, padding_expression
from transcode.pertitle.samples import plan_samples, sample_argv
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import EncodePlan, Options
from transcode.plan.watermark import ImageType, Watermark, WatermarkFile
from transcode.probe.source import Source

MARK = WatermarkFile(path=PurePosixPath("/in/mark.png"), type=ImageType(media_type="image/png", demuxer="png_pipe"))
PARAMS = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=limited"
CROP = "crop=exact=1:h=ih:w=2*round(iw*101/320/2):x=clip(({})*iw-ow/2\\,0\\,iw-ow):y=0"


def graphs(words: list[str]) -> list[str]:
    return [text for option, text in pairwise(words) if option == "-filter_complex"]


def graph(made: EncodePlan, first: int, end: int, *, mark: bool = False) -> str:
    """The last graph of a run, which has frames of one form at the title's rate."""
    return encode_graphs(made, first, end, mark=mark)[-1]


def encode_graphs(made: EncodePlan, first: int, end: int, *, mark: bool = False) -> list[str]:
    words = video_argv(
        made,
        "ffmpeg",
        PurePosixPath("/in/clip.mp4"),
        first=first,
        end=end,
        rungs=made.rungs[-1:],
        watermark=MARK if mark else None,
    )
    return graphs(words)


def made_of(crop: CropPath, facts: Source | None = None, options: Options = SHORT) -> EncodePlan:
    return build_plan(facts or source(), None, options, crop)


def worth(words: str, time_s: float) -> float:
    """What ffmpeg makes of the expression, by the same rules in Python."""
    told = re.sub(r"\bif\(", "choose(", words)
    names = {"t": time_s, "lt": lambda a, b: a < b, "choose": lambda given, a, b: a if given else b}
    return float(eval(told, {"__builtins__": {}}, names))  # noqa: S307 - our own words


def test_a_still_window() -> None:
    assert graph(made_of(path(still(0, 7, 0.25))), 0, 210) == (
        f"[s7]null[s8];[s8]{CROP.format('0.25')}[s9];[s9]scale=360:640:flags=bicubic[s10];[s10]setsar=1[s11];"
        f"[s11]trim=end_frame=210[s12];[s12]setpts=N[s13];[s13]{PARAMS}[s14]"
    )


def test_padding_alone() -> None:
    assert graph(made_of(path(padded(0, 7))), 0, 210) == (
        "[s7]null[s8];[s8]scale=360:202:flags=bicubic[s9];[s9]setsar=1[s10];"
        "[s10]split=2[s11][s12];[s11]crop=114:202[s13];[s13]scale=44:80[s14];[s14]gblur=sigma=3[s15];"
        "[s15]scale=360:640:flags=bicubic[s16];[s16]setsar=1[s17];"
        "[s17][s12]overlay=eof_action=repeat:format=yuv420:x=0:y=220[s18];"
        f"[s18]trim=end_frame=210[s19];[s19]setpts=N[s20];[s20]{PARAMS}[s21]"
    )


def test_a_window_and_padding_with_a_watermark_over_both() -> None:
    options = replace(SHORT, watermark=Watermark(sha256="ab"))
    words = graph(made_of(path(still(0, 3, 0.25), padded(3, 7)), options=options), 0, 210, mark=True)
    # 3 s is frame 89.9: the fps filter shows what comes then from frame 90 on.
    assert "overlay=enable=if(lt(t\\,2.986317)\\,0\\,1):eof_action=repeat:format=yuv420:x=0:y=0" in words
    assert words.index("enable=") < words.index("overlay=eof_action=repeat:format=yuv420:x=W") < words.index("trim")
    assert words.index("split=2") < words.index("crop=exact")


def test_high_dynamic_range_is_cropped_before_it_is_toned() -> None:
    facts = source(transfer="smpte2084", interlaced=True, bit_depth=10)
    words = " ".join(encode_graphs(made_of(path(still(0, 7, 0.25)), facts), 0, 210))
    order = [
        "bwdif=",
        "format=yuv420p10le",
        "fps=",
        "crop=h=ih",
        "zscale=f=bicubic:h=640:w=360",
        "tonemap=",
        "format=yuv420p[",
    ]
    assert [words.index(one) for one in order] == sorted(words.index(one) for one in order)


def test_a_chunk_has_only_its_own_part_at_the_titles_own_time() -> None:
    crop = path(still(0, 2, 0.3), moving(2, 4, 0.3, 0.7), padded(4, 5), still(5, 7, 0.6))
    whole = centre_expression(crop, NTSC, (Fraction(0), Fraction(7)))
    assert graph(made_of(crop), 75, 100).split(";")[1] == (
        "[s8]" + CROP.format("0.3+0.200000*(t-2.000000)") + "[s9]"
    ), "neither the shots before nor those after"
    assert "gblur" not in graph(made_of(crop), 75, 100)
    assert "gblur" in graph(made_of(crop), 100, 130)
    assert "split" not in graph(made_of(crop), 160, 200)
    for first, end in ((0, 75), (75, 100), (100, 130), (130, 210)):
        own = centre_expression(crop, NTSC, (first / NTSC, end / NTSC))
        for frame in range(first, end):
            assert worth(own, float(frame / NTSC)) == worth(whole, float(frame / NTSC))


@given(
    cut=st.fractions(min_value=1, max_value=5, max_denominator=1000),
    rate=st.sampled_from([Fraction(25), NTSC, Fraction(24000, 1001), Fraction(60)]),
)
def test_a_cut_is_where_the_frame_rate_filter_shows_it(cut: Fraction, rate: Fraction) -> None:
    words = centre_expression(path(still(0, cut, 0.3), still(cut, 7, 0.7)), rate, (Fraction(0), Fraction(7)))
    # Rounded to the nearest frame, halves up.
    shown = (cut * rate + Fraction(1, 2)).__floor__()
    assert worth(words, float((shown - 1) / rate)) == 0.3
    assert worth(words, float(shown / rate)) == 0.7


@given(xs=st.lists(st.floats(min_value=0, max_value=1), min_size=3, max_size=200), at=st.integers(0, 174))
def test_the_words_are_the_path(xs: list[float], at: int) -> None:
    crop = path(still(0, 1, 0.2), moving(1, 6, *(round(x, 4) for x in xs)), still(6, 7, 0.8))
    words = centre_expression(crop, Fraction(25), (Fraction(0), Fraction(7)))
    time_s = Fraction(at, 25)
    assert worth(words, float(time_s)) == pytest.approx(crop.shot(time_s).middle(time_s), abs=2e-3)
    depth = most = 0
    for sign in words:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        most = max(most, depth)
    assert most < 30, "ffmpeg nests no deeper than 100"


def test_when_it_is_padded() -> None:
    crop = path(padded(0, 1), still(1, 3), padded(3, 4), moving(4, 7, 0.2, 0.5))
    words = padding_expression(crop, Fraction(25), (Fraction(0), Fraction(7)))
    seen = [worth(words, frame / 25) for frame in range(175)]
    assert seen == [1.0] * 25 + [0.0] * 50 + [1.0] * 25 + [0.0] * 75


def test_a_slow_source_of_wide_pixels_is_cropped_by_its_own_ones() -> None:
    facts = source(width=1440, height=1080, shown_width=1920, shown_height=1080, sample_aspect=Fraction(4, 3))
    assert "crop=exact=1:h=ih:w=2*round(iw*101/320/2)" in graph(made_of(path(still(0, 7)), facts), 0, 210)


def test_samples_show_the_window_of_their_own_moments() -> None:
    crop = path(still(0, 30, 0.25), still(30, 60, 0.75))
    facts = source(frames=1800, duration_s=Fraction(60))
    facts = replace(facts, video=facts.video and replace(facts.video, duration_s=Fraction(60), frames=1800))
    made = build_plan(facts, None, SHORT, crop)
    samples = plan_samples(made, facts, None)
    assert samples.skipped is None
    words = sample_argv(made, samples, "ffmpeg", PurePosixPath("/in/clip.mp4"))
    told = next(part for text in graphs(words) for part in text.split(";") if "crop=exact" in part)
    own = told[told.index("clip((") + 6 : told.index(")*iw-ow/2")].replace("\\", "")
    length = samples.sample_frames / made.frame_rate
    for number, start_s in enumerate(samples.starts_s):
        assert worth(own, float((number + Fraction(1, 2)) * length)) == (0.25 if start_s + length / 2 < 30 else 0.75)
