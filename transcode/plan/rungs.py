"""Ladder + displayed size -> the rungs of a title. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from presets.ladder import cap_between
from presets.rung import Codec, Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRung:
    """One video rendition to encode. Sizes are even, displayed pixels.

    `cap_bps` is the ladder's; the encoder is held by crf and maxrate_bps. `frame_step` 2 shows every
    second of the plan's frames.
    """

    id: str
    width: int
    height: int
    cap_bps: int
    crf: float
    maxrate_bps: int
    frame_step: int = 1

    @property
    def short_side(self) -> int:
        return min(self.width, self.height)


def rungs(
    shown_width: int, shown_height: int, ladder: Sequence[Rung], *, crf: float, half_rate_at: int
) -> tuple[VideoRung, ...]:
    """The rungs of a title, from largest to smallest; up to a short side of `half_rate_at` pixels at half frame rate.

    Never upscaled: a source between rungs gets a top rung at its own size, one below all rungs gets only that.
    """
    short = min(shown_width, shown_height)
    chosen = [rung for rung in ladder if rung.short_side <= short]
    if short < ladder[0].short_side and (not chosen or chosen[0].short_side != even_down(short)):
        chosen.insert(0, Rung(short_side=short, cap_bps=cap_between(short, tuple(ladder))))
    aspect = Fraction(shown_width, shown_height)
    video_rungs = []
    for rung in chosen:
        # Never above the source, even where its odd side must become even.
        side = even_down(rung.short_side)
        long = min(_even_near(side * max(aspect, 1 / aspect)), even_down(max(shown_width, shown_height)))
        width, height = (long, side) if aspect >= 1 else (side, long)
        video_rungs.append(
            VideoRung(
                id=f"v{side}",
                width=width,
                height=height,
                cap_bps=rung.cap_bps,
                crf=crf,
                maxrate_bps=rung.cap_bps,
                frame_step=2 if side <= half_rate_at else 1,
            )
        )
    return tuple(video_rungs)


# Codecs in the order of how little they need for a picture; a codec that is not listed needs as much as H.264, or more.
_LEANER = ("hevc", "vp9", "av1", "vvc")
_LEAST_SHARE = 4  # of a rung's cap: below a quarter of it, keyframes every two seconds show


def within_upload(
    video_rungs: tuple[VideoRung, ...], upload_bps: int, upload_codec: str, codec: Codec
) -> tuple[VideoRung, ...]:
    """The rungs with caps of at most the upload's own bit rate: an encode of an encode gains nothing above it.

    Unless it must: where the upload's codec needs less than ours for the same picture, or so little that ours would
    show (below a quarter of a rung's cap), the caps stay higher. 5 % are left for the containers of segments.
    """
    ours = _LEANER.index(codec) if codec in _LEANER else -1
    theirs = _LEANER.index(upload_codec) if upload_codec in _LEANER else -1
    if theirs > ours or upload_bps <= 0:
        return video_rungs
    most = upload_bps * 95 // 100
    return tuple(_capped(rung, max(most, rung.cap_bps // _LEAST_SHARE)) for rung in video_rungs)


def _capped(rung: VideoRung, most_bps: int) -> VideoRung:
    if rung.cap_bps <= most_bps:
        return rung
    return replace(rung, cap_bps=most_bps, maxrate_bps=min(rung.maxrate_bps, most_bps))


def even_down(value: int) -> int:
    """The largest even number up to `value`, at least 2."""
    return max(2, value - value % 2)


def _even_near(value: Fraction) -> int:
    return max(2, round(value / 2) * 2)
