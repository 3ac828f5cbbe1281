"""Frame times -> a rational frame rate. Pure.

Containers round times to their time base (1 ms in Matroska) and some headers claim a rate that no frame has, so the
rate is measured from the packets and then snapped to the nearest standard rate. Where frame intervals vary, it is the
slowest standard rate at which every stretch of regular motion stays regular.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

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
SMOOTH = 60  # Hz: a higher rate only where frames come faster
STRETCH_FRAMES = 4  # this many equal intervals in a row are motion; fewer are jitter
JITTER = 0.1  # of a frame interval: less is not visible


def frame_rate(
    ticks: Sequence[int],
    time_base: Fraction,
    average: Fraction | None,
    guessed: Fraction | None,
    others_last_s: Fraction = Fraction(0),
) -> tuple[Fraction, bool]:
    """(rate in Hz, whether it varies) of sorted presentation `ticks` in `time_base` seconds.

    `average` and `guessed` are what the container claims; used only when they agree with the packets.
    `others_last_s` is how long the other tracks last: the only clue where the frame times themselves are wrong.
    """
    distances = Counter(b - a for a, b in pairwise(ticks) if b > a)
    if not distances:
        claimed = average or guessed or DEFAULT_RATE
        return (_snap(claimed) if SLOWEST <= claimed <= 60 else DEFAULT_RATE), False
    usual = _median(distances)
    if 1 / (usual * time_base) > FASTEST and others_last_s > 4 * (ticks[-1] - ticks[0]) * time_base:
        # No camera is that fast: the times are in a wrong unit. The video is assumed to last as long as the audio.
        measured = len(ticks) / others_last_s
        return Fraction(min(_WHOLE, key=lambda whole: abs(whole - measured))), True
    # One tick of rounding on either side, or a tenth of a frame.
    slack = max(Fraction(1), usual / 10)
    near = {d: times for d, times in distances.items() if abs(d - usual) <= slack}
    if sum(near.values()) >= USUAL_SHARE * distances.total():
        return _steady_rate(ticks, time_base, near, average, guessed), False
    return _even_rate(ticks, time_base, usual), True


def is_constant(ticks: Sequence[int], time_base: Fraction, rate: Fraction) -> bool:
    """Whether sorted `ticks` are start + k frame intervals, each within a tick (and within a quarter of a frame)."""
    distance = 1 / (rate * time_base)
    over, under = distance.numerator, distance.denominator
    tolerance = min(under, over // 4)
    last = len(ticks) - 1
    if last < 0 or abs((ticks[last] - ticks[0]) * under - last * over) > tolerance:
        return False
    start = ticks[0]
    return all(-tolerance <= (tick - start) * under - k * over <= tolerance for k, tick in enumerate(ticks))


def longest_gap(ticks: Sequence[int], end: int) -> int:
    """The longest interval between neighbours of sorted `ticks`, `end` included, in ticks."""
    if not ticks:
        return 0
    return max(max((b - a for a, b in pairwise(ticks)), default=0), end - ticks[-1])


def _steady_rate(
    ticks: Sequence[int],
    time_base: Fraction,
    near: dict[int, int],
    average: Fraction | None,
    guessed: Fraction | None,
) -> Fraction:
    # Few gaps: the mean of the steady intervals is exact even where single intervals are rounded to ticks.
    count, total = sum(near.values()), sum(d * times for d, times in near.items())
    measured = Fraction(count, total) / time_base
    # How far rounding to ticks, and jitter at both ends, can have moved the mean over this many of them.
    rounding = max(Fraction(1, 1000), Fraction(max(1, max(near) - min(near)), total))
    claims = [_snap(rate) for rate in (guessed, average) if rate and abs(rate - measured) <= measured * rounding]
    candidates = [_clamp(rate) for rate in (*claims, _snap(measured))]
    # Some encoders have a clock of their own, such as 1501/90000 s. Where every frame follows it, it is the rate:
    # the nearest standard one would drop a frame now and then.
    exact = [_clamp(measured)] if len(near) == 1 else []
    return next((rate for rate in (*candidates, *exact) if is_constant(ticks, time_base, rate)), candidates[0])


def _even_rate(ticks: Sequence[int], time_base: Fraction, usual: Fraction) -> Fraction:
    """The slowest standard rate whose frame interval divides the intervals of nine in ten regularly spaced frames."""
    stretches = Counter(_stretches(ticks))
    if sum(count * times for (_, count), times in stretches.items()) * 2 < len(ticks):
        stretches = Counter((b - a, 1) for a, b in pairwise(ticks) if b > a)
    # A float is exact enough to compare with a tenth.
    moving = [(float(Fraction(total, count) * time_base), count * n) for (total, count), n in stretches.items()]
    fitting = [rate for rate in _STANDARD if _fit(moving, float(rate)) >= USUAL_SHARE]
    if not fitting or (min(fitting) > SMOOTH and usual * time_base * SMOOTH > 1):
        # Mere jitter: the rate of the usual interval; never slower than the mean, which would lose frames.
        slowest = max(1 / (usual * time_base), Fraction(len(ticks) - 1, ticks[-1] - ticks[0]) / time_base)
        return Fraction(min(_WHOLE, key=lambda whole: abs(whole - slowest)))
    # 48 nearly fits what is 50, and would drop a frame every second: of rates close together the best fit,
    # preferring a whole number unless the other fits twice as well.
    close = (rate for rate in fitting if rate * USUAL_SHARE <= min(fitting))
    return min(close, key=lambda rate: _deviation(moving, float(rate)) * (1 if rate.denominator == 1 else 2))


def _stretches(ticks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(ticks, frames) of each run of equal intervals that is long enough to be seen as motion."""
    total = count = 0
    for a, b in pairwise(ticks):
        distance = b - a
        if distance <= 0:
            continue
        if count and abs(distance * count - total) > max(count, total // 10):
            if count >= STRETCH_FRAMES:
                yield total, count
            total = count = 0
        total += distance
        count += 1
    if count >= STRETCH_FRAMES:
        yield total, count


def _fit(moving: list[tuple[float, int]], rate: float) -> float:
    """Share of frames whose interval is nearly a whole number of frames at `rate`. `moving`: (seconds, frames)."""
    fit = 0
    for distance_s, count in moving:
        frames = distance_s * rate
        if frames >= 1 - JITTER and abs(frames - round(frames)) <= JITTER * frames:
            fit += count
    return fit / sum(count for _, count in moving)


def _deviation(moving: list[tuple[float, int]], rate: float) -> float:
    return sum(abs(distance_s * rate - round(distance_s * rate)) * count for distance_s, count in moving)


def _median(distances: Counter[int]) -> Fraction:
    left = distances.total() / 2
    for distance in sorted(distances):
        left -= distances[distance]
        if left <= 0:
            return Fraction(distance)
    raise ValueError("no distances")


def _snap(rate: Fraction) -> Fraction:
    nearest = min(_STANDARD, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest - rate) <= nearest * SNAP else rate.limit_denominator(1001)


def _clamp(rate: Fraction) -> Fraction:
    return min(max(rate, SLOWEST), FASTEST)
