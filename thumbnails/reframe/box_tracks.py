"""Faces and lines of text that must be seen whole, and whether one window can hold them. Pure.

In: the boxes found in a few frames a second. Out: tracks of faces, and importance by column with the boxes added.
Refuses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from thumbnails.reframe.importance import BINS, Columns
from thumbnails.reframe.shot_path import Sample
from thumbnails.vision.boxes import ShareBox

FACE_WORTH, TEXT_WORTH = 1.2, 0.3  # beside 1 for all that stands out or moves
SAME_FACE = 0.7  # of its width: how far a face moves from one box sample to the next
LOST_S = Fraction(5, 2)
BACKGROUND_FACE = 0.4  # of the widest one's width: smaller ones need not be seen
MOST_OF_THE_TIME, NEARLY_ALWAYS = 0.5, 0.7
TWO_HOLD, EACH_HOLDS = 0.85, 0.3  # of what matters, where two things apart are all there is
BLOB_WIDTH = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSample:
    """Faces and lines of text in one frame."""

    time_s: Fraction
    faces: tuple[ShareBox, ...]
    texts: tuple[ShareBox, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceTrack:
    """One face through a shot: its box at each time it was detected."""

    positions: tuple[tuple[Fraction, ShareBox], ...]

    def at(self, time_s: Fraction) -> ShareBox | None:
        """Its box at a time, interpolated between detections; the nearest one up to 0.7 s outside them, else None."""
        times = [float(one) for one, _ in self.positions]
        if not times[0] - 0.7 <= float(time_s) <= times[-1] + 0.7:
            return None
        sides = ("x", "y", "width", "height")
        x, y, width, height = (
            float(np.interp(float(time_s), times, [getattr(box, side) for _, box in self.positions])) for side in sides
        )
        return ShareBox(x=x, y=y, width=width, height=height)


def face_tracks(box_samples: Sequence[BoxSample]) -> list[FaceTrack]:
    """The faces of a shot. One detection can be mistaken: where a shot has more samples, a face must be found twice."""
    tracks: list[list[tuple[Fraction, ShareBox]]] = []
    for box_sample in box_samples:
        free = list(tracks)
        for box in box_sample.faces:
            matching = next((track for track in free if _same(track[-1], (box_sample.time_s, box))), None)
            if matching is None:
                tracks.append([(box_sample.time_s, box)])
            else:
                matching.append((box_sample.time_s, box))
                free.remove(matching)
    return [FaceTrack(positions=tuple(track)) for track in tracks if len(track) >= min(2, len(box_samples))]


def _same(before: tuple[Fraction, ShareBox], now: tuple[Fraction, ShareBox]) -> bool:
    (before_s, old), (time_s, new) = before, now
    near = (
        abs(old.middle_x - new.middle_x) < SAME_FACE * max(old.width, new.width)
        and abs(old.y - new.y) < SAME_FACE * old.height * 2
    )
    return near and time_s - before_s <= LOST_S and 0.6 < new.width / old.width < 1.7


def with_boxes(sample: Sample, faces: Sequence[FaceTrack], box_sample: BoxSample | None) -> Sample:
    """The sample with the importance of its faces, and of the text in the nearest box sample, added."""
    columns = sample.columns.copy()
    for track in faces:
        if box := track.at(sample.time_s):
            columns += FACE_WORTH * min(1.0, box.width / 0.05) * _spread(box)
    widths = sum(box.width for box in box_sample.texts) if box_sample else 0.0
    for box in box_sample.texts if box_sample else ():
        columns += TEXT_WORTH * box.width / widths * _spread(box)
    return Sample(time_s=sample.time_s, columns=columns)


def _spread(box: ShareBox) -> Columns:
    at = (np.arange(BINS) + 0.5) / BINS
    inside = ((at >= box.x) & (at <= box.right)).astype(np.float64)
    return inside / inside.sum() if inside.any() else inside


def does_not_fit(
    samples: Sequence[Sample], faces: Sequence[FaceTrack], box_samples: Sequence[BoxSample], share: float
) -> bool:
    """Whether, for most of a shot, no window shows all that must be seen."""
    return _faces_apart(faces, box_samples, share) or _wide_texts(box_samples, share) or _two_things(samples, share)


def _faces_apart(faces: Sequence[FaceTrack], box_samples: Sequence[BoxSample], share: float) -> bool:
    apart = 0
    for box_sample in box_samples:
        boxes = [box for track in faces if (box := track.at(box_sample.time_s))]
        widest = max((box.width for box in boxes), default=0.0)
        boxes = [box for box in boxes if box.width >= BACKGROUND_FACE * widest]
        # One face larger than the window is a close-up, and its middle is the best of it.
        if len(boxes) > 1 and max(box.right for box in boxes) - min(box.x for box in boxes) > share:
            apart += 1
    return apart > MOST_OF_THE_TIME * len(box_samples)


def _wide_texts(box_samples: Sequence[BoxSample], share: float) -> bool:
    """Lines that no window holds, for most of the shot; which ones they are may change."""
    return sum(
        any(box.width > share for box in box_sample.texts) for box_sample in box_samples
    ) > MOST_OF_THE_TIME * len(box_samples)


def _two_things(samples: Sequence[Sample], share: float) -> bool:
    """Two compact things farther apart than the window is wide, and little else."""
    samples_with_two = sum(_two_at_once(sample.columns, share) for sample in samples)
    return samples_with_two > NEARLY_ALWAYS * len(samples)


def _two_at_once(columns: Columns, share: float) -> bool:
    total = float(columns.sum())
    if total <= 0:
        return False
    width = round(BLOB_WIDTH * BINS)
    sums = np.convolve(columns / total, np.ones(width), mode="same")
    one = int(sums.argmax())
    rest = columns / total
    rest[max(0, one - width // 2) : one + width // 2 + 1] = 0
    sums_left = np.convolve(rest, np.ones(width), mode="same")
    other = int(sums_left.argmax())
    first, second = float(sums[one]), float(sums_left[other])
    return second >= EACH_HOLDS and first + second >= TWO_HOLD and _outer(columns, one, other, width) > share * BINS


def _outer(columns: Columns, one: int, other: int, width: int) -> float:
    """From the left end of the left thing to the right end of the right one, in bins, by what they hold."""
    ends: list[float] = []
    for at in (one, other):
        low = max(0, at - width // 2)
        part = columns[low : at + width // 2 + 1]
        place = low + np.arange(len(part))
        mean = float((part * place).sum() / part.sum())
        spread = float(np.sqrt((part * (place - mean) ** 2).sum() / part.sum()))
        ends += [mean - spread, mean + spread]
    return max(ends) - min(ends)
