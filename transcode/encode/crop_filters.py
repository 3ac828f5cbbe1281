"""CropPath -> filters that make a wide picture upright. Pure.

The path becomes one expression of `t`, the time on the upload's timeline: each chunk says the same of the same frame,
whichever frame it begins with. An expression is a balanced tree of `if`s, because ffmpeg nests no deeper than 100.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import ffmpeg

from core.media.crop import CropKind, CropPath, CropShot
from transcode.plan.upright import ASPECT

Toned = Callable[[Any, tuple[int, int]], Any]  # a picture at a size, in the colours of the output
BLUR_SHRINK = 8  # what will be blurred anyway is blurred small: 64 times less work
BLUR_SIGMA = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What an expression is worth from a time on."""

    from_s: Fraction
    words: str


def upright_filters(
    picture: Any,
    path: CropPath,
    rate: Fraction,
    span_s: tuple[Fraction, Fraction],
    size: tuple[int, int],
    toned: Toned,
    *,
    odd_pixels: bool,
) -> Any:
    """`picture`, at `rate` frames a second, between the times `span_s`: cropped or padded to `size`, BT.709."""
    padded = {shot.kind is CropKind.PAD for shot in _within(path.shots, rate, span_s)}
    if padded == {True}:
        return _padded(picture, path.share, size, toned)
    if padded == {False}:
        return toned(_cropped(picture, path, rate, span_s, odd_pixels), size)
    pair = picture.filter_multi_output("split", 2)
    window = toned(_cropped(pair[0], path, rate, span_s, odd_pixels), size)
    whole = _padded(pair[1], path.share, size, toned)
    return ffmpeg.overlay(window, whole, x=0, y=0, format="yuv420", enable=pads(path, rate, span_s))


def _cropped(picture: Any, path: CropPath, rate: Fraction, span_s: tuple[Fraction, Fraction], odd_pixels: bool) -> Any:
    share = f"iw*{path.share.numerator}/{path.share.denominator}"
    # exact: the window moves by single pixels; rounded to those of the colour planes, a slow pan would limp.
    return picture.filter(
        "crop",
        w=f"2*round({share}/2)",
        h="ih",
        x=f"clip(({middles(path, rate, span_s)})*iw-ow/2,0,iw-ow)",
        y=0,
        **({"exact": 1} if odd_pixels else {}),
    )


def _padded(picture: Any, share: Fraction, size: tuple[int, int], toned: Toned) -> Any:
    """The whole picture in the width of `size`, over a blurred enlargement of its middle."""
    width, height = size
    inner = _even(height * share)
    whole = toned(picture, (width, inner)).filter_multi_output("split", 2)
    behind = whole[0].filter("crop", _even(inner * ASPECT), inner)
    behind = behind.filter("scale", _even(Fraction(width, BLUR_SHRINK)), _even(Fraction(height, BLUR_SHRINK)))
    behind = behind.filter("gblur", sigma=BLUR_SIGMA).filter("scale", width, height, flags="bicubic")
    behind = behind.filter("setsar", 1)
    return ffmpeg.overlay(behind, whole[1], x=0, y=_even(Fraction(height - inner, 2)), format="yuv420")


def _even(value: Fraction) -> int:
    return max(2, round(value / 2) * 2)


def middles(path: CropPath, rate: Fraction, span_s: tuple[Fraction, Fraction]) -> str:
    """The window's middle as a share of the width, an expression of t."""
    shots = _within(path.shots, rate, span_s)
    parts = [
        part
        for shot in shots
        for number, part in enumerate(_moves(shot, rate))
        if number == 0 or shot is shots[-1] or part.from_s < _shown(shot.end_s, rate)
    ]
    return _tree(_needed(parts, span_s))


def pads(path: CropPath, rate: Fraction, span_s: tuple[Fraction, Fraction]) -> str:
    """1 where the picture is padded, an expression of t."""
    shots = _within(path.shots, rate, span_s)
    return _tree([_Part(from_s=_shown(shot.start_s, rate), words=f"{shot.kind is CropKind.PAD:d}") for shot in shots])


def _shown(time_s: Fraction, rate: Fraction) -> Fraction:
    """Half a frame before the first output frame that shows a picture of this time: the fps filter rounds to it."""
    return (int(time_s * rate + Fraction(1, 2)) - Fraction(1, 2)) / rate


def _within(shots: Sequence[CropShot], rate: Fraction, span_s: tuple[Fraction, Fraction]) -> list[CropShot]:
    """Those that are seen in the span."""
    ends = [_shown(shot.start_s, rate) for shot in shots[1:]]
    return [
        shot
        for number, shot in enumerate(shots)
        if (number == 0 or ends[number - 1] < span_s[1]) and (number == len(ends) or ends[number] > span_s[0])
    ]


def _moves(shot: CropShot, rate: Fraction) -> list[_Part]:
    begin = _shown(shot.start_s, rate)
    if not shot.keys:
        return [_Part(from_s=begin, words="0.5")]
    parts = [_Part(from_s=begin, words=f"{shot.keys[0].x:g}")]
    for a, b in pairwise(shot.keys):
        slope = (b.x - a.x) / float(b.time_s - a.time_s)
        words = f"{a.x:g}{slope:+.6f}*(t-{float(a.time_s):.6f})"
        parts.append(_Part(from_s=max(begin, a.time_s), words=words))
    if len(shot.keys) > 1:
        parts.append(_Part(from_s=max(begin, shot.keys[-1].time_s), words=f"{shot.keys[-1].x:g}"))
    return parts


def _needed(parts: Sequence[_Part], span_s: tuple[Fraction, Fraction]) -> list[_Part]:
    """Without those that end before the span or begin after it, or that the next one replaces at once."""
    kept: list[_Part] = []
    for number, part in enumerate(parts):
        late = bool(kept) and part.from_s >= span_s[1]
        over = number + 1 < len(parts) and parts[number + 1].from_s <= max(span_s[0], part.from_s)
        if not late and not over:
            kept.append(part)
    return kept


def _tree(parts: Sequence[_Part]) -> str:
    if len(parts) == 1:
        return parts[0].words
    half = len(parts) // 2
    at = f"{float(parts[half].from_s):.6f}"
    return f"if(lt(t,{at}),{_tree(parts[:half])},{_tree(parts[half:])})"
