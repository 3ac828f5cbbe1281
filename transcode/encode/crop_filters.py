"""CropPath -> filters that crop or pad a landscape video to vertical. Pure.

The path becomes one expression of `t`, the time on the upload's timeline, so that every chunk crops a given frame the
same way. The expression is a balanced tree of `if`s, because ffmpeg nests no deeper than 100.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import ffmpeg

from core.media.crop import CropKind, CropPath, CropShot
from transcode.plan.upright import ASPECT

Convert = Callable[
    [Any, tuple[int, int]], Any
]  # (video, (width, height)) -> the video at that size in the output's colours
BLUR_SHRINK = 8  # the background is blurred at an eighth of its size: 64 times less work
BLUR_SIGMA = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A piece of a piecewise expression: `expression` holds from `from_s` on, until the next piece."""

    from_s: Fraction
    expression: str


def upright_filters(
    video: Any,
    path: CropPath,
    rate: Fraction,
    span_s: tuple[Fraction, Fraction],
    size: tuple[int, int],
    convert: Convert,
    *,
    odd_pixels: bool,
) -> Any:
    """`video` at `rate` frames a second, between the times `span_s`, cropped or padded to `size` (width, height).

    `convert` scales a part and converts it to BT.709.
    """
    padded = {shot.kind is CropKind.PAD for shot in _shots_in(path.shots, rate, span_s)}
    if padded == {True}:
        return _padded(video, path.share, size, convert)
    if padded == {False}:
        return convert(_cropped(video, path, rate, span_s, odd_pixels), size)
    branches = video.filter_multi_output("split", 2)
    window = convert(_cropped(branches[0], path, rate, span_s, odd_pixels), size)
    whole = _padded(branches[1], path.share, size, convert)
    return ffmpeg.overlay(window, whole, x=0, y=0, format="yuv420", enable=padding_expression(path, rate, span_s))


def _cropped(video: Any, path: CropPath, rate: Fraction, span_s: tuple[Fraction, Fraction], odd_pixels: bool) -> Any:
    share = f"iw*{path.share.numerator}/{path.share.denominator}"
    # exact: the window moves by single pixels; rounded to chroma samples, a slow pan would stutter.
    return video.filter(
        "crop",
        w=f"2*round({share}/2)",
        h="ih",
        x=f"clip(({centre_expression(path, rate, span_s)})*iw-ow/2,0,iw-ow)",
        y=0,
        **({"exact": 1} if odd_pixels else {}),
    )


def _padded(video: Any, share: Fraction, size: tuple[int, int], convert: Convert) -> Any:
    """The uncropped video scaled to the width of `size`, over a blurred enlargement of its middle."""
    width, height = size
    inner = _even(height * share)
    whole = convert(video, (width, inner)).filter_multi_output("split", 2)
    background = whole[0].filter("crop", _even(inner * ASPECT), inner)
    background = background.filter("scale", _even(Fraction(width, BLUR_SHRINK)), _even(Fraction(height, BLUR_SHRINK)))
    background = background.filter("gblur", sigma=BLUR_SIGMA).filter("scale", width, height, flags="bicubic")
    background = background.filter("setsar", 1)
    return ffmpeg.overlay(background, whole[1], x=0, y=_even(Fraction(height - inner, 2)), format="yuv420")


def _even(value: Fraction) -> int:
    return max(2, round(value / 2) * 2)


def centre_expression(path: CropPath, rate: Fraction, span_s: tuple[Fraction, Fraction]) -> str:
    """ffmpeg expression of `t`: centre of the crop window as a share of the video's width."""
    shots = _shots_in(path.shots, rate, span_s)
    parts = [
        part
        for shot in shots
        for number, part in enumerate(_moves(shot, rate))
        if number == 0 or shot is shots[-1] or part.from_s < _frame_boundary_s(shot.end_s, rate)
    ]
    return _nested_ifs(_visible(parts, span_s))


def padding_expression(path: CropPath, rate: Fraction, span_s: tuple[Fraction, Fraction]) -> str:
    """ffmpeg expression of `t`: 1 where the video is padded, 0 where it is cropped."""
    shots = _shots_in(path.shots, rate, span_s)
    return _nested_ifs(
        [
            _Piece(from_s=_frame_boundary_s(shot.start_s, rate), expression=f"{shot.kind is CropKind.PAD:d}")
            for shot in shots
        ]
    )


def _frame_boundary_s(time_s: Fraction, rate: Fraction) -> Fraction:
    """Half a frame before the first output frame that shows this source time: the fps filter rounds to it."""
    return (int(time_s * rate + Fraction(1, 2)) - Fraction(1, 2)) / rate


def _shots_in(shots: Sequence[CropShot], rate: Fraction, span_s: tuple[Fraction, Fraction]) -> list[CropShot]:
    """The shots of which at least one output frame lies in the span."""
    ends = [_frame_boundary_s(shot.start_s, rate) for shot in shots[1:]]
    return [
        shot
        for number, shot in enumerate(shots)
        if (number == 0 or ends[number - 1] < span_s[1]) and (number == len(ends) or ends[number] > span_s[0])
    ]


def _moves(shot: CropShot, rate: Fraction) -> list[_Piece]:
    begin = _frame_boundary_s(shot.start_s, rate)
    if not shot.keys:
        return [_Piece(from_s=begin, expression="0.5")]
    parts = [_Piece(from_s=begin, expression=f"{shot.keys[0].x:g}")]
    for a, b in pairwise(shot.keys):
        slope = (b.x - a.x) / float(b.time_s - a.time_s)
        expression = f"{a.x:g}{slope:+.6f}*(t-{float(a.time_s):.6f})"
        parts.append(_Piece(from_s=max(begin, a.time_s), expression=expression))
    if len(shot.keys) > 1:
        parts.append(_Piece(from_s=max(begin, shot.keys[-1].time_s), expression=f"{shot.keys[-1].x:g}"))
    return parts


def _visible(parts: Sequence[_Piece], span_s: tuple[Fraction, Fraction]) -> list[_Piece]:
    """The pieces without those that end before the span, begin after it, or are replaced at once by the next one."""
    visible: list[_Piece] = []
    for number, part in enumerate(parts):
        after_span = bool(visible) and part.from_s >= span_s[1]
        hidden = number + 1 < len(parts) and parts[number + 1].from_s <= max(span_s[0], part.from_s)
        if not after_span and not hidden:
            visible.append(part)
    return visible


def _nested_ifs(parts: Sequence[_Piece]) -> str:
    if len(parts) == 1:
        return parts[0].expression
    half = len(parts) // 2
    at = f"{float(parts[half].from_s):.6f}"
    return f"if(lt(t,{at}),{_nested_ifs(parts[:half])},{_nested_ifs(parts[half:])})"
