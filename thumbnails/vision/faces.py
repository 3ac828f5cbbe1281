"""Face detection for posters, crops and reframing alike: CenterFace where a program has its file, else OpenCV's Haar
cascade of frontal faces.

In: a grey image at the size it is to be searched at, and the thresholds of the search. Out: boxes in its pixels. Each
caller owns its `FaceSearch`, because a wrong face costs each of them something else. The cascade does not find profiles
and faces turned by more than some 15 degrees. Refuses nothing: an image without faces has none.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Gray
from thumbnails.vision.boxes import PixelBox

NET_SIDE = 320  # pixels of the long side that the network is shown: a face of a fifteenth of it is found
NET_STRIDE = 32  # sides are multiples of it
NET_CERTAINTY, NET_OVERLAP = 0.5, 0.3
NET_OUTPUTS = ("537", "538", "539")  # certainty, logarithms of height and width, offsets
# The network's boxes end at the forehead and the chin, the cascade's are wider: as many times the width and the height.
NET_WIDER, NET_HIGHER = 1.4, 1.1

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSearch:
    """Thresholds of one use of the detector. Those of the cascade alone do not change what the network finds.

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


_network_file: Path | None = None


def use_network(file: str | Path | None) -> None:
    """Search with CenterFace from now on, in this program; with the cascade where `file` is None."""
    global _network_file
    _network_file = None if file is None else Path(file)


def find_faces(gray: Gray, search: FaceSearch) -> list[PixelBox]:
    """Faces in a grey image, in its pixels."""
    least = max(search.min_pixels, int(min(gray.shape) * search.min_share))
    if _network_file is not None:
        return [box for box in _by_network(gray, _network_file) if box.width >= least]
    return _by_cascade(gray, search, least)


def _by_cascade(gray: Gray, search: FaceSearch, least: int) -> list[PixelBox]:
    image = cv2.equalizeHist(gray) if search.equalised else gray
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


def _by_network(gray: Gray, file: Path) -> list[PixelBox]:
    height, width = gray.shape
    scale = NET_SIDE / max(height, width)
    across, down = (max(1, round(side * scale / NET_STRIDE)) * NET_STRIDE for side in (width, height))
    colours = cv2.cvtColor(cv2.resize(gray, (across, down), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
    network = _network(file, across, down)
    network.setInput(cv2.dnn.blobFromImage(colours))
    certainty, sizes, offsets = (answer[0] for answer in network.forward(NET_OUTPUTS))
    return network_boxes(certainty[0], sizes, offsets, width, height)


def network_boxes(certainty: Floats, sizes: Floats, offsets: Floats, width: int, height: int) -> list[PixelBox]:
    """The boxes of CenterFace's answer, widened to what the cascade would give, in an image `width` x `height` large.

    `certainty`: H x W, 0..1; `sizes`: 2 x H x W, logarithms of height and width in cells; `offsets`: 2 x H x W, of the
    middle from the cell, down and across.
    """
    rows, columns = np.nonzero(certainty > NET_CERTAINTY)
    scores = certainty[rows, columns]
    high, wide = (np.exp(size[rows, columns]) for size in sizes)
    middle_y, middle_x = (
        place + offset[rows, columns] + 0.5 for place, offset in zip((rows, columns), offsets, strict=True)
    )
    boxes = np.stack([middle_x - wide / 2, middle_y - high / 2, wide, high], axis=1)
    kept = np.ravel(cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), NET_CERTAINTY, NET_OVERLAP)).astype(int)
    by_x, by_y = width / certainty.shape[1], height / certainty.shape[0]
    lefts, rights = ((middle_x + side * NET_WIDER * wide / 2) * by_x for side in (-1, 1))
    tops, bottoms = ((middle_y + side * NET_HIGHER * high / 2) * by_y for side in (-1, 1))
    edges = np.stack([lefts, tops, rights, bottoms], axis=1)[kept].tolist()
    return [PixelBox.between(left, top, right, bottom, width, height) for left, top, right, bottom in edges]


@cache
def _network(file: Path, _across: int, _down: int) -> cv2.dnn.Net:
    """The network for one size of image: one that was used for another gives wrong answers."""
    return cv2.dnn.readNetFromONNX(str(file))


@cache
def _cascade() -> cv2.CascadeClassifier:
    """The cascade file of OpenCV's own wheel, loaded once per process."""
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))
