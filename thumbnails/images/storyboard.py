"""The tiles of a storyboard: their times and places, and the WebVTT and JSON files that list them. Pure.

In: a duration and a shown size. Out: `StoryboardPlan`, then the two texts. Cues touch each other and cover exactly
[0, duration], in milliseconds; the last sheets' pixels end where their tiles end. Refuses a duration below 1 ms.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from core.media.timestamps import cue_timestamp

LEAST_MS, MOST_MS = 2_000, 10_000
TILES = 100  # of most titles: longer ones than 1000 s have one every 10 s
COLUMNS = ROWS = 10
LONG_SIDE = 160
LEAST_SIDE = 16
QUALITY = 75  # JPEG: nobody looks at a tile for long


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A small image: the time it stands for, and its position on which sheet."""

    start_ms: int
    end_ms: int
    sheet: int
    x: int
    y: int

    @property
    def middle_s(self) -> Fraction:
        return Fraction(self.start_ms + self.end_ms, 2000)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryboardPlan:
    """All tiles of a title's storyboard, in order of time, and their common size in pixels."""

    duration_ms: int
    interval_ms: int
    tile_width: int
    tile_height: int
    tiles: tuple[Tile, ...]

    @property
    def sheets(self) -> int:
        return self.tiles[-1].sheet + 1

    def of_sheet(self, sheet: int) -> tuple[Tile, ...]:
        """The tiles of one sheet, in order of time."""
        return self.tiles[sheet * COLUMNS * ROWS : (sheet + 1) * COLUMNS * ROWS]

    def sheet_size(self, sheet: int) -> tuple[int, int]:
        """(width, height): a sheet that is not full is no larger than its tiles need."""
        tiles = self.of_sheet(sheet)
        return max(t.x for t in tiles) + self.tile_width, tiles[-1].y + self.tile_height


def plan(duration_s: Fraction, shown_width: int, shown_height: int) -> StoryboardPlan:
    """The tiles of a title of this duration; `shown_*` is its upright size in square pixels.

    Raises ValueError for a duration below 1 ms.
    """
    duration_ms = round(duration_s * 1000)
    if duration_ms < 1:
        raise ValueError("a storyboard of nothing")
    interval_ms = min(max(-(-duration_ms // TILES), LEAST_MS), MOST_MS)
    width, height = tile_size(shown_width, shown_height)
    tiles = []
    for number, start_ms in enumerate(range(0, duration_ms, interval_ms)):
        sheet, place = divmod(number, COLUMNS * ROWS)
        row, column = divmod(place, COLUMNS)
        end_ms = min(start_ms + interval_ms, duration_ms)
        tiles.append(Tile(start_ms=start_ms, end_ms=end_ms, sheet=sheet, x=column * width, y=row * height))
    return StoryboardPlan(
        duration_ms=duration_ms, interval_ms=interval_ms, tile_width=width, tile_height=height, tiles=tuple(tiles)
    )


def tile_size(shown_width: int, shown_height: int) -> tuple[int, int]:
    """(width, height) of a tile: 160 on the long side, the video's aspect ratio, even sides; never enlarged."""
    longest = max(shown_width, shown_height)
    share = Fraction(min(LONG_SIDE, longest), longest)
    width, height = (max(LEAST_SIDE, 2 * round(side * share / 2)) for side in (shown_width, shown_height))
    return width, height


def sheet_name(sheet: int) -> str:
    return f"sheet-{sheet}.jpg"


def webvtt(planned: StoryboardPlan, url_of: Callable[[int], str] = sheet_name) -> str:
    """The WebVTT thumbnail track: each cue names a region of a sheet as a media fragment, by a relative URL."""
    return "".join(["WEBVTT\n", *_cues(planned, url_of)])


def _cues(planned: StoryboardPlan, url_of: Callable[[int], str]) -> Iterator[str]:
    for tile in planned.tiles:
        region = f"{tile.x},{tile.y},{planned.tile_width},{planned.tile_height}"
        times = f"{cue_timestamp(tile.start_ms)} --> {cue_timestamp(tile.end_ms)}"
        yield f"\n{times}\n{url_of(tile.sheet)}#xywh={region}\n"


def listing(planned: StoryboardPlan, url_of: Callable[[int], str] = sheet_name) -> str:
    """The storyboard as JSON. Most have one sheet, for players that know only `url`; further ones are in `sheets`."""
    sheets = [_sheet(planned, sheet, url_of(sheet)) for sheet in range(planned.sheets)]
    value: dict[str, Any] = {
        "url": url_of(0),
        "tile_width": planned.tile_width,
        "tile_height": planned.tile_height,
        "duration": planned.duration_ms / 1000,
        "tiles": sheets[0]["tiles"],
        "sheets": sheets,
    }
    return json.dumps(value, separators=(",", ":"))


def _sheet(planned: StoryboardPlan, sheet: int, url: str) -> dict[str, Any]:
    tiles = [{"start": tile.start_ms / 1000, "x": tile.x, "y": tile.y} for tile in planned.of_sheet(sheet)]
    return {"url": url, "tiles": tiles}
