"""One sampled frame -> its measurements. Pure arithmetic on arrays.

In: BGR pixels with a long side of LONG_SIDE. Out: `FrameSample`, small enough to keep hundreds of. Black bars are known
only when all samples are, so what they would falsify is measured by `signals` afterwards, inside them.
"""

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from thumbnails.reading.colour import Bgr, Gray, lightness
from thumbnails.vision import black_bars as bars
from thumbnails.vision import edges
from thumbnails.vision.boxes import ShareBox
from thumbnails.vision.calibration_charts import is_test_card
from thumbnails.vision.edges import Edges
from thumbnails.vision.letters import TextCoverage, text_coverage
from thumbnails.vision.saliency import ResidualSettings, composition, scaled_to_one, spectral_residual

LONG_SIDE = 640
SMALL_SIDE = 320  # at which all but edges and letters is measured
# Only the place of the whole blob counts, and all of a title is measured alike: the plainest and cheapest map.
POSTER_SALIENCY = ResidualSettings(blur_sigma=2.5, log_floor=1e-6)
_CALM_STEP = 8  # of 255, between a point and those around it
_LIGHT = (16, 70, 150, 240)  # mean luma: too dark, well exposed from here to there, too bright
_SPAN = 120  # of luma: as much contrast as a picture needs


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSample:
    """A sampled frame, small, with the measurements that need it larger."""

    time_s: Fraction
    small: Bgr
    edges: Edges
    text: TextCoverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """The measurements of a frame inside the title's bars. Luma is 0..255; units of the others are beside them."""

    luma: float
    light: float  # brighter than all but the brightest 2 %
    contrast: float  # standard deviation of luma
    span: float  # from the darkest to the brightest half percent
    top_bin: float  # share of the most frequent of 32 lumas
    calm: float  # share of points that are like those around them
    strength: float  # of edges: thumbnails.vision.edges
    sharpness: float  # their crispness
    noise: float
    exposure: float  # 0..1
    colour: float  # Hasler and Suesstrunk (2003)
    saliency: float  # 0..1
    text: float  # share of the area
    text_of_strokes: float  # of all strokes, those of letters
    bars: float  # share of the area that is black bars which other frames do not have
    test_card: bool


def frame_sample(time_s: Fraction, pixels: Bgr) -> FrameSample:
    """Shrink a frame (H x W x 3 BGR) and measure its edges and text at full sampling size."""
    gray = lightness(pixels)
    return FrameSample(time_s=time_s, small=_shrunk(pixels), edges=edges.edges(gray), text=text_coverage(gray))


def _shrunk(pixels: Bgr) -> Bgr:
    height, width = pixels.shape[:2]
    scale = min(1.0, SMALL_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small: Bgr = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return small


def signals(sample: FrameSample, box: ShareBox) -> Signals:
    """Measure a sample inside `box`, the part of the picture without the title's bars."""
    pixels = bars.inside(sample.small, box)
    gray = lightness(pixels)
    luma, contrast = float(gray.mean()), float(gray.std())
    counts = np.bincount(gray.ravel() >> 3, minlength=32)
    dark, light, bright = np.searchsorted(
        np.cumsum(np.bincount(gray.ravel(), minlength=256)), [gray.size * 0.005, gray.size * 0.98, gray.size * 0.995]
    )
    burnt = float((gray >= 250).mean() + (gray <= 8).mean())
    return Signals(
        luma=luma,
        light=float(light),
        contrast=contrast,
        span=float(bright - dark),
        top_bin=float(counts.max() / counts.sum()),
        calm=_calm(gray),
        strength=edges.strength(sample.edges, box),
        sharpness=edges.crispness(sample.edges, box),
        noise=sample.edges.noise,
        exposure=_exposure(luma, float(bright - dark), burnt),
        colour=_colourfulness(pixels),
        saliency=composition(scaled_to_one(spectral_residual(gray, POSTER_SALIENCY))),
        text=sample.text.share,
        text_of_strokes=sample.text.share_of_strokes,
        bars=bars.own_share(gray),
        test_card=is_test_card(pixels),
    )


def _calm(gray: Gray) -> float:
    around = cv2.morphologyEx(gray, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return float((around <= _CALM_STEP).mean())


def _exposure(luma: float, span: float, burnt: float) -> float:
    """0..1: the worse of brightness and contrast, less a penalty for clipped pixels."""
    dark, low, high, bright = _LIGHT
    light = min(1.0, (luma - dark) / (low - dark), (bright - luma) / (bright - high))
    return max(0.0, min(light, span / _SPAN) - 0.5 * min(1.0, burnt))


def _colourfulness(pixels: Bgr) -> float:
    few = pixels[::2, ::2]  # a quarter of the pixels is enough
    blue, green, red = (few[:, :, which].astype(np.float32) for which in range(3))
    warm, cool = red - green, (red + green) / 2 - blue
    return float(np.hypot(warm.std(), cool.std()) + 0.3 * np.hypot(warm.mean(), cool.mean()))
