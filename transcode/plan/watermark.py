"""An image that the owner places over the video. Pure."""

from dataclasses import dataclass
from pathlib import PurePath
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageType:
    """A type of image that a watermark may have, and the one demuxer of libav that may open it."""

    media_type: str
    demuxer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkFile:
    """A watermark's image on this machine."""

    path: PurePath
    type: ImageType


HEAD_BYTES = 12  # what `image_type` looks at
_PNG = ImageType(media_type="image/png", demuxer="png_pipe")
_JPEG = ImageType(media_type="image/jpeg", demuxer="jpeg_pipe")
_WEBP = ImageType(media_type="image/webp", demuxer="webp_pipe")


def image_type(head: bytes) -> ImageType | None:
    """The type of an image by its first bytes; None for any other file."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _PNG
    if head.startswith(b"\xff\xd8\xff"):
        return _JPEG
    return _WEBP if head.startswith(b"RIFF") and head[8:12] == b"WEBP" else None
