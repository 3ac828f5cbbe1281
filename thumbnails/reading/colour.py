"""Decoded samples -> the BGR a screen shows. Pure arithmetic on arrays.

In: a frame's YCbCr at its final size and what the stream says of its colours. Out: BT.709 BGR of 8 bits. HDR goes the
way an encode of the title goes (linear light, 203 cd/m2 as white, BT.709 primaries, Mobius), so that a poster and the
playing video look alike.
"""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

Bgr = npt.NDArray[np.uint8]  # H x W x 3
Gray = npt.NDArray[np.uint8]  # H x W
Floats = npt.NDArray[np.float32]

WHITE_NITS = 203.0  # ITU-R BT.2408: what white of graphics is in HDR
HLG_PEAK_NITS = 1000.0
UNKNOWN_PEAK = 10.0  # in 100 cd/m2, for files without side data on their mastering
KNEE = 0.3  # below it tones stay as they are
_BAND_ROWS = 64  # at a time: floats of a whole 4K picture are hundreds of megabytes
_LUMA = {"bt709": (0.2126, 0.0722), "bt601": (0.299, 0.114), "bt2020": (0.2627, 0.0593)}  # of red, of blue
_TO_709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32
)
_P3_TO_709 = np.array(
    [[1.224940, -0.224940, 0], [-0.042057, 1.042057, 0], [-0.019638, -0.078636, 1.098274]], np.float32
)
_WIDE = {"bt2020": _TO_709, "smpte431": _P3_TO_709, "smpte432": _P3_TO_709}
# What rounding in the file leaves of the other two channels in a pure colour, taken off as an encode does.
_PURER = np.eye(3, dtype=np.float32) * np.float32(1.00075) - np.float32(0.00025)


def lightness(pixels: Bgr) -> Gray:
    """H x W x 3 BGR -> H x W grey, BT.601 weights."""
    gray: Gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    return gray


def matrix(named: str, coded_short_side: int) -> str:
    """The YCbCr matrix: bt709, bt601 or bt2020. Unspecified is what players assume: SD is BT.601, HD is BT.709."""
    if named in ("itu709", "bt709"):
        return "bt709"
    if named.startswith("bt2020"):
        return "bt2020"
    if named in ("itu601", "smpte170m", "fcc", "bt470bg"):
        return "bt601"
    return "bt709" if coded_short_side >= 720 else "bt601"


def tone_mapped(
    planes: npt.NDArray[np.uint16], *, transfer: str, primaries: str, matrix: str, full_range: bool, peak: float
) -> Bgr:
    """H x W x 3 of 16-bit Y, Cb, Cr -> H x W x 3. `peak` is of the mastering, in 100 cd/m2."""
    height, width, _ = planes.shape
    out = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _BAND_ROWS):
        band = planes[top : top + _BAND_ROWS]
        light = _linear(_rgb(band, matrix, full_range), transfer)
        if primaries == "bt2020" or (primaries == "unspecified" and matrix == "bt2020"):
            light = light @ _TO_709.T
        brightest = np.maximum(light.max(axis=2, keepdims=True), 1e-6)
        light *= _mobius(brightest, peak) / brightest
        np.clip(light, 0, 1, out=light)
        np.power(light, 1 / 2.4, out=light)  # BT.1886 backwards
        out[top : top + _BAND_ROWS] = (light[:, :, ::-1] * 255 + 0.5).astype(np.uint8)
    return out


def narrowed(pixels: Bgr, primaries: str) -> Bgr:
    """SDR pixels of these primaries in BT.709; those of BT.709 and its like as they are."""
    if primaries not in _WIDE:
        return pixels
    to_709 = (_PURER @ _WIDE[primaries]).T
    linear = (np.arange(256, dtype=np.float32) / 255) ** np.float32(2.4)  # BT.1886
    out = np.empty_like(pixels)
    for top in range(0, pixels.shape[0], _BAND_ROWS):
        light = np.clip(linear[pixels[top : top + _BAND_ROWS, :, ::-1]] @ to_709, 0, 1)
        out[top : top + _BAND_ROWS] = (light[:, :, ::-1] ** (1 / 2.4) * 255 + 0.5).astype(np.uint8)
    return out


def _rgb(planes: npt.NDArray[np.uint16], matrix: str, full_range: bool) -> Floats:
    red, blue = _LUMA[matrix]
    low, luma_span, chroma_span = (0, 65535, 65535) if full_range else (16 << 8, 219 << 8, 224 << 8)
    y, cb, cr = (planes[:, :, which].astype(np.float32) for which in range(3))
    y -= low
    y /= luma_span
    for chroma in (cb, cr):
        chroma -= 32768
        chroma /= chroma_span
    r, b = y + cr * (2 - 2 * red), y + cb * (2 - 2 * blue)
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.stack((r, g, b), axis=2)


def _linear(signal: Floats, transfer: str) -> Floats:
    """R, G, B signal of 0..1 -> displayed linear light, in which WHITE_NITS is 1."""
    steps = np.clip(signal * 65535 + 0.5, 0, 65535).astype(np.uint16)
    light: Floats = _curve(transfer)[steps]
    if transfer == "arib-std-b67":
        # The system gamma of a 1000 cd/m2 screen, BT.2100 table 5.
        luma = np.maximum(light @ np.array([0.2627, 0.678, 0.0593], np.float32), 1e-6)
        light *= (luma**0.2 * (HLG_PEAK_NITS / WHITE_NITS))[:, :, None]
    return light


@cache
def _curve(transfer: str) -> Floats:
    signal = np.linspace(0, 1, 65536)
    if transfer == "arib-std-b67":
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    else:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = signal ** (1 / m2)
        light = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) * (10_000 / WHITE_NITS)
    return light.astype(np.float32)


def _mobius(light: Floats, peak: float) -> Floats:
    """Straight up to KNEE, then bent so that `peak` becomes 1."""
    a = -KNEE * KNEE * (peak - 1) / (KNEE * KNEE - 2 * KNEE + peak)
    b = (KNEE * KNEE - 2 * KNEE * peak + peak) / max(peak - 1, 1e-6)
    bent = (b * b + 2 * b * KNEE + KNEE * KNEE) / (b - a) * (light + a) / (light + b)
    mapped: Floats = np.where(light <= KNEE, light, bent).astype(np.float32)
    return mapped
