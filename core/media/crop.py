"""Crop path: where a portrait window lies on landscape video over time. Made by thumbnails, applied by transcode.

Times are seconds on the upload's own timeline. Refuses (ValueError) a path that is not one: shots that overlap or
leave a hole, keys out of order, a window that is no part of the picture.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Any

from core.media.checked_json import adapter

MAX_KEYS = 2000  # of a path, shots included: all of them fit into the words of one program


class Reframe(StrEnum):
    """Whether landscape video is cropped to 9:16."""

    AUTO = "auto"  # with a profile for portrait clips
    VERTICAL = "vertical"
    NONE = "none"


class CropKind(StrEnum):
    """How the window moves during one shot."""

    STILL = "still"
    PAN = "pan"  # one straight move
    TRACK = "track"
    PAD = "pad"  # the whole picture, small, over a blurred enlargement of itself


@dataclass(frozen=True, slots=True, kw_only=True)
class CropKey:
    """Center of the window at a time, as a share (0..1) of the video's width."""

    time_s: Fraction
    x: float

    def __post_init__(self) -> None:
        if not 0 <= self.x <= 1:
            raise ValueError(f"a window cannot be at {self.x}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CropShot:
    """One shot. The window moves linearly between keys, and stands still before the first and after the last."""

    start_s: Fraction
    end_s: Fraction
    kind: CropKind
    keys: tuple[CropKey, ...]

    def __post_init__(self) -> None:
        fewest, most = {CropKind.STILL: (1, 1), CropKind.PAN: (2, 2), CropKind.TRACK: (2, MAX_KEYS)}.get(
            self.kind, (0, 0)
        )
        if not fewest <= len(self.keys) <= most:
            raise ValueError(f"{len(self.keys)} keys make no {self.kind} shot")
        if self.start_s >= self.end_s or any(a.time_s >= b.time_s for a, b in pairwise(self.keys)):
            raise ValueError("times must go up")

    def middle(self, time_s: Fraction) -> float:
        """Center of the window at this time, 0..1; of a padded shot, the center of the frame."""
        if not self.keys:
            return 0.5
        at = bisect_right(self.keys, time_s, key=lambda key: key.time_s)
        if at in (0, len(self.keys)):
            return self.keys[min(at, len(self.keys) - 1)].x
        before, after = self.keys[at - 1], self.keys[at]
        return before.x + (after.x - before.x) * float((time_s - before.time_s) / (after.time_s - before.time_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class CropPath:
    """Consecutive shots of a video. The first and the last extend to its beginning and end."""

    share: Fraction  # of the picture's width that the window shows; its height is the picture's
    shots: tuple[CropShot, ...]

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or not self.shots:
            raise ValueError("a path needs a window and a shot")
        if any(a.end_s != b.start_s for a, b in pairwise(self.shots)):
            raise ValueError("each shot must begin where the one before it ends")
        if sum(1 + len(shot.keys) for shot in self.shots) > MAX_KEYS:
            raise ValueError(f"more than {MAX_KEYS} keys and shots")

    def shot(self, time_s: Fraction) -> CropShot:
        """The shot at this time; the first or the last one beyond the ends."""
        at = bisect_right(self.shots, time_s, key=lambda shot: shot.start_s)
        return self.shots[max(0, at - 1)]

    def left(self, time_s: Fraction) -> float:
        """Left edge of the window as a share (0..1) of the video's width, always inside the frame."""
        share = float(self.share)
        return min(max(self.shot(time_s).middle(time_s) - share / 2, 0.0), 1 - share)


def centred(share: Fraction, start_s: Fraction, end_s: Fraction) -> CropPath:
    """A path of one shot with a still window in the center."""
    key = CropKey(time_s=start_s, x=0.5)
    return CropPath(share=share, shots=(CropShot(start_s=start_s, end_s=end_s, kind=CropKind.STILL, keys=(key,)),))


def spliced(path: CropPath, starts_s: Sequence[Fraction], length_s: Fraction) -> CropPath:
    """The path of a film made of pieces of the title, each `length_s` long, that itself begins at 0."""
    shots = [
        _moved(shot, number * length_s - start_s, number * length_s, (number + 1) * length_s)
        for number, start_s in enumerate(starts_s)
        for shot in _overlapping(path, start_s, start_s + length_s)
    ]
    return replace(path, shots=tuple(shots))


def _overlapping(path: CropPath, start_s: Fraction, end_s: Fraction) -> list[CropShot]:
    shots = [shot for shot in path.shots if shot.start_s < end_s and shot.end_s > start_s]
    # Outside of what was looked at, the nearest shot goes on.
    shots = shots or [path.shot(start_s)]
    first, last = replace(shots[0], start_s=start_s), replace(shots[-1], end_s=end_s)
    return [replace(first, end_s=end_s)] if len(shots) == 1 else [first, *shots[1:-1], last]


def _moved(shot: CropShot, later_s: Fraction, from_s: Fraction, to_s: Fraction) -> CropShot:
    keys = tuple(replace(key, time_s=key.time_s + later_s) for key in shot.keys)
    return replace(shot, start_s=max(from_s, shot.start_s + later_s), end_s=min(to_s, shot.end_s + later_s), keys=keys)


def crop_to_json(path: CropPath) -> dict[str, Any]:
    """The path as JSON values; Fractions become "1/2"."""
    return adapter(CropPath).dump_python(path, mode="json")  # type: ignore[no-any-return]


def crop_from_json(value: object) -> CropPath:
    """Parse and validate a path. Raises ValueError: the output of a sandboxed child is not trusted."""
    return adapter(CropPath).validate_python(value)
