"""What the encoder writes -> checked CMAF segments, as soon as each is whole.

In: the fragmented file of one rendition, growing or done, and the grid it was planned on. Out: init segment and
segments as byte ranges with hashes. Refuses (WrongOutput: the encode is wrong, not the upload) any file whose frames,
times or sync points are not what the plan says. Constraints: ISO/IEC 23000-19 (CMAF).
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
MAY_LACK_FRAMES = 3  # at the end of a title
# Sound is written this much later than it is, because no decode time can be negative; the cutter takes it off again.
AUDIO_OFFSET_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes `offset`..`offset + size` of a local file, with their hash; of video also where each GOP begins."""

    path: Path
    offset: int
    blob: Blob
    keyframes: tuple[Keyframe, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A rendition as pieces: the init segment and (segment, duration in `timescale`)."""

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

    No GOP is longer than `gop` frames; 0 is any length, for what somebody else encoded.
    """

    first: int
    end: int
    cuts: tuple[int, ...]
    frame_ticks: int
    timescale: int
    gop: int


def _piece(path: Path, offset: int, size: int) -> ByteRange:
    digest, left = hashlib.sha256(), size
    with path.open("rb") as file:
        file.seek(offset)
        while left:
            read = file.read(min(left, 1 << 20))
            if not read:
                raise WrongOutput(f"{path.name}: {left} bytes are missing")
            digest.update(read)
            left -= len(read)
    return ByteRange(path=path, offset=offset, blob=Blob(sha256=digest.hexdigest(), size_bytes=size))


class VideoCutter:
    """Checks every fragment against the grid and cuts at its cuts."""

    def __init__(self, path: Path, grid: VideoGrid) -> None:
        self._path = path
        self._grid = grid
        self._reader = FragmentReader(path)
        self._seen = grid.first
        self._ends = [*grid.cuts[bisect_right(grid.cuts, grid.first) :], grid.end]
        self._ends = [end for end in self._ends if end <= grid.end]
        self._open: list[Fragment] = []
        self._segments: list[tuple[ByteRange, int]] = []
        self._last: Fragment | None = None
        self.init: ByteRange | None = None

    @property
    def codec(self) -> str:
        return self._reader.init.codec if self._reader.init else ""

    @property
    def timescale(self) -> int:
        return self._grid.timescale

    def last_gop(self) -> GopBytes:
        """The last fragment, for a look at whether it decodes."""
        if self._last is None or self._reader.init is None:
            raise WrongOutput(f"{self._path.name}: no frames")
        last = self._last
        size = self._reader.init.size
        return GopBytes(path=self._path, init_size=size, offset=last.offset, size=last.size, frames=len(last.sizes))

    def poll(self) -> list[tuple[ByteRange, int]]:
        """Segments that have become whole since the last call."""
        return self._take(self._reader.poll())

    def finish(self) -> Cut:
        """The whole rendition, once the encoder has ended."""
        self._take(self._reader.finish())
        if self._seen != self._grid.end or self._open or self.init is None or self._reader.init is None:
            raise WrongOutput(f"{self._path.name}: frames end at {self._seen} of {self._grid.end}")
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
            self._open.append(fragment)
            self._last = fragment
            self._seen += len(fragment.sizes)
            if self._seen == self._ends[0]:
                new.append(self._close())
        self._segments += new
        return new

    def _begin(self, init: Init) -> ByteRange:
        if init.timescale != self._grid.timescale:
            raise WrongOutput(f"{self._path.name}: timescale {init.timescale}, planned {self._grid.timescale}")
        return _piece(self._path, 0, init.size)

    def _check(self, fragment: Fragment) -> None:
        grid, frames = self._grid, len(fragment.sizes)
        if (
            not self._ends
            or self._seen + frames > self._ends[0]
            or (grid.gop and frames > grid.gop)
            or fragment.decode_time != self._seen * grid.frame_ticks
            or fragment.first_offset != 0
            or set(fragment.durations) != {grid.frame_ticks}
            or not fragment.starts_with_sync
        ):
            raise WrongOutput(
                f"{self._path.name}: fragment at frame {self._seen} has {frames} frames, next cut "
                f"{self._ends[0] if self._ends else None}, decode time {fragment.decode_time} of "
                f"{self._seen * grid.frame_ticks}, shown {fragment.first_offset} later, "
                f"frames of {sorted(set(fragment.durations))} ticks, sync {fragment.starts_with_sync}"
            )

    def _close(self) -> tuple[ByteRange, int]:
        del self._ends[0]
        first, ticks = self._open[0], self._grid.frame_ticks
        piece = _piece(self._path, first.offset, self._open[-1].offset + self._open[-1].size - first.offset)
        keyframes = tuple(
            Keyframe(
                offset=fragment.offset - first.offset,
                size_bytes=fragment.payload + fragment.sizes[0] - fragment.offset,
                duration=len(fragment.sizes) * ticks,
            )
            for fragment in self._open
        )
        self._open.clear()
        return replace(piece, keyframes=keyframes), sum(frame.duration for frame in keyframes)


class AudioCutter:
    """Writes AAC frames anew from time 0 on, cut as near to the video's grid as frames allow, into `path`.cut.

    What lies before time 0 (the encoder's priming, which would make all sound 21 ms late) is dropped.
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
        self._frames: list[tuple[int, int]] = []  # offset, size: kept and not yet written
        self._read = 0  # frames kept so far
        self._next: int | None = None  # decode time the next fragment must have
        self._start = 0  # decode time of the first kept frame
        self._ends: list[int] = []
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
        """Segments that have become whole since the last call."""
        return self._take(self._reader.poll())

    def finish(self) -> Cut:
        """The whole rendition, once the encoder has ended."""
        self._take(self._reader.finish())
        if len(self._ends) == 1 and 0 < self._ends[0] - self._read <= self._may_lack_frames < self._read:
            # Sound that was copied ends when it ends.
            self._segments.append(self._close(self._ends.pop()))
        if self.init is None or self._reader.init is None or self._ends:
            raise WrongOutput(f"{self._path.name}: {self._read} frames of sound, more are needed")
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
        while self._ends and self._written + len(self._frames) >= self._ends[0]:
            new.append(self._close(self._ends.pop(0)))
            self._segments.append(new[-1])
        return new

    def _begin(self, init: Init) -> None:
        with self._path.open("rb") as file:
            self._out.write_bytes(file.read(init.size))
        self._size = init.size
        self.init = _piece(self._out, 0, init.size)
        frame_s = Fraction(AAC_FRAME_SAMPLES, init.timescale)
        total = -(-self._duration_s // frame_s)
        # Nearest to each cut; the title's own end last, with no segment of nothing before it.
        ends = [round(cut / frame_s) for cut in self._cuts_s[1:]]
        self._ends = [*dict.fromkeys(end for end in ends if 0 < end < total), int(total)]

    def _keep(self, fragment: Fragment) -> None:
        timescale = self._reader.init.timescale if self._reader.init else 0
        time = begun = fragment.decode_time - AUDIO_OFFSET_S * timescale
        # Frames follow each other without a hole; where a container rounds times to milliseconds they seem not to.
        if self._next is not None and abs(time - self._next) > timescale // 500:
            raise WrongOutput(f"{self._path.name}: frames of sound at {time}, expected at {self._next}")
        # The very last frame may say less: it is cut off or written as a whole one.
        if any(abs(ticks - AAC_FRAME_SAMPLES) > timescale // 500 for ticks in fragment.durations[:-1]):
            raise WrongOutput(f"{self._path.name}: frames of {set(fragment.durations)} samples")
        at = fragment.payload
        for size in fragment.sizes:
            if time >= 0 or self._read:
                if not self._read:
                    if time > 3 * AAC_FRAME_SAMPLES:
                        raise WrongOutput(f"{self._path.name}: sound begins at {time}")
                    self._start = time
                self._frames.append((at, size))
                self._read += 1
            at += size
            time += AAC_FRAME_SAMPLES
        self._next = (begun if self._next is None else self._next) + len(fragment.sizes) * AAC_FRAME_SAMPLES

    def _close(self, end: int) -> tuple[ByteRange, int]:
        group = self._frames[: end - self._written]
        del self._frames[: len(group)]
        time = self._start + self._written * AAC_FRAME_SAMPLES
        head = _sound_fragment(len(self._segments) + 1, time, [size for _, size in group])
        body = bytearray(head)
        with self._path.open("rb") as file:
            for offset, size in group:
                file.seek(offset)
                body += file.read(size)
        with self._out.open("ab") as out:
            out.write(body)
        piece = _piece(self._out, self._size, len(body))
        self._size += len(body)
        self._written = end
        return piece, len(group) * AAC_FRAME_SAMPLES


def _box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _sound_fragment(sequence: int, decode_time: int, sizes: list[int]) -> bytes:
    """moof and the head of its mdat for AAC frames of these sizes, all sync samples of 1024."""
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
