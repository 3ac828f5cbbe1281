"""Storyboards: cues touch and cover the title exactly, tiles lie where they are said to."""

import json
import re
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thumbnails.images import storyboard
from thumbnails.images.storyboard import StoryboardPlan, plan, tile_size

CUE = re.compile(
    r"(\d\d):(\d\d):(\d\d)\.(\d{3}) --> (\d\d):(\d\d):(\d\d)\.(\d{3})\nsheet-(\d+)\.jpg#xywh=(\d+),(\d+),(\d+),(\d+)"
)


def cues(text: str) -> list[tuple[int, int, int, tuple[int, ...]]]:
    """(start, end, sheet, region), ms."""
    found = []
    for groups in CUE.findall(text):
        numbers = [int(group) for group in groups]
        start, end = (((h * 60 + m) * 60 + s) * 1000 + ms for h, m, s, ms in (numbers[:4], numbers[4:8]))
        found.append((start, end, numbers[8], tuple(numbers[9:])))
    return found


@given(duration_ms=st.integers(1, 12 * 3600 * 1000))
def test_cues_cover_the_title_exactly(duration_ms: int) -> None:
    made = plan(Fraction(duration_ms, 1000), 1920, 1080)
    read = cues(storyboard.webvtt(made))
    assert len(read) == len(made.tiles) > 0
    assert read[0][0] == 0
    assert read[-1][1] == duration_ms
    assert all(one[1] == after[0] for one, after in pairwise(read))
    assert all(start < end for start, end, _, _ in read)


@given(duration_ms=st.integers(1, 12 * 3600 * 1000), width=st.integers(32, 8192), height=st.integers(32, 8192))
def test_every_tile_lies_on_its_sheet_and_alone(duration_ms: int, width: int, height: int) -> None:
    made = plan(Fraction(duration_ms, 1000), width, height)
    places = set()
    for tile in made.tiles:
        sheet_width, sheet_height = made.sheet_size(tile.sheet)
        assert 0 <= tile.x <= sheet_width - made.tile_width
        assert 0 <= tile.y <= sheet_height - made.tile_height
        assert (tile.x % made.tile_width, tile.y % made.tile_height) == (0, 0)
        places.add((tile.sheet, tile.x, tile.y))
    assert len(places) == len(made.tiles)
    assert max(len(made.of_sheet(sheet)) for sheet in range(made.sheets)) <= 100
    assert sum(len(made.of_sheet(sheet)) for sheet in range(made.sheets)) == len(made.tiles)


@pytest.mark.parametrize(
    ("seconds", "interval_ms", "tiles", "sheets"),
    [
        (Fraction(1, 25), 2000, 1, 1),
        (Fraction(2), 2000, 1, 1),
        (Fraction(201, 100), 2000, 2, 1),
        (Fraction(200), 2000, 100, 1),
        (Fraction(600), 6000, 100, 1),
        (Fraction(60_001, 100), 6001, 100, 1),
        (Fraction(1000), 10_000, 100, 1),
        (Fraction(3600), 10_000, 360, 4),
    ],
)
def test_intervals(seconds: Fraction, interval_ms: int, tiles: int, sheets: int) -> None:
    made = plan(seconds, 1920, 1080)
    assert (made.interval_ms, len(made.tiles), made.sheets) == (interval_ms, tiles, sheets)


@pytest.mark.parametrize(
    ("shown", "tile"),
    [
        ((1920, 1080), (160, 90)),
        ((1080, 1920), (90, 160)),
        ((720, 1280), (90, 160)),
        ((1440, 1080), (160, 120)),
        ((1920, 800), (160, 66)),
        ((1000, 1000), (160, 160)),
        ((128, 72), (128, 72)),  # never enlarged
        ((1920, 32), (160, 16)),
    ],
)
def test_tiles_keep_the_pictures_shape(shown: tuple[int, int], tile: tuple[int, int]) -> None:
    assert tile_size(*shown) == tile


def test_a_sheet_is_as_large_as_its_tiles() -> None:
    assert plan(Fraction(10), 1920, 1080).sheet_size(0) == (800, 90)
    made = plan(Fraction(1120), 1920, 1080)
    assert [made.sheet_size(sheet) for sheet in range(2)] == [(1600, 900), (1600, 180)]


def test_the_texts_say_the_same() -> None:
    made = plan(Fraction(2_345_678, 1000), 1080, 1920)
    listing = json.loads(storyboard.listing(made))
    assert (listing["tile_width"], listing["tile_height"], listing["duration"]) == (90, 160, 2345.678)
    told = [
        (round(tile["start"] * 1000), number, tile["x"], tile["y"])
        for number, sheet in enumerate(listing["sheets"])
        for tile in sheet["tiles"]
    ]
    assert told == [(start, sheet, *region[:2]) for start, _, sheet, region in cues(storyboard.webvtt(made))]
    assert listing["url"] == listing["sheets"][0]["url"] == "sheet-0.jpg"
    assert listing["tiles"] == listing["sheets"][0]["tiles"]


def test_exact_text() -> None:
    made = plan(Fraction(3), 640, 360)
    assert storyboard.webvtt(made, lambda sheet: f"abc{sheet}.jpg") == (
        "WEBVTT\n"
        "\n00:00:00.000 --> 00:00:02.000\nabc0.jpg#xywh=0,0,160,90\n"
        "\n00:00:02.000 --> 00:00:03.000\nabc0.jpg#xywh=160,0,160,90\n"
    )


def test_nothing_has_no_storyboard() -> None:
    with pytest.raises(ValueError, match="nothing"):
        plan(Fraction(1, 10_000), 640, 360)


def test_a_plan_is_a_value() -> None:
    made: StoryboardPlan = plan(Fraction(5), 640, 360)
    assert made == plan(Fraction(5), 640, 360)
    assert hash(made) == hash(plan(Fraction(5), 640, 360))
