"""Ladder + displayed size -> the rungs of a title. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from presets.ladder import cap_between
from presets.rung import Rung


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


def even_down(value: int) -> int:
    """The largest even number up to `value`, at least 2."""
    return max(2, value - value % 2)


def _even_near(value: Fraction) -> int:
    return max(2, round(value / 2) * 2)
