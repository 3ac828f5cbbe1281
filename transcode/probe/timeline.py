"""Times of packets that start again, jump or stray -> offsets that make one timeline of them. Pure.

Recordings are cut together, encoders restart, single time stamps are damaged. In: the packets of all tracks in file
order. Out: for each packet what is to be added to its times, or None where they are one timeline already. Tracks that
jump together stay together: a jump begins a new part for all of them, and each part begins where the one before ends.
"""

from array import array
from collections.abc import Container, Sequence
from dataclasses import dataclass

SECOND = 1_000_000  # all times here are microseconds
BACK = SECOND // 2  # decoding times never go back; less than this is a wrong stamp that players bear
# Farther ahead than all that was read is a jump. Broadcast clocks run on while nothing is recorded; in files with an
# index a picture may stand for long.
AHEAD_ON_A_CLOCK, AHEAD = 10 * SECOND, 3600 * SECOND
STRAYS = 3  # times in a row that may stray before the track goes on as before
# All frames in one PES packet share its time, right or wrong. That is at most a second of sound, as no byte may wait
# longer to be decoded (ISO/IEC 13818-1, 2.4.2.6).
SHARED, SHARED_PACKETS = SECOND, 1000
ROUNDED = SECOND // 500  # what rounding adds to the distance of packets that follow each other
REORDERED = 32  # durations of a frame between decoding and showing it, at most
MOST_PARTS = 1000  # beyond, packets follow each other whatever they say


