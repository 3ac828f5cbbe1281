"""An uploaded image -> BGR pixels, upright, on white, in sRGB. Inside the sandbox only.

In: bytes and the header that thumbnails.uploaded.image_header read from them. Out: pixels at most `width` wide.
Refuses, by Rejected, what does not decode to the size in its header.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Bgr
from thumbnails.uploaded.icc_profile import to_srgb
from thumbnails.uploaded.image_header import Header, Orientation, exif_orientation, refused

_QUARTERS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
_BAND_ROWS = 256
_Samples = npt.NDArray[Any]  # uint8 or uint16


def decoded(body: bytes, header: Header, width: int) -> Bgr:
    """Pixels at most `width` wide, never enlarged. Raises Rejected picture_refused."""
    # A JPEG has no alpha, and may be CMYK, which only IMREAD_COLOR converts. Orientation is applied here for all types.
    colour = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    flags = colour if header.kind == "jpg" else cv2.IMREAD_UNCHANGED
    try:
        samples, kinds, chunks = cv2.imdecodeWithMetadata(np.frombuffer(body, np.uint8), flags=flags)
    except (cv2.error, MemoryError) as exc:
        raise refused("The picture cannot be decoded.") from exc
    if samples is None or (samples.shape[1], samples.shape[0]) != (header.width, header.height):
        raise refused("The picture cannot be decoded.")
    metadata = {kind: chunk.tobytes() for kind, chunk in zip(kinds, chunks, strict=True)}
    orientation = header.orientation or exif_orientation(metadata.get(cv2.IMAGE_METADATA_EXIF, b""))
    pixels = _flattened(np.asarray(samples), header)
    wide, high = (header.height, header.width) if orientation.quarters % 2 else (header.width, header.height)
    share = min(1.0, width / wide)
    shown = (max(1, round(wide * share)), max(1, round(high * share)))
    upright = _oriented(_scaled(pixels, shown[::-1] if orientation.quarters % 2 else shown), orientation)
    return to_srgb(upright, metadata.get(cv2.IMAGE_METADATA_ICCP, b""))


def _flattened(samples: _Samples, header: Header) -> Bgr:
    """BGR of 8 bits. Band by band: a whole picture as floats is hundreds of megabytes."""
    if samples.dtype == np.uint8 and samples.ndim == 3 and samples.shape[2] == 3:
        return samples.astype(np.uint8, copy=False)
    flattened = np.empty((*samples.shape[:2], 3), np.uint8)
    # PNG's 16 bits fill theirs; AVIF's 10 or 12 are counted from 0.
    most = 1 if samples.dtype == np.uint8 else 257 if header.kind == "png" else ((1 << header.bits) - 1) / 255
    for top in range(0, len(samples), _BAND_ROWS):
        band = samples[top : top + _BAND_ROWS].astype(np.float32) / np.float32(most)
        band = band[:, :, None] if band.ndim == 2 else band
        if band.shape[2] in (2, 4):
            alpha = band[:, :, -1:] / 255
            band = band[:, :, :-1] * alpha + 255 * (1 - alpha)
        flattened[top : top + _BAND_ROWS] = (band + 0.5).clip(0, 255).astype(np.uint8)
    return flattened


def _scaled(pixels: Bgr, size: tuple[int, int]) -> Bgr:
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _oriented(pixels: Bgr, orientation: Orientation) -> Bgr:
    if orientation.quarters:
        pixels = cv2.rotate(pixels, _QUARTERS[orientation.quarters]).astype(np.uint8, copy=False)
    return np.ascontiguousarray(pixels[:, ::-1]) if orientation.mirrored else pixels
