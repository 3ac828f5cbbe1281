"""Heads that a crop must keep whole.

In: BGR pixels. Out: boxes around whole heads, in the picture's pixels; large and certain ones only. Refuses nothing: a
picture without faces has none.
"""

from fractions import Fraction

import cv2

from thumbnails.reading.colour import Bgr
from thumbnails.vision.boxes import PixelBox
from thumbnails.vision.faces import FaceSearch, find_faces

# A face that is not there pads a crop for nothing, and one that is missed is cut through: the finest steps, and only
# what the cascade is sure of. Below a twelfth of the short side it is somebody in the background.
CROP_FACES = FaceSearch(
    scale_step=1.1, min_neighbours=6, min_pixels=24, min_share=Fraction(1, 12), equalised=True, min_certainty=4.0
)
SEARCH_WIDTH = 480  # pixels; of a picture that is wider than 16:9, the width of its 16:9 part
HEAD_MARGIN = 0.25  # of the face's size, on each side: the cascade's box ends at brows and chin


def heads(bgr: Bgr) -> list[PixelBox]:
    """Boxes of the heads in a picture of any size."""
    height, width = bgr.shape[:2]
    scale = min(1.0, SEARCH_WIDTH / min(width, height * 16 // 9 + 1))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    gray = cv2.cvtColor(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY).astype("uint8")
    return [_head(face, scale, width, height) for face in find_faces(gray, CROP_FACES)]


def _head(face: PixelBox, scale: float, picture_width: int, picture_height: int) -> PixelBox:
    """The face in the picture's own pixels, with HEAD_MARGIN around it, inside the picture."""
    x, y, width, height = (side / scale for side in (face.x, face.y, face.width, face.height))
    left, top = x - HEAD_MARGIN * width, y - HEAD_MARGIN * height
    right, bottom = x + width * (1 + HEAD_MARGIN), y + height * (1 + HEAD_MARGIN)
    return PixelBox.between(left, top, right, bottom, picture_width, picture_height)
