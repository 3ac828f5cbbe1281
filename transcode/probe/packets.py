"""Collects the facts of each track in one pass over the packets.

In: PyAV packets in file order, none decoded and none empty. Out: times in ticks of the track's time base, bytes,
keyframes. A packet that is only decoded (outside an edit list), hidden (VP8, VP9) or the second field of a frame (H.264
in MPEG-TS) is not counted as a frame. Keeps 16 bytes per frame, and the first packets for decoding.
"""

from array import array
from fractions import Fraction
from typing import Any

from transcode.probe import h264
from transcode.probe.keyframe_index import gops
from transcode.probe.parameters import ParameterChanges
from transcode.probe.sound_times import SoundTimes
from transcode.probe.source import Index
from transcode.probe.timing import is_constant

MAX_HEAD_PACKETS, MIN_HEAD_PACKETS, MAX_HEAD_BYTES = 900, 16, 64 * 1024 * 1024
LONG_GAP_S = Fraction(60)  # an encode makes the silence of a shorter gap in memory
_NO_TIME = -(2**63)


class VideoPackets:
    """Facts of one video track, collected from its packets in decoding order."""

    def __init__(self, stream: Any) -> None:
        context = stream.codec_context
        self._codec: str = context.codec.canonical_name if context else ""
        self._h264 = h264.H264Packets(context.extradata) if self._codec == "h264" else None
        self.parameters = ParameterChanges(self._codec, context.extradata if context else None)
        self._fields = self._h264 is not None and self._h264.fields
        self._pts, self._dts = array("q"), array("q")
        self._ends = [_NO_TIME, _NO_TIME]  # by pts, by dts
        self._keys: list[list[int]] = []  # [frame number, bytes up to the next keyframe]
        self._leading_bytes = 0
        self._all_idr = self._h264 is not None
        self._has_discarded = False  # a packet that is decoded but not shown, because of an edit list
        self._head_bytes = 0
        self.head: list[Any] = []
        self.bytes = 0
        self.corrupt = False

    @property
    def count(self) -> int:
        return len(self._pts)

    @property
    def begins_with_key(self) -> bool:
        return bool(self._keys) and self._keys[0][0] == 0

    @property
    def whole_head(self) -> bool:
        """Whether `head` holds every packet of the track."""
        return self._head_bytes == self.bytes

    def add(self, packet: Any) -> None:
        size = packet.size
        if packet.is_corrupt:
            self.corrupt = True
        if self.whole_head and self._head_has_room():
            self.head.append(packet)
            self._head_bytes += size
        self.bytes += size
        self.parameters.add(packet)
        pts, dts = packet.pts, packet.dts
        if packet.is_discard:
            self._has_discarded = True
            self._count_bytes(size)
            return
        if pts is None and dts is None:
            self.corrupt = True
            return
        self._extend(pts, dts, packet.duration or 0)
        if self._h264 and not self._h264.is_whole(memoryview(packet)):
            self.corrupt = True
        if (self._fields and self._h264 and self._h264.is_second_field(memoryview(packet))) or self._is_hidden(packet):
            self._count_bytes(size)
            return
        if packet.is_keyframe:
            self._keys.append([len(self._pts), 0])
            if self._all_idr and self._h264:
                self._all_idr = self._h264.is_idr(memoryview(packet))
        self._count_bytes(size)
        self._pts.append(_NO_TIME if pts is None else pts)
        self._dts.append(_NO_TIME if dts is None else dts)

    def _head_has_room(self) -> bool:
        count = len(self.head)
        return count < MIN_HEAD_PACKETS or (count < MAX_HEAD_PACKETS and self._head_bytes < MAX_HEAD_BYTES)

    def _count_bytes(self, size: int) -> None:
        if self._keys:
            self._keys[-1][1] += size
        else:
            self._leading_bytes += size

    def _extend(self, pts: int | None, dts: int | None, duration: int) -> None:
        for which, tick in enumerate((pts, dts)):
            if tick is not None and tick + duration > self._ends[which]:
                self._ends[which] = tick + duration

    def _is_hidden(self, packet: Any) -> bool:
        """Whether the packet holds only a hidden reference frame (VP8: RFC 6386 9.1; VP9: 6.2 and annex B)."""
        if self._codec not in ("vp8", "vp9"):
            return False
        view = memoryview(packet)
        first, last = view[0], view[-1]
        if self._codec == "vp8":
            return not first & 0x10
        if last & 0xE0 == 0xC0:
            return False  # a superframe: hidden frames together with the one shown
        spare = 0 if first & 0x30 == 0x30 else 1  # profile 3 has one bit more before these
        shows_an_earlier, shown = first >> (2 + spare) & 1, first >> spare & 1
        return not (shows_an_earlier or shown)

    def times(self, first_shown: int | None) -> tuple[list[int], int]:
        """(sorted ticks of the frames, earliest tick at which the last one ends).

        Frames before `first_shown`, the first that could be decoded, are left out: they cannot be shown.
        """
        unordered, end = self._unordered()
        ticks = sorted(unordered)
        if first_shown is not None and _NO_TIME not in self._pts:
            ticks = [tick for tick in ticks if tick >= first_shown] or ticks
        return ticks, max(end, ticks[-1])

    def _unordered(self) -> "tuple[array[int], int]":
        """(presentation times in decoding order, end tick); decoding times where presentation times are missing."""
        if _NO_TIME not in self._pts:
            return self._pts, self._ends[0]
        if _NO_TIME not in self._dts:
            return self._dts, self._ends[1]
        either = array("q", (pts if pts != _NO_TIME else dts for pts, dts in zip(self._pts, self._dts, strict=True)))
        return either, max(self._ends)

    @property
    def keyframes(self) -> int:
        return len(self._keys)

    def index(self, ticks: list[int], time_base: Fraction, rate: Fraction) -> Index:
        """The keyframe index of the track; `ticks` are the sorted presentation times of `times()`."""
        unordered, _ = self._unordered()
        keys = [(unordered[at], size) for at, size in self._keys if unordered[at] >= ticks[0]]
        starts_at_keyframe = self.begins_with_key and unordered[0] == ticks[0]
        return Index(
            gops=gops(ticks, keys, self._leading_bytes if len(ticks) == self.count else 0),
            all_idr=self._all_idr and starts_at_keyframe and not self._has_discarded,
            constant=is_constant(ticks, time_base, rate),
        )


