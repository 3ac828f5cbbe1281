"""thumbnails.reading: what the container crops is not in any picture."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.media import generate
from tests.pictures import PICTURE
from thumbnails.reading.reader import Reader
from thumbnails.reading.video_facts import from_json, to_json


@pytest.mark.parametrize(
    ("crop", "white"),
    [
        ((0, 0, 20, 20), "x=0:y=20:w=80:h=40"),
        ((8, 24, 0, 0), "x=8:y=0:w=48:h=80"),
        ((2, 0, 0, 30), "x=2:y=0:w=78:h=50"),
    ],
    ids=["top and bottom", "sides", "unequal"],
)
def test_a_cropped_track(crop: tuple[int, int, int, int], white: str, tmp_path: Path) -> None:
    path = tmp_path / "cropped.mp4"
    generate(path, f"color=black:size=80x80:rate=25:duration=0.2,drawbox={white}:color=white:t=fill", None, "-qp", "4")
    width, height = 80 - crop[0] - crop[1], 80 - crop[2] - crop[3]
    video = replace(PICTURE, width=width, height=height, shown_width=width, shown_height=height, crop=crop)
    with Reader(path, video) as reader:
        frame = reader.at(video.start_s, 80)
    assert frame is not None
    assert frame.pixels.shape[:2] == (height, width)
    assert np.all(frame.pixels > 200)


def test_the_crop_survives_json() -> None:
    video = replace(PICTURE, crop=(1, 2, 3, 4))
    assert from_json(to_json(video)) == video
    assert json.loads(to_json(video))["crop"] == [1, 2, 3, 4]
    assert video.coded_short_side == min(video.width + 3, video.height + 7)
