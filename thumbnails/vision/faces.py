"""Face detection: OpenCV's Haar cascade of frontal faces, for posters, crops and reframing alike.

In: a grey image at the size it is to be searched at, and the thresholds of the search. Out: boxes in its pixels. Each
caller owns its `FaceSearch`, because a wrong face costs each of them something else. Profiles and faces turned by more
than some 15 degrees are not found. Refuses nothing: an image without faces has none.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from thumbnails.reading.colour import Gray
from thumbnails.vision.boxes import PixelBox


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSearch:
    """Thresholds of one use of the detector.

    `min_pixels` and `min_share` (of the image's short side) both bound the width of a face from below.
    """

    scale_step: (
        float  # from one searched size to the next: 1.1 finds a little more than 1.15 and takes half as long again
    )
    min_neighbours: int  # overlapping detections that make a face
    min_pixels: int
    min_share: Fraction = Fraction(0)
    equalised: bool = False  # histogram equalisation first: also finds faces in dim pictures
    min_certainty: float | None = None  # the cascade's weight of its last stage, summed; None: not looked at


def find_faces(gray: Gray, search: FaceSearch) -> list[PixelBox]:
    """Faces in the order the cascade gives them, in pixels of `gray`."""
    image = cv2.equalizeHist(gray) if search.equalised else gray
    least = max(search.min_pixels, int(min(gray.shape) * search.min_share))
    found, _, weights = _cascade().detectMultiScale3(
        image,
        scaleFactor=search.scale_step,
        minNeighbors=search.min_neighbours,
        minSize=(least, least),
        outputRejectLevels=True,
    )
    return [
        PixelBox(x=int(x), y=int(y), width=int(width), height=int(height))
        for (x, y, width, height), weight in zip(found, np.ravel(weights), strict=True)
        if search.min_certainty is None or weight >= search.min_certainty
    ]


@cache
def _cascade() -> cv2.CascadeClassifier:
    """The cascade file of OpenCV's own wheel, loaded once per process."""
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))