class AudioPackets:
    """Facts of one audio track, collected from its packets: count, bytes, start, end and long gaps."""

    def __init__(self, stream: Any) -> None:
        context = stream.codec_context
        rate = context.sample_rate if context else 0
        codec = context.codec.canonical_name if context else ""
        self.parameters = ParameterChanges(codec, context.extradata if context else None)
        self._times = SoundTimes(stream)
        self._ticks_per_sample = 1 / (rate * stream.time_base) if rate and stream.time_base else Fraction(0)
        self._first: int | None = None
        self._audible_from: int | None = None
        self._end = _NO_TIME
        self._last: Any = None
        self._longest = LONG_GAP_S / stream.time_base if stream.time_base else Fraction(0)
        self.long_gaps: list[int] = []  # ticks at which a packet follows a long gap
        self.count = 0
        self.bytes = 0
        self.corrupt = False

    def __bool__(self) -> bool:
        return self.count > 0

    def add(self, packet: Any) -> None:
        if packet.is_corrupt:
            self.corrupt = True
        self.parameters.add(packet)
        tick, duration = self._times.of(packet)
        if tick is None:
            return
        if self._first is None:
            self._skip(packet, tick)
        if packet.is_discard:
            return
        self.count += 1
        self.bytes += packet.size
        if self._first is None or tick < self._first:
            self._first = tick
        if self._last is not None and tick - self._end >= self._longest:
            self.long_gaps.append(tick)
        end = tick + duration
        if end > self._end:
            self._end, self._last = end, packet

    def _skip(self, packet: Any, tick: int) -> None:
        """Note the encoder's priming, which decoders drop; it may be longer than the packet that signals it."""
        skipped = self._samples(packet, 0)
        if skipped:
            self._audible_from = tick + round(skipped * self._ticks_per_sample)

    @staticmethod
    def _samples(packet: Any, at: int) -> int:
        if not packet.has_sidedata("skip_samples"):
            return 0
        return int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[at : at + 4], "little")

    def times(self) -> tuple[int, int]:
        """(first audible tick, end tick), without priming and padding."""
        first = max(self._first or 0, self._audible_from if self._audible_from is not None else _NO_TIME)
        end = self._end
        if self._last is not None:
            end -= round(self._samples(self._last, 4) * self._ticks_per_sample)
        return first, max(first, end)
