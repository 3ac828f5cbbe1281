"""An uploaded file -> frames as pixel arrays, at exact times. Runs inside the sandbox only.

In: the file and what is known of its picture. Out: `Frame`s: upright, square pixels, no combs, BT.709, at most as wide
as asked. Owns opening, seeking and decoding; what a frame is good for is for others to say. Damage is stepped over:
what cannot be decoded is not there.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging

from thumbnails.colour import Bgr, Gray
from thumbnails.deinterlace import Deinterlacer, one_field
from thumbnails.picture import Picture
from thumbnails.pixels import Converter

MAX_BACK_S = Fraction(64)  # how far before a time its keyframe is looked for, before the start is taken
INDEXED = ("mov", "matroska", "avi")  # demuxers whose seek finds a keyframe
REORDERED_S = Fraction(1, 5)  # a seek goes by decoding times, and may take a keyframe for later than it is
NEAR_S = Fraction(1)  # how far the others may miss
MAX_UNLED = 2000  # packets of a file that marks no keyframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One shown picture: H x W x 3 BGR, and its own time from the title's zero."""

    time_s: Fraction
    pixels: Bgr
    interlaced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A decoded frame that can still be had at any size. It takes a whole picture of memory."""

    time_s: Fraction
    raw: Any


class Reader:
    """Reads one file. A context manager. Raises av.FFmpegError when the file cannot be opened."""

    def __init__(self, file: Path, picture: Picture, *, threads: int = 1) -> None:
        av.logging.set_level(av.logging.PANIC)
        self._file, self._picture, self._threads = file, picture, threads
        self._converter = Converter(picture)
        self.decoded = 0  # frames so far: what reading costs
        self._keys: list[Fraction] = []
        self._run: Iterator[tuple[Fraction, Any]] | None = None  # what is being decoded, and its last frame
        self._last: tuple[Fraction, Any] | None = None
        self._open()
        self._base = Fraction(self._stream.time_base or 1)
        self._origin_s = picture.start_s if picture.origin_s is None else picture.origin_s
        if picture.origin_s is None:
            self._origin_s = self._first_s() - picture.start_s

    def _open(self) -> None:
        self._opened: Any = av.open(
            str(self._file),
            format=self._picture.demuxer,
            # Only this file: nothing in it can name another one or a host.
            options={"protocol_whitelist": "file,pipe", "max_streams": "64"},
            metadata_errors="replace",
        )
        self._stream: Any = self._opened.streams[self._picture.index]
        self._context: Any = self._stream.codec_context
        self._context.thread_type = "SLICE"  # frame threads hold back pictures, and memory
        self._context.thread_count = self._threads
        self._at_start = True

    def _first_s(self) -> Fraction:
        """The file's own time of its first packet, which is a keyframe and shown first."""
        packet = next(self._packets(), None)
        self._anew()
        return Fraction((packet.pts or 0) if packet is not None else 0) * self._base

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def keyframe_times(self) -> list[Fraction]:
        """Sorted seconds of the keyframes: from the file's index, or by reading every packet. Decodes nothing."""
        if self._picture.retimed:
            return []
        ticks = self._indexed() if self._picture.demuxer in INDEXED else set()
        if len(ticks) < 2:
            ticks = self._scanned()
        first, end = self._picture.start_s, self._picture.end_s
        times = (max(first, tick * self._base - self._origin_s) for tick in ticks)
        self._keys = sorted({time for time in times if time < end})
        return self._keys

    def _indexed(self) -> set[int]:
        self._seek(self._picture.start_s)  # Matroska reads its index when it is first needed
        ticks = {entry.timestamp for entry in self._stream.index_entries if entry.is_keyframe}
        if self._picture.demuxer != "mov":
            return ticks
        # MP4's index is in decoding times; keyframes are shown about as much later as the first or the last one is.
        late = self._late()
        self._seek(self._picture.end_s)
        late = max(late, self._late())
        return {tick + late for tick in ticks}

    def _late(self) -> int:
        """How many ticks after it is decoded the next picture is shown."""
        packet = next(self._packets(), None)
        return packet.pts - packet.dts if packet is not None and None not in (packet.pts, packet.dts) else 0

    def _scanned(self) -> set[int]:
        self._anew()
        ticks = (_tick(packet) for packet in self._packets() if packet.is_keyframe)
        return {tick for tick in ticks if tick is not None}

    def keyframes(self, times: Iterable[Fraction], width: int) -> Iterator[Frame]:
        """The keyframe at each of the sorted `times`, decoded alone; each once, and none where none can be decoded.

        At a time that is no keyframe's it is the one before, or one just after; in a container without an index, the
        one after.
        """
        before: Fraction | None = None
        for time_s in () if self._picture.retimed else times:
            indexed = self._picture.demuxer in INDEXED
            if indexed:
                self._seek(time_s + REORDERED_S)
            elif time_s - NEAR_S <= self._picture.start_s:
                self._anew()
            else:
                self._seek(time_s - NEAR_S)
            raw = self._lone_keyframe(None if indexed else time_s)
            if raw is None:
                continue
            at_s = self._time_s(raw)
            if before is not None and at_s <= before:
                continue
            before = at_s
            interlaced = self._picture.interlaced and raw.interlaced_frame
            shown = one_field(raw) if interlaced else raw
            yield Frame(time_s=at_s, pixels=self._converter.bgr(shown, width), interlaced=bool(interlaced))

    def _lone_keyframe(self, from_s: Fraction | None) -> Any:
        """The next keyframe of the file (not before `from_s`), and nothing after it."""
        for number, packet in enumerate(self._packets()):
            if number > MAX_UNLED:
                break
            if not packet.is_keyframe or (from_s is not None and self._time_s(packet) < from_s):
                continue
            with suppress(av.FFmpegError):
                raws = self._context.decode(packet)
                if not raws and self._picture.interlaced:
                    raws = self._second_field()
                raws = raws or self._context.decode(None)
                self._context.flush_buffers()
                if raws and raws[0].key_frame:
                    self.decoded += 1
                    return raws[0]
            self._context.flush_buffers()
        return None

    def _second_field(self) -> list[Any]:
        """In MPEG-TS the two fields of one picture can be two packets."""
        for packet in self._packets():
            return list(self._context.decode(packet))
        return []

    def at(self, time_s: Fraction, width: int) -> Frame | None:
        """The frame that is shown at this time: the last one at or before it, else the first one there is."""
        found: tuple[Fraction, Any] | None = None
        for at_s, raw in self._from(time_s):
            if found is not None and at_s > time_s:
                break
            found = (at_s, raw)
        return self._frame(found, width) if found else None

    def between(self, start_s: Fraction, end_s: Fraction, width: int) -> Iterator[Frame]:
        """Every frame from the one shown at `start_s` to the last before `end_s`."""
        held: tuple[Fraction, Any] | None = None
        for at_s, raw in self._from(start_s):
            if held is not None and at_s > start_s:
                yield self._frame(held, width)
            held = (at_s, raw)
            if at_s >= end_s:
                return
        if held is not None:
            yield self._frame(held, width)

    def held(self, start_s: Fraction, end_s: Fraction, most: int) -> list[Held]:
        """The first `most` frames of `between`, for `bgr` and `luma`."""
        found: list[Held] = []
        for at_s, raw in self._from(start_s):
            if at_s >= end_s:
                break
            if at_s <= start_s:
                found.clear()
            found.append(Held(time_s=at_s, raw=raw))
            if len(found) == most:
                break
        return found

    def bgr(self, held: Held, width: int) -> Bgr:
        return self._converter.bgr(held.raw, width)

    def luma(self, held: Held, width: int) -> Gray:
        return self._converter.luma(held.raw, width)

    def nearest(self, times: Sequence[Fraction], width: int) -> Iterator[Frame]:
        """The frame shown at each of the sorted `times`, in one pass from the first of them on."""
        waiting, held = list(times), None
        for at_s, raw in self._from(waiting[0]) if waiting else ():
            while held is not None and waiting and waiting[0] < at_s:
                yield self._frame(held, width)
                while waiting and waiting[0] < at_s:
                    waiting.pop(0)
            held = (at_s, raw)
            if not waiting:
                return
        if held is not None and waiting:
            yield self._frame(held, width)

    def _frame(self, found: tuple[Fraction, Any], width: int) -> Frame:
        at_s, raw = found
        return Frame(time_s=at_s, pixels=self._converter.bgr(raw, width))

    def _from(self, time_s: Fraction) -> Iterator[tuple[Fraction, Any]]:
        """Decoded frames in order, from one at or before `time_s` on, from the first of the track at the latest."""
        if self._run is None or self._last is None or not self._is_ahead(self._last[0], time_s):
            run = self._sought(time_s)
            self._last = next(run, None)
            self._run = run
        run = self._run
        while self._last is not None and self._run is run:  # else somebody else has read meanwhile
            yield self._last
            self._last = next(run, None)

    def _is_ahead(self, last_s: Fraction, time_s: Fraction) -> bool:
        """Whether decoding on is the shortest way there: no keyframe lies between."""
        if time_s < last_s or not self._keys:
            return False
        return bisect_right(self._keys, time_s) == bisect_right(self._keys, last_s)

    def _sought(self, time_s: Fraction) -> Iterator[tuple[Fraction, Any]]:
        """A seek goes by decoding times, and in some containers to a guessed place, so it can end up too late: then it
        is tried from ever further back.
        """
        back_s = Fraction(0)
        while True:
            from_start = self._picture.retimed or time_s - back_s <= self._picture.start_s or back_s > MAX_BACK_S
            frames = self._decoded(None if from_start else time_s - back_s)
            first = next(frames, None)
            # Some files mark pictures as keyframes that are none, and decode to rubbish from there.
            if first is not None and (from_start or (first[0] <= time_s and first[1].key_frame)):
                yield first
                yield from frames
                return
            if from_start:
                return
            back_s = back_s * 2 if back_s else Fraction(1, 2)

    def _decoded(self, seek_s: Fraction | None) -> Iterator[tuple[Fraction, Any]]:
        """(time, frame) from the keyframe before `seek_s`, or from the very beginning, on; without combs."""
        if seek_s is not None:
            self._seek(seek_s)
        else:
            self._anew()
        raws = self._raws(led=seek_s is not None)
        if self._picture.interlaced:
            raws = Deinterlacer(self._stream).all(raws)
        before: Fraction | None = None
        for number, raw in enumerate(raws):
            counted = self._picture.start_s + number / self._picture.frame_rate
            at_s = counted if self._picture.retimed else self._time_s(raw)
            if before is None or at_s > before:  # else its times are wrong, and nobody sees it
                before = at_s
                yield at_s, raw

    def _raws(self, *, led: bool) -> Iterator[Any]:
        """Decoded frames. `led`: what comes before the first keyframe is left out."""
        for packet in self._packets():
            if led and not packet.is_keyframe:
                continue
            led = False
            with suppress(av.FFmpegError):
                for raw in self._context.decode(packet):
                    self.decoded += 1
                    yield raw
        with suppress(av.FFmpegError):
            yield from self._context.decode(None)
        self._context.flush_buffers()

    def _packets(self) -> Iterator[Any]:
        """What can be read from here on."""
        self._at_start = False
        with suppress(av.FFmpegError):
            for packet in self._opened.demux(self._stream):
                if packet.size:
                    yield packet

    def _seek(self, time_s: Fraction) -> None:
        """To the keyframe before this time."""
        self._at_start, self._run = False, None
        tick = int((time_s + self._origin_s) // self._base)
        with suppress(av.FFmpegError):
            self._opened.seek(tick, stream=self._stream)
            self._context.flush_buffers()

    def _anew(self) -> None:
        """To the very first packets: in MPEG-TS no seek leads there."""
        self._run = None
        if not self._at_start:
            self._opened.close()
            self._open()

    def _time_s(self, one: Any) -> Fraction:
        """Of a packet or frame. A filter has a time base of its own."""
        return (_tick(one) or 0) * Fraction(one.time_base or self._base) - self._origin_s


def _tick(one: Any) -> int | None:
    tick: int | None = one.pts if one.pts is not None else one.dts
    return tick
