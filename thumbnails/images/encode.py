"""Bgr -> image files in a folder, with nothing in them but the picture. Runs inside the sandbox.

In: BGR pixels. Out: files, and their description as JSON values. Raises `CannotWrite` for an image type that the
installed libraries cannot write.
"""

import base64
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from thumbnails.images import crop, image_files, thumbhash
from thumbnails.images.heads import heads
from thumbnails.reading.colour import Bgr

_PARAMETERS = {
    "jpg": (
        *(cv2.IMWRITE_JPEG_QUALITY, image_files.JPEG_QUALITY, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        *(cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
    ),
    "avif": (cv2.IMWRITE_AVIF_QUALITY, image_files.AVIF_QUALITY, cv2.IMWRITE_AVIF_SPEED, 8),
    "png": (),
}
# 0 to 6: half the time of 4, the library's own default and all that OpenCV has, for a twentieth more bytes.
_WEBP_METHOD = 2


class CannotWrite(Exception):
    """The installed libraries have no encoder for this image type."""


def encoded(bgr: Bgr, kind: str, quality: int | None = None) -> bytes:
    """The bytes of one image of type `kind` ("jpg", "webp", "avif", "png"); `quality` is for JPEG only.

    Raises CannotWrite.
    """
    if kind == "webp":
        return _webp(bgr)
    other = () if quality is None else (cv2.IMWRITE_JPEG_QUALITY, quality)
    try:
        done, body = cv2.imencode(f".{kind}", bgr, (*_PARAMETERS[kind], *other))
    except cv2.error as exc:
        raise CannotWrite(f"{kind} cannot be written here") from exc
    if not done:
        raise CannotWrite(f"{kind} cannot be written here")
    return body.tobytes()


def _webp(bgr: Bgr) -> bytes:
    options = {"quality": str(image_files.WEBP_QUALITY), "compression_level": str(_WEBP_METHOD)}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format="bgr24").reformat(
        format="yuv420p",
        interpolation=Interpolation.AREA | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND,
        dst_colorspace=Colorspace.ITU601,  # what WebP is, whatever its size
        dst_color_range=ColorRange.MPEG,
        threads=1,
    )
    try:
        context: Any = av.CodecContext.create("libwebp", "w")
        context.width, context.height, context.pix_fmt = frame.width, frame.height, "yuv420p"
        context.time_base, context.options = Fraction(1), options
        return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as exc:
        raise CannotWrite("webp cannot be written here") from exc


def write(folder: Path, name: str, shape: str, bgr: Bgr, kind: str, quality: int | None = None) -> dict[str, Any]:
    """Write one image file and describe it for thumbnails.images.checked_files. Raises CannotWrite."""
    (folder / f"{name}.{kind}").write_bytes(encoded(bgr, kind, quality))
    return {"name": f"{name}.{kind}", "shape": shape, "width": bgr.shape[1], "height": bgr.shape[0]}


def poster_set(folder: Path, prefix: str, bgr: Bgr, kinds: tuple[str, ...], *, cropped: bool) -> dict[str, Any]:
    """All sizes, shapes and types of one picture."""
    high, wide = bgr.shape[:2]
    pictures = [(f"{prefix}-{size[0]}", image_files.FULL, scaled(bgr, size)) for size in _sizes(wide, high)]
    padded = []
    if cropped:
        head_boxes = heads(bgr)
        weights = crop.importance(bgr, head_boxes)
        for shape, aspect in image_files.crops(wide, high).items():
            window = crop.window(bgr, aspect, head_boxes, weights)
            if window is None:
                padded.append(shape)
            pictures.append((f"{prefix}-{shape}", shape, crop.cut(bgr, window, aspect, image_files.CROP_SHORT_SIDE)))
    files, absent = [], set()
    for name, shape, pixels in pictures:
        for kind in kinds:
            try:
                files.append(write(folder, name, shape, pixels, kind))
            except CannotWrite:
                absent.add(kind)
    return {
        "files": files,
        "thumbhash": base64.b64encode(thumbhash.encode(bgr)).decode(),
        "colour": thumbhash.dominant_colour(bgr),
        "width": wide,
        "height": high,
        "padded": padded,
        "absent": sorted(absent),
    }


def scaled(bgr: Bgr, size: tuple[int, int]) -> Bgr:
    """The picture scaled down to `size` (width, height), or itself where it has that size."""
    if size == (bgr.shape[1], bgr.shape[0]):
        return bgr
    return cv2.resize(bgr, size, interpolation=cv2.INTER_AREA).astype("uint8", copy=False)


def _sizes(wide: int, high: int) -> list[tuple[int, int]]:
    return [(width, max(1, round(high * width / wide))) for width in image_files.widths(wide)]
