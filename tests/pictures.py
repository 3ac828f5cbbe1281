"""A picture's facts, its pixels and its file, for tests of posters and previews."""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from thumbnails.reading.video_facts import VideoFacts

PICTURE = VideoFacts(
    demuxer="mov",
    index=0,
    width=1280,
    height=720,
    shown_width=1280,
    shown_height=720,
    rotation=0,
    interlaced=False,
    transfer="bt709",
    primaries="bt709",
    matrix="bt709",
    full_range=False,
    frame_rate=Fraction(30),
    frames=1800,
    retimed=False,
    origin_s=Fraction(0),
    start_s=Fraction(0),
    duration_s=Fraction(60),
)
PIXELS = cv2.resize(
    np.random.default_rng(5).integers(0, 255, (9, 16, 3), dtype=np.uint8), (640, 360), interpolation=cv2.INTER_CUBIC
).astype(np.uint8)


def image(kind: str, pixels: Any = PIXELS) -> bytes:
    done, made = cv2.imencode(f".{kind}", pixels)
    assert done
    return made.tobytes()
