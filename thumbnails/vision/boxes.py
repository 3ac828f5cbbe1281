"""Rectangles of a picture, in whole pixels or as shares of its sides. Pure.

Both have their origin at the top left, x to the right and y downwards. Detectors give `PixelBox`es of the image they
searched; what has to hold at any size of that image is a `ShareBox`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareBox:
    """A rectangle in shares (0..1) of the picture's width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle_x(self) -> float:
        return self.x + self.width / 2

    @property
    def area(self) -> float:
        return self.width * self.height


WHOLE = ShareBox(x=0.0, y=0.0, width=1.0, height=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelBox:
    """A rectangle of an image in whole pixels, from its top left corner."""

    x: int
    y: int
    width: int
    height: int

    @staticmethod
    def between(left: float, top: float, right: float, bottom: float, width: int, height: int) -> "PixelBox":
        """The rectangle with these edges, in whole pixels and inside an image `width` x `height` large."""
        x, y = max(0, round(left)), max(0, round(top))
        return PixelBox(
            x=x, y=y, width=max(1, min(width, round(right)) - x), height=max(1, min(height, round(bottom)) - y)
        )

    def share_of(self, width: int, height: int) -> ShareBox:
        """The same rectangle as shares of a picture `width` x `height` pixels large."""
        return ShareBox(x=self.x / width, y=self.y / height, width=self.width / width, height=self.height / height)
