"""Renders the sheets of a storyboard. Runs inside the sandbox.

In: a Reader and a StoryboardPlan. Out: the sheets as pixels, one after the other, and the time each tile shows. A tile
takes a keyframe of its own time, or the one before it; frames in between are decoded only where keyframes are sparse,
and within a budget. Raises `NothingToShow` where no frame of the title can be read.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction

import cv2
import numpy as np

from thumbnails.images.storyboard import StoryboardPlan, Tile
from thumbnails.reading.colour import Bgr
from thumbnails.reading.reader import Frame, Reader
from thumbnails.reading.video_facts import VideoFacts

# Frames of 1080p that may be decoded, by their pixels; each costs some 2 to 3 ms of CPU time.
BUDGET = 600
KEYFRAME = 4  # frames that a keyframe costs: it has more bits, and a seek goes before it
SPARSE_BUDGET = 6000  # when nearly all tiles would show the same few pictures
SPARSE = 4  # tiles per keyframe
_UNIT = 1920 * 1080
REORDERED = 4  # frames that a keyframe is shown after the time an index has for it


class NothingToShow(Exception):
    """Not one frame of the video can be read."""


class Sheets:
    """The sheets of one storyboard while they are rendered."""

    def __init__(self, reader: Reader, video: VideoFacts, planned: StoryboardPlan) -> None:
        self._reader, self._video, self._plan = reader, video, planned
        self._keys = reader.keyframe_times()
        self._sparse = len(self._keys) * SPARSE < len(planned.tiles)
        budget = (SPARSE_BUDGET if self._sparse else BUDGET) * _UNIT // (video.width * video.height)
        self._left = budget - KEYFRAME * min(len(self._keys), len(planned.tiles))
        self._late_s = min(REORDERED / video.frame_rate, Fraction(planned.interval_ms, 4000))
        self._last: Frame | None = None  # of the sheet before
        self.times_s: list[Fraction] = []

    def render(self) -> Iterator[Bgr]:
        """Each sheet in turn, H x W x 3 BGR. Raises NothingToShow."""
        for number in range(self._plan.sheets):
            tiles = self._plan.of_sheet(number)
            frames = self._frames(tiles)
            if not frames:
                raise NothingToShow
            yield self._sheet(number, tiles, frames)
            self._last = frames[-1]

    def _frames(self, tiles: Sequence[Tile]) -> list[Frame]:
        """The frames for the tiles of one sheet, in order of time, each once."""
        runs: dict[Fraction, list[Fraction]] = {}  # keyframe -> times too far behind it
        near: dict[Fraction, list[Fraction]] = {}
        for tile in tiles:
            time_s = self._shown_time(tile)
            key_s = self._keyframe_before(time_s)
            far = time_s - key_s > Fraction(self._plan.interval_ms, 1000) or not self._keys
            (runs if far else near).setdefault(key_s, []).append(time_s)
        frames_by_time = {} if self._last is None else {self._last.time_s: self._last}
        for key_s in sorted(runs, key=lambda key_s: (self._cost(key_s, runs) / len(runs[key_s]), key_s)):
            if self._left > 0 and (self._sparse or self._cost(key_s, runs) <= self._left):
                frames_by_time |= {frame.time_s: frame for frame in self._decode_in_one_pass(runs[key_s])}
            else:
                near.setdefault(key_s, runs[key_s])
        # A time slightly too early would give the keyframe before.
        alone = sorted(max(times[-1], key_s + self._late_s) for key_s, times in near.items())
        frames_by_time |= {frame.time_s: frame for frame in self._reader.keyframes(alone, self._plan.tile_width)}
        if not frames_by_time:  # no keyframe can be had alone
            self._left = max(self._left, BUDGET)
            frames_by_time = {
                frame.time_s: frame for frame in self._decode_in_one_pass([self._shown_time(tile) for tile in tiles])
            }
        return [frames_by_time[time_s] for time_s in sorted(frames_by_time)]

    def _shown_time(self, tile: Tile) -> Fraction:
        """The time whose picture a tile shows: its middle, or a keyframe of its own that is nearer to it."""
        middle_s = min(tile.middle_s, self._video.end_s)
        after = bisect_right(self._keys, middle_s)
        if after and self._keys[after - 1] * 1000 >= tile.start_ms:
            return middle_s
        # None before the middle; one after it is still this tile's time.
        if after < len(self._keys) and self._keys[after] * 1000 < tile.end_ms:
            return min(self._keys[after] + self._late_s, Fraction(tile.end_ms, 1000))
        return middle_s

    def _keyframe_before(self, time_s: Fraction) -> Fraction:
        after = bisect_right(self._keys, time_s)
        return self._keys[after - 1] if after else self._video.start_s

    def _cost(self, key_s: Fraction, runs: dict[Fraction, list[Fraction]]) -> int:
        """How many frames have to be decoded from a keyframe to the last time of its run."""
        return int((runs[key_s][-1] - key_s) * self._video.frame_rate) + 1

    def _decode_in_one_pass(self, times: Sequence[Fraction]) -> Iterator[Frame]:
        """Exact frames of one pass, as far as the budget goes."""
        before = self._reader.decoded
        for frame in self._reader.nearest(times, self._plan.tile_width):
            yield frame
            if self._reader.decoded - before > self._left:
                break
        self._left -= self._reader.decoded - before

    def _sheet(self, number: int, tiles: Sequence[Tile], frames: Sequence[Frame]) -> Bgr:
        width, height = self._plan.sheet_size(number)
        sheet = np.zeros((height, width, 3), np.uint8)
        size = (self._plan.tile_width, self._plan.tile_height)
        times = [frame.time_s for frame in frames]
        for tile in tiles:
            at = bisect_right(times, self._shown_time(tile)) - 1
            if (at < 0 or times[at] * 1000 < tile.start_ms) and at + 1 < len(times):
                # The frame of this time did not decode; the next one may still be of this tile's time.
                at += times[at + 1] * 1000 < tile.end_ms
            frame = frames[max(0, at)]
            self.times_s.append(frame.time_s)
            small = frame.pixels
            if (small.shape[1], small.shape[0]) != size:
                small = cv2.resize(small, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
            sheet[tile.y : tile.y + size[1], tile.x : tile.x + size[0]] = small
        return sheet
