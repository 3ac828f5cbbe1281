"""Encoder output -> verified CMAF segments, each as soon as it is complete.

In: the fragmented file of one rendition, still being written or complete, and the planned segment grid. Out: init
segment and segments as byte ranges with hashes. Refuses (WrongOutput: a fault of the encode, not of the upload) any
file whose frames, times or sync points differ from the plan. Constraints: ISO/IEC 23000-19 (CMAF).
"""

import hashlib
import struct
from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from core.media.encoded import Blob, Keyframe
from transcode.encode.fragments import Fragment, FragmentReader, Init, WrongOutput

AAC_FRAME_SAMPLES = 1024
MAY_LACK_FRAMES = 3  # AAC frames that may be missing at the end of a title
# Audio is written this much late, because decode times cannot be negative; the cutter subtracts it again.
AUDIO_OFFSET_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Part of a local file from `offset` on; `blob` has its size and hash, `keyframes` the GOPs of a video segment."""

    path: Path
    offset: int
    blob: Blob
    keyframes: tuple[Keyframe, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A rendition cut into segments: the init segment, and (segment, duration in ticks of `timescale`)."""

    codec: str
    timescale: int
    init: ByteRange
    segments: tuple[tuple[ByteRange, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GopBytes:
    """One GOP of a file: the init segment before all fragments, and the fragment itself."""

    path: Path
    init_size: int
    offset: int
    size: int
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoGrid:
    """What a video file must hold: frames `first`..`end` of the rendition, of `frame_ticks` each, cut at `cuts`.

    No GOP is longer than `gop` frames; 0 allows any length, for a passthrough track.
    """

    first: int
    end: int
    cuts: tuple[int, ...]
    frame_ticks: int
    timescale: int
    gop: int


def _byte_range(path: Path, offset: int, size: int) -> ByteRange:
    digest, remaining = hashlib.sha256(), size
    with path.open("rb") as file:
        file.seek(offset)
        while remaining:
            block = file.read(min(remaining, 1 << 20))
            if not block:
                raise WrongOutput(f"{path.name}: {remaining} bytes are missing")
            digest.update(block)
            remaining -= len(block)
    return ByteRange(path=path, offset=offset, blob=Blob(sha256=digest.hexdigest(), size_bytes=size))


class VideoCutter:
    """Verifies every fragment against the grid and groups fragments into segments at its cuts."""

    def __init__(self, path: Path, grid: VideoGrid) -> None:
        self._path = path
        self._grid = grid
        self._reader = FragmentReader(path)
        self._frame = grid.first
        self._cuts = [*grid.cuts[bisect_right(grid.cuts, grid.first) :], grid.end]
        self._cuts = [end for end in self._cuts if end <= grid.end]
        self._fragments: list[Fragment] = []
        self._segments: list[tuple[ByteRange, int]] = []
        self._gops: list[tuple[int, int, int]] = []  # offset, bytes, frames
        self.init: ByteRange | None = None

    @property
    def codec(self) -> str:
        return self._reader.init.codec if self._reader.init else ""

    @property
    def timescale(self) -> int:
        return self._grid.timescale

    def gops(self) -> list[GopBytes]:
        """All GOPs so far, for a test decode. Raises WrongOutput for a file without frames."""
        if not self._gops or self._reader.init is None:
            raise WrongOutput(f"{self._path.name}: no frames")
        size = self._reader.init.size
        return [
            GopBytes(path=self._path, init_size=size, offset=offset, size=gop_size, frames=frames)
            for offset, gop_size, frames in self._gops
        ]

    def poll(self) -> list[tuple[ByteRange, int]]:
        """Segments completed since the last call, each with its duration in ticks. Raises WrongOutput."""
        return self._take(self._reader.poll())

    def finish(self) -> Cut:
        """The complete rendition, once the encoder has ended. Raises WrongOutput where frames are missing."""
        self._take(self._reader.finish())
        if self._frame != self._grid.end or self._fragments or self.init is None or self._reader.init is None:
            raise WrongOutput(f"{self._path.name}: frames end at {self._frame} of {self._grid.end}")
        return Cut(
            codec=self._reader.init.codec,
            timescale=self._reader.init.timescale,
            init=self.init,
            segments=tuple(self._segments),
        )

    def _take(self, fragments: list[Fragment]) -> list[tuple[ByteRange, int]]:
        if self.init is None and self._reader.init is not None:
            self.init = self._begin(self._reader.init)
        new = []
        for fragment in fragments:
            self._check(fragment)
            self._fragments.append(fragment)
            self._gops.append((fragment.offset, fragment.size, len(fragment.sizes)))
            self._frame += len(fragment.sizes)
            if self._frame == self._cuts[0]:
                new.append(self._close())
        self._segments += new
        return new

    def _begin(self, init: Init) -> ByteRange:
        if init.timescale != self._grid.timescale:
            raise WrongOutput(f"{self._path.name}: timescale {init.timescale}, planned {self._grid.timescale}")
        return _byte_range(self._path, 0, init.size)

    def _check(self, fragment: Fragment) -> None:
        grid, frames = self._grid, len(fragment.sizes)
        if (
            not self._cuts
            or self._frame + frames > self._cuts[0]
            or (grid.gop and frames > grid.gop)
            or fragment.decode_time != self._frame * grid.frame_ticks
            or fragment.first_offset != 0
            or set(fragment.durations) != {grid.frame_ticks}
            or not fragment.starts_with_sync
        ):
            raise WrongOutput(
                f"{self._path.name}: fragment at frame {self._frame} has {frames} frames, next cut "
                f"{self._cuts[0] if self._cuts else None}, decode time {fragment.decode_time} of "
                f"{self._frame * grid.frame_ticks}, shown {fragment.first_offset} later, "
                f"frames of {sorted(set(fragment.durations))} ticks, sync {fragment.starts_with_sync}"
            )

    def _close(self) -> tuple[ByteRange, int]:
        del self._cuts[0]
        first, ticks = self._fragments[0], self._grid.frame_ticks
        segment = _byte_range(
            self._path, first.offset, self._fragments[-1].offset + self._fragments[-1].size - first.offset
        )
        keyframes = tuple(
            Keyframe(
                offset=fragment.offset - first.offset,
                size_bytes=fragment.payload + fragment.sizes[0] - fragment.offset,
                duration=len(fragment.sizes) * ticks,
            )
            for fragment in self._fragments
        )
        self._fragments.clear()
        return replace(segment, keyframes=keyframes), sum(frame.duration for frame in keyframes)


class AudioCutter:
    """Rewrites AAC frames from time 0 on into a `.cut.mp4` beside `path`, cut as near to the video's grid as possible.

    Frames before time 0 (the encoder's priming, which would delay all audio by 21 ms) are dropped.
    """

    def __init__(
        self,
        path: Path,
        *,
        duration_s: Fraction,
        cuts_s: tuple[Fraction, ...],
        may_lack_frames: int = MAY_LACK_FRAMES,
    ) -> None:
        self._path = path
        self._may_lack_frames = may_lack_frames
        self._reader = FragmentReader(path)
        self._duration_s = duration_s
        self._cuts_s = cuts_s
        self._out = path.with_suffix(".cut.mp4")
        self._size = 0
        self._frames: list[tuple[int, int]] = []  # (offset, size) of frames not yet written
        self._frames_read = 0  # frames taken so far, from time 0 on
        self._next_time: int | None = None  # decode time the next fragment must have
        self._start_time = 0  # decode time of the first frame taken
        self._cuts: list[int] = []
        self._written = 0
        self._segments: list[tuple[ByteRange, int]] = []
        self.init: ByteRange | None = None

    @property
    def codec(self) -> str:
        return self._reader.init.codec if self._reader.init else ""

    @property
    def timescale(self) -> int:
        return self._reader.init.timescale if self._reader.init else 0

    def poll(self) -> list[tuple[ByteRange, int]]:
        """Segments completed since the last call, each with its duration in ticks. Raises WrongOutput."""
        return self._take(self._reader.poll())

    def finish(self) -> Cut:
        """The complete rendition, once the encoder has ended. Raises WrongOutput where frames are missing."""
        self._take(self._reader.finish())
        if len(self._cuts) == 1 and 0 < self._cuts[0] - self._frames_read <= self._may_lack_frames < self._frames_read:
            # Copied audio may end a little before the title.
            self._segments.append(self._close(self._cuts.pop()))
        if self.init is None or self._reader.init is None or self._cuts:
            raise WrongOutput(f"{self._path.name}: {self._frames_read} audio frames, more are needed")
        return Cut(
            codec=self._reader.init.codec,
            timescale=self._reader.init.timescale,
            init=self.init,
            segments=tuple(self._segments),
        )

    def _take(self, fragments: list[Fragment]) -> list[tuple[ByteRange, int]]:
        if self.init is None and self._reader.init is not None:
            self._begin(self._reader.init)
        for fragment in fragments:
            self._keep(fragment)
        new = []
        while self._cuts and self._written + len(self._frames) >= self._cuts[0]:
            new.append(self._close(self._cuts.pop(0)))
            self._segments.append(new[-1])
        return new

    def _begin(self, init: Init) -> None:
        with self._path.open("rb") as file:
            self._out.write_bytes(file.read(init.size))
        self._size = init.size
        self.init = _byte_range(self._out, 0, init.size)
        frame_s = Fraction(AAC_FRAME_SAMPLES, init.timescale)
        total = -(-self._duration_s // frame_s)
        # The audio frame nearest to each cut; the title's end last, and no empty segment before it.
        ends = [round(cut / frame_s) for cut in self._cuts_s[1:]]
        self._cuts = [*dict.fromkeys(end for end in ends if 0 < end < total), int(total)]

    def _keep(self, fragment: Fragment) -> None:
        timescale = self._reader.init.timescale if self._reader.init else 0
        time = first_time = fragment.decode_time - AUDIO_OFFSET_S * timescale
        # Frames must be contiguous, give or take 2 ms: some containers round times to milliseconds.
        if self._next_time is not None and abs(time - self._next_time) > timescale // 500:
            raise WrongOutput(f"{self._path.name}: audio frames at {time}, expected at {self._next_time}")
        # The last frame may claim a shorter duration; it is dropped or written as a full frame.
        if any(abs(ticks - AAC_FRAME_SAMPLES) > timescale // 500 for ticks in fragment.durations[:-1]):
            raise WrongOutput(f"{self._path.name}: frames of {set(fragment.durations)} samples")
        at = fragment.payload
        for size in fragment.sizes:
            if time >= 0 or self._frames_read:
                if not self._frames_read:
                    if time > 3 * AAC_FRAME_SAMPLES:
                        raise WrongOutput(f"{self._path.name}: audio begins at {time}")
                    self._start_time = time
                self._frames.append((at, size))
                self._frames_read += 1
            at += size
            time += AAC_FRAME_SAMPLES
        self._next_time = (first_time if self._next_time is None else self._next_time) + len(
            fragment.sizes
        ) * AAC_FRAME_SAMPLES

    def _close(self, end: int) -> tuple[ByteRange, int]:
        group = self._frames[: end - self._written]
        del self._frames[: len(group)]
        time = self._start_time + self._written * AAC_FRAME_SAMPLES
        head = _audio_fragment(len(self._segments) + 1, time, [size for _, size in group])
        body = bytearray(head)
        with self._path.open("rb") as file:
            for offset, size in group:
                file.seek(offset)
                body += file.read(size)
        with self._out.open("ab") as out:
            out.write(body)
        segment = _byte_range(self._out, self._size, len(body))
        self._size += len(body)
        self._written = end
        return segment, len(group) * AAC_FRAME_SAMPLES


def _box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _audio_fragment(sequence: int, decode_time: int, sizes: list[int]) -> bytes:
    """The moof, and the header of its mdat, for AAC frames of these sizes in bytes: 1024 samples each, all sync."""
    header = struct.pack(">II", 0, sequence)
    # default-base-is-moof, default sample duration and flags (depends on no other, sync)
    tfhd = struct.pack(">IIII", 0x020028, 1, AAC_FRAME_SAMPLES, 0x02000000)
    tfdt = struct.pack(">IQ", 0x01000000, decode_time)
    trun_size = 8 + 12 + 4 * len(sizes)
    moof_size = 8 + 16 + 8 + (8 + len(tfhd)) + (8 + len(tfdt)) + trun_size
    trun = struct.pack(">IIi", 0x000201, len(sizes), moof_size + 8) + struct.pack(f">{len(sizes)}I", *sizes)
    moof = _box(
        b"moof", _box(b"mfhd", header), _box(b"traf", _box(b"tfhd", tfhd), _box(b"tfdt", tfdt), _box(b"trun", trun))
    )
    return moof + struct.pack(">I4s", sum(sizes) + 8, b"mdat")