class Times:
    """Track, decoding time, presentation time and duration of packets in file order, as compact arrays."""

    def __init__(self) -> None:
        self.tracks = array("H")
        self.dts, self.pts, self.durations = array("q"), array("q"), array("q")

    def __len__(self) -> int:
        return len(self.tracks)

    def add(self, track: int, dts: int, pts: int, duration: int) -> None:
        """The next packet."""
        self.tracks.append(track)
        self.dts.append(dts)
        self.pts.append(pts)
        self.durations.append(duration)

    def only(self, tracks: Container[int]) -> "Times":
        """The packets of some tracks."""
        kept = Times()
        for number, track in enumerate(self.tracks):
            if track in tracks:
                kept.add(track, self.dts[number], self.pts[number], self.durations[number])
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What to add to the times of each packet, in order, and what was done, as counts."""

    offsets: Sequence[int]
    restarts: int  # parts whose times begin again before the end of the one before
    holes: int  # parts that begin far behind the end of the one before
    strays: int  # times, each of one packet or more, that were far from those around them

    def __str__(self) -> str:
        counts = (
            (self.restarts, "times start again"),
            (self.holes, "a hole without any picture or sound was closed"),
            (self.strays, "the time of a packet was wrong"),
        )
        return ", ".join(f"{what} ({count} times)" if count > 1 else what for count, what in counts if count)


def mended(times: Times, *, clock: bool) -> Mended | None:
    """Offsets for packets whose times are not one timeline; None where they are. `clock`: MPEG-TS."""
    parts = _Parts(times, AHEAD_ON_A_CLOCK if clock else AHEAD)
    for number in range(len(times)):
        parts.add(number)
    if parts.one:
        return None
    return Mended(offsets=parts.offsets(), restarts=parts.restarts, holes=parts.holes, strays=parts.strays)


def is_stray(times: Times, number: int) -> bool:
    """Whether a packet is to be shown at a time that is nowhere near that of its decoding."""
    distance = abs(times.pts[number] - times.dts[number])
    return distance > max(AHEAD_ON_A_CLOCK, REORDERED * times.durations[number])


class _Parts:
    """Assigns each packet to a part: packets of one part keep their distances."""

    def __init__(self, times: Times, ahead: int) -> None:
        self._times, self._ahead = times, ahead
        self._following = _following(times)
        self._part_of = array("H")
        self._moved: dict[int, int] = {}  # stray packet -> its offset within its part
        self._latest_move: dict[int, int] = {}  # track -> offset of its last packet within its part
        self._back_at: dict[int, int] = {}  # track -> the packet with which it goes on after the newest strays
        self._own: dict[int, int] = {}  # track -> its part
        self._last: dict[int, int] = {}  # track -> decoding time of its last packet, as it should be
        self._ends: dict[int, int] = {}  # track -> where its next packet is expected
        self._spans: list[list[int]] = [[0, 0]]  # part -> its first time and latest end so far
        self.restarts = self.holes = self.strays = 0

    @property
    def one(self) -> bool:
        """Whether all packets are one timeline already."""
        return len(self._spans) == 1 and not self.strays

    def add(self, number: int) -> None:
        """Take the next packet."""
        times = self._times
        track, dts, duration = times.tracks[number], times.dts[number], times.durations[number]
        part, moved = self._own.get(track, len(self._spans) - 1), 0
        if track not in self._own and (begin := self._begin_of_strays(number)) is not None:
            self._own[track], self._latest_move[track] = part, 0
            self._last[track] = self._ends[track] = begin
        if number == 0:
            begin = self._ends.get(track, dts)
            self._spans[0] = [begin, begin]
        if not self._goes_on(track, dts, part):
            if self._is_stray(number, part):
                moved = self._ends[track] - dts
                self._moved[number] = moved
                self.strays += abs(moved - self._latest_move[track]) > ROUNDED
            else:
                part = self._part_at(dts, part)
        elif is_stray(times, number):
            self.strays += 1
        self._own[track], self._latest_move[track] = part, moved
        self._part_of.append(part)
        self._last[track] = dts + moved
        self._ends[track] = dts + moved + duration
        self._spans[part][1] = max(self._spans[part][1], dts + moved + duration)

    def _goes_on(self, track: int, dts: int, part: int) -> bool:
        """Whether a packet of the track fits behind the one before it."""
        latest = self._spans[part][1]
        if track not in self._own:
            return part == 0 or abs(dts - latest) <= self._ahead
        return self._last[track] - BACK <= dts <= max(self._ends[track], latest) + self._ahead

    def _is_stray(self, number: int, part: int) -> bool:
        """Whether the track soon goes on as before, or this would be one part too many."""
        times, track, at = self._times, self._times.tracks[number], number
        if track not in self._own:
            return False
        if len(self._spans) >= MOST_PARTS or number < self._back_at.get(track, 0):
            return True
        strays, since = 1, times.dts[number]
        for count in range(1, SHARED_PACKETS):
            end, at = times.dts[at] + times.durations[at], self._following[at]
            if at < 0:
                return not self._others_come(number)
            apart = abs(times.dts[at] - end) > ROUNDED  # it does not share the time of the one before it
            if (apart or count <= STRAYS) and self._goes_on(track, times.dts[at], part):
                self._back_at[track] = at
                return True
            if apart:
                strays, since = strays + 1, times.dts[at]
            if count >= STRAYS and (strays > STRAYS or times.dts[at] - since > SHARED):
                return False
        return False

    def _others_come(self, number: int) -> bool:
        """Whether another track has packets of about the time of this one soon after it."""
        times = self._times
        near = range(number + 1, min(number + SHARED_PACKETS, len(times)))
        own, dts = times.tracks[number], times.dts[number]
        return any(times.tracks[at] != own and abs(times.dts[at] - dts) <= self._ahead for at in near)

    def _begin_of_strays(self, number: int) -> int | None:
        """When a track begins whose first packets share a time that is far from its own later ones and from the other
        tracks' times; None for any other track."""
        times, at, length = self._times, number, 0
        for _ in range(SHARED_PACKETS):
            length += times.durations[at]
            end, at = times.dts[at] + times.durations[at], self._following[at]
            if at < 0 or length > SHARED:
                return None
            if abs(times.dts[at] - end) > ROUNDED:
                break
        far = not -BACK <= times.dts[at] - end <= self._ahead
        if not far or self._others_come(number):
            return None
        begin = times.dts[at] - length
        before = abs(begin - self._spans[0][1]) <= self._ahead if number else self._others_come(at)
        return begin if before else None

    def _part_at(self, dts: int, part: int) -> int:
        """The part that another track has begun at about this time, or a new one."""
        for other in range(part + 1, len(self._spans)):
            first, latest = self._spans[other]
            if first - self._ahead <= dts <= latest + self._ahead:
                return other
        if dts < self._spans[part][1]:
            self.restarts += 1
        else:
            self.holes += 1
        self._spans.append([dts, dts])
        return len(self._spans) - 1

    def offsets(self) -> Sequence[int]:
        """What to add to each packet's times."""
        times, count = self._times, len(self._spans)
        first_dts, first_pts = [2**62] * count, [2**62] * count
        last_dts, last_pts = [-(2**62)] * count, [-(2**62)] * count
        for number, part in enumerate(self._part_of):
            moved = self._moved.get(number, 0)
            dts, pts = times.dts[number] + moved, times.pts[number] + moved
            duration = times.durations[number]
            first_dts[part], first_pts[part] = min(first_dts[part], dts), min(first_pts[part], pts)
            last_dts[part], last_pts[part] = max(last_dts[part], dts + duration), max(last_pts[part], pts + duration)
        shifts = [0]
        for part in range(1, count):
            gap = max(last_pts[part - 1] - first_pts[part], last_dts[part - 1] - first_dts[part])
            shifts.append(shifts[-1] + gap)
        moved_by = self._moved.get
        return array("q", (shifts[part] + moved_by(number, 0) for number, part in enumerate(self._part_of)))


def _following(times: Times) -> "array[int]":
    """For each packet the number of the next one of its track; -1 for the last."""
    following = array("q", bytes(8 * len(times)))
    latest: dict[int, int] = {}
    for number in range(len(times) - 1, -1, -1):
        track = times.tracks[number]
        following[number] = latest.get(track, -1)
        latest[track] = number
    return following
