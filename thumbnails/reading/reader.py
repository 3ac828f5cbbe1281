"""An uploaded file -> frames as pixel arrays, at exact times. Inside the sandbox only.

In: the file and the facts of its video track. Out: `Frame`s: upright, in square pixels, deinterlaced, in BT.709, at
most as wide as the caller says. Owns times: which packet, seek or decode leads to the frame shown at a time. Damage is
stepped over: frames that cannot be decoded are left out.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from thumbnails.reading.colour import Bgr, Gray
from thumbnails.reading.deinterlace import Deinterlacer, one_field
from thumbnails.reading.held_frames import DecodedFrame, HeldFrames
from thumbnails.reading.pixels import Converter
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.reading.video_file import VideoFile

MAX_BACK_S = Fraction(64)  # how far before a time its keyframe is looked for, before the start is taken
INDEXED = ("mov", "matroska", "avi")  # demuxers whose seek finds a keyframe
REORDERED_S = Fraction(1, 5)  # a seek goes by decoding times, and may take a keyframe for later than it is
NEAR_S = Fraction(1)  # how far the seek of other demuxers may miss
MAX_UNMARKED = 2000  # packets without a keyframe among them: the file marks none


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One shown frame: H x W x 3 BGR of 8 bits, and its own time from the title's zero."""

    time_s: Fraction
    pixels: Bgr
    interlaced: bool = False


