"""Frame times -> a rational frame rate. Pure.

Containers round times to their time base (1 ms in Matroska) and some headers claim a rate that no frame has, so the
rate is read from the packets and then snapped to the standard rate they mean.
"""

from fractions import Fraction
from itertools import pairwise
from statistics import median

_WHOLE = (1, 2, 5, 6, 8, 10, 12, 15, 18, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)
_STANDARD = (
    *(Fraction(rate) for rate in _WHOLE),
    *(Fraction(rate * 1000, 1001) for rate in (12, 15, 24, 30, 48, 60, 120, 240)),
    Fraction(25, 2),
)
DEFAULT_RATE = Fraction(25)
SLOWEST, FASTEST = Fraction(1, 10), Fraction(240)
SNAP = Fraction(3, 1000)  # 24 and 24000/1001 differ by one part in a thousand: nearest wins
USUAL_SHARE = Fraction(9, 10)


def frame_rate(
    ticks: list[int], time_base: Fraction, average: Fraction | None, guessed: Fraction | None
) -> tuple[Fraction, bool]:
    """(rate in Hz, whether it varies) of sorted presentation `ticks` in `time_base` seconds.

    `average` and `guessed` are what the container claims; used only when they agree with the packets.
    """
    distances = [b - a for a, b in pairwise(ticks) if b > a]
    if not distances:
        claimed = average or guessed or DEFAULT_RATE
        return (_snap(claimed) if SLOWEST <= claimed <= 60 else DEFAULT_RATE), False
    usual = median(distances)
    # One tick of rounding on either side, or a tenth of a frame.
    slack = max(1, usual / 10)
    steady = sum(abs(d - usual) <= slack for d in distances) >= USUAL_SHARE * len(distances)
    mean = Fraction(len(distances), ticks[-1] - ticks[0]) / time_base
    if steady:
        # Few gaps: the mean over the steady distances is exact where one distance is a rounded number of ticks.
        kept = [d for d in distances if abs(d - usual) <= slack]
        measured = Fraction(len(kept), sum(kept)) / time_base
        # How far rounding to ticks can have moved the mean over this many of them.
        rounding = max(Fraction(1, 1000), Fraction(1, sum(kept)))
        for rate in (guessed, average):
            if rate and abs(rate - measured) <= measured * rounding:
                return _bound(_snap(rate)), False
        return _bound(_snap(measured)), False
    # Variable: the rate of its usual distance keeps the smooth stretches smooth; never slower than the mean.
    wanted = max(1 / (Fraction(usual) * time_base), mean)
    return min(_STANDARD, key=lambda standard: abs(standard - wanted)), True


def longest_gap(ticks: list[int], end: int) -> int:
    """The longest distance between neighbours of `ticks`, `end` included, in ticks."""
    marks = [*sorted(ticks), end]
    return max((b - a for a, b in pairwise(marks)), default=0)


def _snap(rate: Fraction) -> Fraction:
    nearest = min(_STANDARD, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest - rate) <= nearest * SNAP else rate.limit_denominator(1001)


def _bound(rate: Fraction) -> Fraction:
    return min(max(rate, SLOWEST), FASTEST)
