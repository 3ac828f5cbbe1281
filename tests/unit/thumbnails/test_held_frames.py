"""Frames of short tracks are decoded once, and are the same as those that are sought one by one."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.media import generate
from thumbnails.reading.held_frames import HeldFrames
from thumbnails.reading.reader import Reader
from thumbnails.reading.video_facts import VideoFacts
from transcode.probe.probe_child import probe
from workers.video_facts import video_facts

FRAMES, SIZE_BYTES = 40, 160 * 96 * 3 // 2
MANY = 20  # keyframes; every second frame is one
ENOUGH = FRAMES * SIZE_BYTES * 2  # the decoder pads its lines
TIMES = [Fraction(time, 10) for time in (0, 7, 12, 13, 31, 50)]
READS: dict[str, Callable[[Reader], Iterable[Any]]] = {
    "nearest": lambda reader: reader.nearest(TIMES, 96),
    "between": lambda reader: reader.between(Fraction(5, 4), Fraction(2), 96),
    "at": lambda reader: [reader.at(time_s, 96) for time_s in reversed(TIMES)],
    "keyframes": lambda reader: reader.keyframes(TIMES, 96),
}


def clip(folder: Path, *options: str) -> tuple[Path, VideoFacts]:
    file = folder / "clip.mp4"
    generate(file, f"testsrc2=s=160x96:r=10:d={FRAMES // 10}", None, "-g", "15", "-bf", "2", *options)
    video = video_facts(probe(file, 10**9, 10**6).source)
    assert video is not None
    assert video.frames == FRAMES
    return file, video


def read(file: Path, video: VideoFacts, held: HeldFrames, what: str) -> tuple[list[tuple[Fraction, Any]], int]:
    """(times and pixels, frames decoded) of one reader."""
    with Reader(file, video, held=held) as reader:
        reader.keyframe_times()
        found = list(READS[what](reader))
        assert found
        return [(frame.time_s, frame.pixels) for frame in found], reader.decoded


def test_held_frames_are_those_that_are_sought(tmp_path: Path) -> None:
    file, video = clip(tmp_path)
    held, decoded = HeldFrames(ENOUGH, keyframes=MANY), 0
    for what in ("nearest", "between", "at", "keyframes"):
        sought, _ = read(file, video, HeldFrames(0), what)
        kept, cost = read(file, video, held, what)
        assert [time_s for time_s, _ in kept] == [time_s for time_s, _ in sought]
        assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(kept, sought, strict=True)), what
        decoded += 0 if what == "keyframes" else cost
    assert held
    assert FRAMES - 4 < decoded <= FRAMES  # the reader does not count the last ones, which the decoder holds back


@pytest.mark.parametrize(
    ("most_bytes", "options", "frames"),
    [
        (FRAMES * SIZE_BYTES - 1, (), FRAMES),  # they do not fit
        (ENOUGH, ("-g", "2", "-bf", "0"), FRAMES),  # a keyframe is never far
        (3 * ENOUGH, (), 2 * FRAMES),  # half of the track cannot be read in one go
        (0, (), FRAMES),
    ],
)
def test_what_is_not_held_is_read_all_the_same(
    tmp_path: Path, most_bytes: int, options: tuple[str, ...], frames: int
) -> None:
    file, video = clip(tmp_path, *options)
    sought, _ = read(file, video, HeldFrames(0), "nearest")
    held = HeldFrames(most_bytes, keyframes=MANY)
    with Reader(file, video) as reader:
        keyframes = len(reader.keyframe_times())
        whole = list(reader.decoded_between(Fraction(0), video.duration_s, FRAMES))
    if most_bytes:
        held.fill(iter(whole), frames=frames, keyframes=keyframes)
    assert len(whole) == FRAMES
    assert not held
    kept, _ = read(file, video, held, "nearest")
    assert [time_s for time_s, _ in kept] == [time_s for time_s, _ in sought]


def test_a_frame_that_grows_beyond_the_bound_ends_it(tmp_path: Path) -> None:
    """What a file's first frame promises does not bind the others."""
    file, video = clip(tmp_path)
    with Reader(file, video) as reader:
        whole = reader.decoded_between(Fraction(0), video.duration_s, FRAMES)
    most = sum(one.size_bytes for one in whole)
    taken = []

    def frames() -> Iterable[Any]:
        for one in (*whole, *whole):
            taken.append(one)
            yield one

    held = HeldFrames(most, keyframes=MANY)
    held.fill(iter(frames()), frames=FRAMES, keyframes=1)
    assert not held
    assert len(taken) == FRAMES + 1
