"""An image that the owner places over the video. Pure."""

from dataclasses import dataclass
from typing import Literal

MAX_IMAGE_BYTES = 512 * 1024
Position = Literal["top-left", "top-right", "bottom-left", "bottom-right", "center"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The image, its width as a share of the video's, its position, and its opacity from 0 to 1."""

    sha256: str
    position: Position = "bottom-right"
    width_share: float = 0.12
    opacity: float = 0.8
