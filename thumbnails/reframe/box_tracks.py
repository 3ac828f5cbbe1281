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
SAME_FACE = 0.7  # of its width: how far a face gets from one look to the next
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
    """One face through a shot: where it was at each look that found it."""

    seen: tuple[tuple[Fraction, ShareBox], ...]

    def at(self, time_s: Fraction) -> ShareBox | None:
        """Between two looks, between two places; a little before and after, where it was."""
        times = [float(one) for one, _ in self.seen]
        if not times[0] - 0.7 <= float(time_s) <= times[-1] + 0.7:
            return None
        sides = ("x", "y", "width", "height")
        x, y, width, height = (
            float(np.interp(float(time_s), times, [getattr(box, side) for _, box in self.seen])) for side in sides
        )
        return ShareBox(x=x, y=y, width=width, height=height)


def face_tracks(looks: Sequence[BoxSample]) -> list[FaceTrack]:
    """The faces of a shot. One look alone can be mistaken: in a shot with more of them a face is found twice."""
    tracks: list[list[tuple[Fraction, ShareBox]]] = []
    for look in looks:
        free = list(tracks)
        for box in look.faces:
            own = next((track for track in free if _same(track[-1], (look.time_s, box))), None)
            if own is None:
                tracks.append([(look.time_s, box)])
            else:
                own.append((look.time_s, box))
                free.remove(own)
    return [FaceTrack(seen=tuple(track)) for track in tracks if len(track) >= min(2, len(looks))]


def _same(before: tuple[Fraction, ShareBox], now: tuple[Fraction, ShareBox]) -> bool:
    (then, old), (time_s, new) = before, now
    near = (
        abs(old.middle_x - new.middle_x) < SAME_FACE * max(old.width, new.width)
        and abs(old.y - new.y) < SAME_FACE * old.height * 2
    )
    return near and time_s - then <= LOST_S and 0.6 < new.width / old.width < 1.7


def with_boxes(sample: Sample, faces: Sequence[FaceTrack], look: BoxSample | None) -> Sample:
    """The sample with its faces, and the text of the nearest look, counted in."""
    columns = sample.columns.copy()
    for track in faces:
        if box := track.at(sample.time_s):
            columns += FACE_WORTH * min(1.0, box.width / 0.05) * _spread(box)
    widths = sum(box.width for box in look.texts) if look else 0.0
    for box in look.texts if look else ():
        columns += TEXT_WORTH * box.width / widths * _spread(box)
    return Sample(time_s=sample.time_s, columns=columns)


def _spread(box: ShareBox) -> Columns:
    at = (np.arange(BINS) + 0.5) / BINS
    inside = ((at >= box.x) & (at <= box.right)).astype(np.float64)
    return inside / inside.sum() if inside.any() else inside


def does_not_fit(
    samples: Sequence[Sample], faces: Sequence[FaceTrack], looks: Sequence[BoxSample], share: float
) -> bool:
    """Whether, for most of a shot, no window shows all that must be seen."""
    return _faces_apart(faces, looks, share) or _wide_texts(looks, share) or _two_things(samples, share)


def _faces_apart(faces: Sequence[FaceTrack], looks: Sequence[BoxSample], share: float) -> bool:
    apart = 0
    for look in looks:
        boxes = [box for track in faces if (box := track.at(look.time_s))]
        widest = max((box.width for box in boxes), default=0.0)
        boxes = [box for box in boxes if box.width >= BACKGROUND_FACE * widest]
        # One face larger than the window is a close-up, and its middle is the best of it.
        if len(boxes) > 1 and max(box.right for box in boxes) - min(box.x for box in boxes) > share:
            apart += 1
    return apart > MOST_OF_THE_TIME * len(looks)


def _wide_texts(looks: Sequence[BoxSample], share: float) -> bool:
    """Lines that no window holds, for most of the shot; which ones they are may change."""
    return sum(any(box.width > share for box in look.texts) for look in looks) > MOST_OF_THE_TIME * len(looks)


def _two_things(samples: Sequence[Sample], share: float) -> bool:
    """Two compact things farther apart than the window is wide, and little else."""
    found = sum(_two_at_once(sample.columns, share) for sample in samples)
    return found > NEARLY_ALWAYS * len(samples)


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
