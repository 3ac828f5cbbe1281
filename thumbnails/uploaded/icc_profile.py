"""Bgr with an ICC profile -> sRGB. Pure.

In: BGR pixels and the profile's bytes. Out: BGR pixels as sRGB. Phones and design programs export Display P3 or Adobe
RGB: without this they look pale or too warm. Only profiles of three primaries and curves are supported; pixels under
any other profile (CMYK, grey, tables) stay as they were decoded.
"""

import struct
from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Bgr

_Floats = npt.NDArray[np.float64]
# XYZ at D50, as profiles count, -> linear sRGB.
_TO_SRGB = np.array(
    [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]]
)
_FINE = 4095  # steps of the table that takes linear light back to sRGB
_BAND_ROWS = 128
_NOT_SEEN = 0.01  # a matrix this near to none changes no picture


def to_srgb(bgr: Bgr, profile: bytes) -> Bgr:
    """The same picture in sRGB; unchanged where the profile is empty, unknown or sRGB itself."""
    try:
        tags = _tags(profile)
        primaries = np.stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
        curves = [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
    except (KeyError, struct.error, _UnknownCurve):
        return bgr
    matrix = _TO_SRGB @ primaries
    codes = np.linspace(0, 1, 256)
    tables = [curve(codes) for curve in curves]
    same_curve = max(float(np.abs(table - _linear(codes)).max()) for table in tables) < _NOT_SEEN
    if not np.isfinite(matrix).all() or (same_curve and np.abs(matrix - np.eye(3)).max() < _NOT_SEEN):
        return bgr
    return _converted(bgr, matrix, tables)


class _UnknownCurve(Exception):
    """A type of tone curve that is not supported."""


def _converted(bgr: Bgr, matrix: _Floats, tables: list[_Floats]) -> Bgr:
    srgb_codes = (_coded(np.linspace(0, 1, _FINE + 1)) * 255 + 0.5).astype(np.uint8)
    # All in the order the pixels have: blue first.
    linear = np.stack(tables[::-1], axis=1).astype(np.float32)[None]
    matrix_bgr = matrix[::-1, ::-1].astype(np.float32)
    converted = np.empty_like(bgr)
    for top in range(0, len(bgr), _BAND_ROWS):
        band = cv2.transform(cv2.LUT(bgr[top : top + _BAND_ROWS], linear), matrix_bgr)
        converted[top : top + _BAND_ROWS] = srgb_codes[(band.clip(0, 1) * _FINE + 0.5).astype(np.int32)]
    return converted


def _tags(profile: bytes) -> Mapping[bytes, bytes]:
    if profile[16:20] != b"RGB ":
        return {}
    tags = {}
    for number in range(min(100, int(struct.unpack_from(">I", profile, 128)[0]))):
        name, at, size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        tags[bytes(name)] = profile[at : at + size]
    # Tables win over primaries where a profile has both.
    return {} if b"A2B0" in tags else tags


def _xyz(tag: bytes) -> _Floats:
    return np.array(struct.unpack_from(">iii", tag, 8)) / 65536


def _curve(tag: bytes) -> Callable[[_Floats], _Floats]:
    """The function from code values (0..1) to linear light of a curve tag (ICC.1:2010, 10.5 and 10.15)."""
    if tag[:4] == b"curv":
        count = int(struct.unpack_from(">I", tag, 8)[0])
        if count == 0:
            return lambda codes: codes
        points = np.array(struct.unpack_from(f">{min(count, 65536)}H", tag, 12), np.float64)
        if count == 1:
            return lambda codes: codes ** float(points[0] / 256)
        return lambda codes: np.interp(codes, np.linspace(0, 1, len(points)), points / 65535)
    form = int(struct.unpack_from(">H", tag, 8)[0]) if tag[:4] == b"para" else -1
    if form not in (0, 3):
        raise _UnknownCurve
    power, *rest = (value / 65536 for value in struct.unpack_from(f">{1 if form == 0 else 5}i", tag, 12))
    if form == 0:
        return lambda codes: codes**power
    gain, offset, slope, knee = rest
    return lambda codes: np.where(codes >= knee, np.maximum(gain * codes + offset, 0) ** power, slope * codes)


def _linear(codes: _Floats) -> _Floats:
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def _coded(light: _Floats) -> _Floats:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
