"""Importance by column and time -> the path of an upright window through one shot. Pure.

Positions are the window's middle as a share of the picture's width. The path through a shot is the one that shows most
of what matters, moves no faster than FASTEST, and as little as it can: still, else one even pan, else followed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from core.media.crop import CropKey, CropKind, CropShot
from thumbnails.reframe.importance import BINS, Columns

FASTEST = 0.4  # picture widths a second
STILL_RANGE = 0.1  # a middle that moves less stays where it is
STILL_WORTH = 0.92  # and so does one that hardly shows more by moving
PAN_MISS = 0.05
STEP_COST = 0.004  # of moving by one of BINS: less than any object is worth, more than noise is
SMOOTH_S = 0.4
KEY_STEP_S = Fraction(1, 10)
TOLERANCE = 0.004  # of a key left out
TO_MIDDLE = 0.02  # where nothing matters, the middle does


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The importance of each column of one frame."""

    time_s: Fraction
    columns: Columns


def shot_path(
    samples: Sequence[Sample], start_s: Fraction, end_s: Fraction, share: float, tolerance: float = TOLERANCE
) -> CropShot:
    """The window through the shot from `start_s` to `end_s`, which has at least one sample."""
    middles = _middles(share)
    worth = np.stack([_worth(sample.columns, share, middles) for sample in samples])
    still = int(worth.sum(axis=0).argmax())
    track = _track(worth, [float(sample.time_s) for sample in samples])
    shown = float(worth[np.arange(len(samples)), track].sum())
    path = middles[track]
    if float(np.ptp(path)) < STILL_RANGE or float(worth[:, still].sum()) > STILL_WORTH * shown:
        key = _key(start_s, middles[still])
        return CropShot(start_s=start_s, end_s=end_s, kind=CropKind.STILL, keys=(key,))
    times = np.array([float(sample.time_s) for sample in samples])
    if pan := _pan(times, path, start_s, end_s, share):
        return CropShot(start_s=start_s, end_s=end_s, kind=CropKind.PAN, keys=pan)
    keys = _followed(times, path, start_s, end_s, tolerance)
    return CropShot(start_s=start_s, end_s=end_s, kind=CropKind.TRACK, keys=keys)


def _middles(share: float) -> npt.NDArray[np.float64]:
    """The positions (0..1) that the window's middle can take with the window inside the picture."""
    places = (np.arange(BINS) + 0.5) / BINS
    inside: npt.NDArray[np.float64] = places[(places >= share / 2) & (places <= 1 - share / 2)]
    return inside if inside.size else np.array([0.5])


def _window(columns: Columns, middles: npt.NDArray[np.float64], width: float) -> npt.NDArray[np.float64]:
    """The sum over a window of this width at each middle: two look-ups in the running sum."""
    running = np.concatenate(([0.0], np.cumsum(columns)))
    at = np.arange(BINS + 1) / BINS
    high = np.interp(middles + width / 2, at, running)
    return np.asarray(high - np.interp(middles - width / 2, at, running))


def _worth(columns: Columns, share: float, middles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The importance that a window at each of `middles` shows; what is near its middle counts more."""
    inner = sum(_window(columns, middles, share * part) * weight for part, weight in ((0.6, 0.4), (0.25, 0.2)))
    return np.asarray(_window(columns, middles, share) + inner - TO_MIDDLE * np.abs(middles - 0.5))


def _track(worth: npt.NDArray[np.float64], times: Sequence[float]) -> npt.NDArray[np.int64]:
    """The best path of all that keep the speed (Viterbi): an index of the middles for each sample."""
    count, places = worth.shape
    best = worth[0].copy()
    came_from = np.zeros((count, places), dtype=np.int64)
    positions = np.arange(places)
    for number in range(1, count):
        reach = max(1, int(FASTEST * (times[number] - times[number - 1]) * BINS))
        reach = min(reach, places - 1)
        candidates = np.full((2 * reach + 1, places), -np.inf)
        for row, step in enumerate(range(-reach, reach + 1)):
            low, high = max(0, -step), min(places, places - step)
            candidates[row, low:high] = best[low + step : high + step] - STEP_COST * abs(step)
        best_rows = candidates.argmax(axis=0)
        came_from[number] = positions + best_rows - reach
        best = candidates[best_rows, positions] + worth[number]
    track = np.empty(count, dtype=np.int64)
    track[-1] = int(best.argmax())
    for number in range(count - 1, 0, -1):
        track[number - 1] = came_from[number, track[number]]
    return track


def _pan(
    times: npt.NDArray[np.float64], path: npt.NDArray[np.float64], start_s: Fraction, end_s: Fraction, share: float
) -> tuple[CropKey, ...]:
    """The two keys of an even pan, or () where no straight line fits the path."""
    if len(times) < 3:
        return ()
    slope, at = np.polyfit(times - times[0], path, 1)
    line = at + slope * (times - times[0])
    if float(np.abs(line - path).max()) > PAN_MISS or abs(slope) > FASTEST:
        return ()
    ends = [float(np.clip(at + slope * (float(s) - times[0]), share / 2, 1 - share / 2)) for s in (start_s, end_s)]
    return (_key(start_s, ends[0]), _key(end_s, ends[1]))


def _followed(
    times: npt.NDArray[np.float64],
    path: npt.NDArray[np.float64],
    start_s: Fraction,
    end_s: Fraction,
    tolerance: float,
) -> tuple[CropKey, ...]:
    """The path smoothed, as the fewest keys that keep within the tolerance."""
    count = max(1, int((end_s - start_s) / KEY_STEP_S))
    exact = [start_s + number * KEY_STEP_S for number in range(count + 1)]
    at = np.array([float(one) for one in exact])
    even = np.interp(at, times, path)
    reach = round(3 * SMOOTH_S / float(KEY_STEP_S))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * float(KEY_STEP_S) / SMOOTH_S) ** 2)
    smooth = np.convolve(np.pad(even, reach, mode="edge"), weights / weights.sum(), mode="valid")
    smooth = _speed_limited(smooth)
    key_indices = _simplified(at, smooth, tolerance)
    return tuple(_key(exact[number], smooth[number]) for number in key_indices)


def _speed_limited(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Never faster than FASTEST, with a little left for rounding; a Sample more often than every 0.1 s could be."""
    most = 0.98 * FASTEST * float(KEY_STEP_S)
    limited = values.copy()
    for number in range(1, len(limited)):
        limited[number] = min(max(limited[number], limited[number - 1] - most), limited[number - 1] + most)
    return limited


def _simplified(at: npt.NDArray[np.float64], values: npt.NDArray[np.float64], tolerance: float) -> list[int]:
    """Which points a line needs to stay within the tolerance (Ramer, Douglas and Peucker)."""
    points, waiting = {0, len(at) - 1}, [(0, len(at) - 1)]
    while waiting:
        low, high = waiting.pop()
        if high - low < 2:
            continue
        inner = slice(low + 1, high)
        line = np.interp(at[inner], [at[low], at[high]], [values[low], values[high]])
        miss = np.abs(values[inner] - line)
        worst = int(miss.argmax())
        if miss[worst] > tolerance:
            points.add(low + 1 + worst)
            waiting += [(low, low + 1 + worst), (low + 1 + worst, high)]
    return sorted(points)


def _key(time_s: Fraction, x: float) -> CropKey:
    return CropKey(time_s=time_s, x=round(float(x), 4))
