"""All frames of a short track, kept as they were decoded. Runs inside the sandbox only.

In: a bound in bytes, then the frames of one pass. Out: the frames from a time on, for every reader of the program, so
that none is decoded twice. Refuses a track that does not fit, of which less than nearly all can be read in one pass, or
with so many keyframes that few frames between them are ever read: each that is held costs a third of its decode again.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

NEARLY_ALL = Fraction(19, 20)  # of the frames that the track has


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedFrame:
    """A frame in the decoder's own form, to be converted to any size later. Takes a whole frame of memory."""

    time_s: Fraction
    frame: Any

    @property
    def size_bytes(self) -> int:
        return sum(plane.buffer_size for plane in self.frame.planes)


class HeldFrames:
    """The frames of one track, once `fill` has taken them; shared by its readers.

    0 bytes: nothing is ever held. With `keyframes` keyframes or more a track is not held.
    """

    def __init__(self, most_bytes: int, *, keyframes: int = 0) -> None:
        self._most_bytes, self._keyframes = most_bytes, keyframes
        self._frames: list[DecodedFrame] = []
        self._times: list[Fraction] = []
        self.undecided = most_bytes > 0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def fill(self, decoded: Iterator[DecodedFrame], *, frames: int, keyframes: int) -> None:
        """Keep all of `decoded`, the whole track of so many frames and keyframes, or none."""
        self.undecided = False
        if keyframes >= self._keyframes:
            return
        kept, left = list[DecodedFrame](), self._most_bytes
        for one in decoded:
            # By the first frame's size at once; a later one may be larger.
            if (left if kept else left // max(1, frames)) < one.size_bytes:
                return
            left -= one.size_bytes
            kept.append(one)
        if len(kept) >= frames * NEARLY_ALL:
            self._frames, self._times = kept, [one.time_s for one in kept]

    def since(self, time_s: Fraction) -> Sequence[DecodedFrame]:
        """The frames from the one shown at `time_s` on; from the first one where that is later."""
        return self._frames[max(0, bisect_right(self._times, time_s) - 1) :]
