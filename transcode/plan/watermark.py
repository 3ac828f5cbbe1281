"""An owner's image over the picture. Pure."""

from dataclasses import dataclass
from typing import Literal

MAX_IMAGE_BYTES = 512 * 1024
Position = Literal["top-left", "top-right", "bottom-left", "bottom-right", "center"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """Which image, its width as a share of the picture's, its place, and how much it covers (0..1)."""

    sha256: str
    position: Position = "bottom-right"
    width_share: float = 0.12
    opacity: float = 0.8