class Reader:
    """Reads the video track of one file. A context manager. Raises av.FFmpegError when the file cannot be opened.

    `held` is shared by the readers of one track: where it can hold all frames, they are decoded once.
    """

    def __init__(self, file: Path, video: VideoFacts, *, threads: int = 1, held: HeldFrames | None = None) -> None:
        self._video = video
        self._held = HeldFrames(0) if held is None else held
        self._converter = Converter(video)
        self._keys: list[Fraction] = []
        self._run: Iterator[DecodedFrame] | None = None  # frames being decoded one after the other
        self._last: DecodedFrame | None = None  # the newest frame of that run
        # Slices, not frames: frame threads hold back frames, and their memory.
        self._track = VideoFile(file, demuxer=video.demuxer, index=video.index, threads=threads, crop=video.crop)
        self._base = self._track.time_base
        self._origin_s = video.start_s if video.origin_s is None else video.origin_s
        if video.origin_s is None:
            self._origin_s = self._first_s() - video.start_s

    def _first_s(self) -> Fraction:
        """The file's own time of its first packet, which is a keyframe and shown first."""
        packet = next(self._track.packets(), None)
        self._rewind()
        return Fraction((packet.pts or 0) if packet is not None else 0) * self._base

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._track.close()

    @property
    def decoded(self) -> int:
        """Frames decoded so far, also those between the requested ones: the cost of reading."""
        return self._track.decoded

    def keyframe_times(self) -> list[Fraction]:
        """Sorted seconds of the keyframes: from the file's index, or by reading every packet. Decodes nothing."""
        if self._video.retimed:
            return []
        ticks = self._indexed_ticks() if self._video.demuxer in INDEXED else set()
        if len(ticks) < 2:
            ticks = self._scanned_ticks()
        first, end = self._video.start_s, self._video.end_s
        times = (max(first, tick * self._base - self._origin_s) for tick in ticks)
        self._keys = sorted({time for time in times if time < end})
        return self._keys

    def _indexed_ticks(self) -> set[int]:
        self._seek(self._video.start_s)  # Matroska reads its index when it is first needed
        ticks = {entry.timestamp for entry in self._track.stream.index_entries if entry.is_keyframe}
        if self._video.demuxer != "mov":
            return ticks
        # MP4's index is in decoding times; keyframes are shown about as much later as the first or the last one is.
        delay = self._display_delay()
        self._seek(self._video.end_s)
        delay = max(delay, self._display_delay())
        return {tick + delay for tick in ticks}

    def _display_delay(self) -> int:
        """Ticks from the decoding of the next packet to the display of its frame."""
        packet = next(self._track.packets(), None)
        return packet.pts - packet.dts if packet is not None and None not in (packet.pts, packet.dts) else 0

    def _scanned_ticks(self) -> set[int]:
        self._rewind()
        ticks = (_tick(packet) for packet in self._track.packets() if packet.is_keyframe)
        return {tick for tick in ticks if tick is not None}

    def keyframes(self, times: Iterable[Fraction], width: int) -> Iterator[Frame]:
        """The keyframe at each of the sorted `times`, decoded alone; each once, and none where none can be decoded.

        At a time that is no keyframe's it is the one before, or one just after; in a container without an index, the
        one after.
        """
        previous_s: Fraction | None = None
        for time_s in () if self._video.retimed else times:
            indexed = self._video.demuxer in INDEXED
            if indexed:
                self._seek(time_s + REORDERED_S)
            elif time_s - NEAR_S <= self._video.start_s:
                self._rewind()
            else:
                self._seek(time_s - NEAR_S)
            frame = self._lone_keyframe(None if indexed else time_s)
            if frame is None:
                continue
            shown_s = self._time_s(frame)
            if previous_s is not None and shown_s <= previous_s:
                continue
            previous_s = shown_s
            interlaced = bool(self._video.interlaced and frame.interlaced_frame)
            pixels = self._converter.bgr(one_field(frame) if interlaced else frame, width)
            yield Frame(time_s=shown_s, pixels=pixels, interlaced=interlaced)

    def _lone_keyframe(self, from_s: Fraction | None) -> Any:
        """The next keyframe of the file (not before `from_s`), and nothing after it. None: none can be decoded."""
        for number, packet in enumerate(self._track.packets()):
            if number > MAX_UNMARKED:
                break
            if not packet.is_keyframe or (from_s is not None and self._time_s(packet) < from_s):
                continue
            with suppress(av.FFmpegError):
                frames = self._track.decode(packet)
                if not frames and self._video.interlaced:
                    frames = self._second_field()
                frames = frames or self._track.decode(None)
                self._track.flush()
                if frames and frames[0].key_frame:
                    self._track.decoded += 1
                    return frames[0]
            self._track.flush()
        return None

    def _second_field(self) -> list[Any]:
        """In MPEG-TS the two fields of one frame can be two packets."""
        for packet in self._track.packets():
            return self._track.decode(packet)
        return []

    def at(self, time_s: Fraction, width: int) -> Frame | None:
        """The frame that is shown at this time: the last one at or before it, else the first one there is."""
        shown: DecodedFrame | None = None
        for decoded in self._from(time_s):
            if shown is not None and decoded.time_s > time_s:
                break
            shown = decoded
        return self._frame(shown, width) if shown else None

    def between(self, start_s: Fraction, end_s: Fraction, width: int) -> Iterator[Frame]:
        """Every frame from the one shown at `start_s` to the last before `end_s`."""
        previous: DecodedFrame | None = None
        for decoded in self._from(start_s):
            if previous is not None and decoded.time_s > start_s:
                yield self._frame(previous, width)
            previous = decoded
            if decoded.time_s >= end_s:
                return
        if previous is not None:
            yield self._frame(previous, width)

    def decoded_between(self, start_s: Fraction, end_s: Fraction, most: int) -> list[DecodedFrame]:
        """The first `most` frames of `between` as the decoder has them, to be converted by `bgr` and `luma`."""
        frames: list[DecodedFrame] = []
        for decoded in self._from(start_s):
            if decoded.time_s >= end_s:
                break
            if decoded.time_s <= start_s:
                frames.clear()
            frames.append(decoded)
            if len(frames) == most:
                break
        return frames

    def bgr(self, decoded: DecodedFrame, width: int) -> Bgr:
        """Its pixels as shown, at most `width` wide."""
        return self._converter.bgr(decoded.frame, width)

    def luma(self, decoded: DecodedFrame, width: int) -> Gray:
        """Its luma as coded, not turned upright: for comparing neighbouring frames."""
        return self._converter.luma(decoded.frame, width)

    def nearest(self, times: Sequence[Fraction], width: int) -> Iterator[Frame]:
        """The frame shown at each of the sorted `times`, in one pass from the first of them on; each frame once."""
        waiting, previous = list(times), None
        for decoded in self._from(waiting[0]) if waiting else ():
            while previous is not None and waiting and waiting[0] < decoded.time_s:
                yield self._frame(previous, width)
                while waiting and waiting[0] < decoded.time_s:
                    waiting.pop(0)
            previous = decoded
            if not waiting:
                return
        if previous is not None and waiting:
            yield self._frame(previous, width)

    def _frame(self, decoded: DecodedFrame, width: int) -> Frame:
        return Frame(time_s=decoded.time_s, pixels=self._converter.bgr(decoded.frame, width))

    def _from(self, time_s: Fraction) -> Iterator[DecodedFrame]:
        """Decoded frames in order, from one at or before `time_s` on, from the first of the track at the latest."""
        if self._held.undecided:
            self._held.fill(self._decoded(None), frames=self._video.frames, keyframes=len(self._keys))
        if self._held:
            yield from self._held.since(time_s)
            return
        if self._run is None or self._last is None or not self._is_ahead(self._last.time_s, time_s):
            run = self._sought(time_s)
            self._last = next(run, None)
            self._run = run
        run = self._run
        while self._last is not None and self._run is run:  # another run: the file was read elsewhere meanwhile
            yield self._last
            self._last = next(run, None)

    def _is_ahead(self, last_s: Fraction, time_s: Fraction) -> bool:
        """Whether decoding on is the shortest way there: no keyframe lies between."""
        if time_s < last_s or not self._keys:
            return False
        return bisect_right(self._keys, time_s) == bisect_right(self._keys, last_s)

    def _sought(self, time_s: Fraction) -> Iterator[DecodedFrame]:
        """Decoded frames from a keyframe at or before `time_s` on.

        A seek goes by decoding times, and in some containers to a guessed place, so it can end up too late: then it is
        tried from ever further back.
        """
        back_s = Fraction(0)
        while True:
            from_start = self._video.retimed or time_s - back_s <= self._video.start_s or back_s > MAX_BACK_S
            run = self._decoded(None if from_start else time_s - back_s)
            first = next(run, None)
            # Some files mark frames as keyframes that are none, and decode to rubbish from there.
            if first is not None and (from_start or (first.time_s <= time_s and first.frame.key_frame)):
                yield first
                yield from run
                return
            if from_start:
                return
            back_s = back_s * 2 if back_s else Fraction(1, 2)

    def _decoded(self, seek_s: Fraction | None) -> Iterator[DecodedFrame]:
        """Deinterlaced frames from the keyframe before `seek_s`, or from the very beginning, in order of time."""
        if seek_s is not None:
            self._seek(seek_s)
        else:
            self._rewind()
        frames = self._track.frames(from_keyframe=seek_s is not None)
        if self._video.interlaced:
            frames = Deinterlacer(self._base).all(frames)
        previous_s: Fraction | None = None
        for number, frame in enumerate(frames):
            if self._video.retimed:
                shown_s = self._video.start_s + number / self._video.frame_rate
            else:
                shown_s = self._time_s(frame)
            if previous_s is None or shown_s > previous_s:  # else its time is wrong, and no player shows it
                previous_s = shown_s
                yield DecodedFrame(time_s=shown_s, frame=frame)

    def _seek(self, time_s: Fraction) -> None:
        """To the keyframe before this time."""
        self._run = None
        self._track.seek(int((time_s + self._origin_s) // self._base))

    def _rewind(self) -> None:
        self._run = None
        self._track.rewind()

    def _time_s(self, unit: Any) -> Fraction:
        """Seconds of a packet or frame from the title's zero. Frames of a filter have a time base of their own."""
        return (_tick(unit) or 0) * Fraction(unit.time_base or self._base) - self._origin_s


def _tick(unit: Any) -> int | None:
    """The display time of a packet or frame, or its decoding time where it has none, in its time base."""
    tick: int | None = unit.pts if unit.pts is not None else unit.dts
    return tick
