"""The packets of a video track -> its keyframe index. Pure."""

from bisect import bisect_left
from collections.abc import Sequence

from transcode.probe.source import SourceGop

MAX_GOPS = 65_536  # a day of two-second GOPs; an intra-only codec has one per frame


def gops(ticks: Sequence[int], keys: Sequence[tuple[int, int]], leading_bytes: int) -> tuple[SourceGop, ...]:
    """GOPs of a track. `ticks` are the sorted times of all frames, `keys` are (tick, bytes up to the next keyframe in
    decoding order), `leading_bytes` are those before the first keyframe.

    Frames before the first keyframe belong to its GOP, so that the GOPs together have all frames. Where there are more
    than MAX_GOPS, neighbours are merged.
    """
    if not ticks:
        return ()
    bytes_by_frame: dict[int, int] = {}  # frame -> bytes
    for tick, size in sorted(keys):
        frame = min(bisect_left(ticks, tick), len(ticks) - 1)
        bytes_by_frame[frame] = bytes_by_frame.get(frame, 0) + size
    starts = sorted(bytes_by_frame.items()) or [(0, 0)]
    starts[0] = (0, starts[0][1] + leading_bytes)
    while len(starts) > MAX_GOPS:
        pairs = (starts[n : n + 2] for n in range(0, len(starts), 2))
        starts = [(pair[0][0], sum(size for _, size in pair)) for pair in pairs]
    ends = [*(frame for frame, _ in starts[1:]), len(ticks)]
    return tuple(
        SourceGop(frame=frame, frames=end - frame, bytes=size) for (frame, size), end in zip(starts, ends, strict=True)
    )
