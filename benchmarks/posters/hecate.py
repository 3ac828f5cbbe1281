"""A picker in the manner of hecate (Song et al., 2016), written anew from what its authors describe.

In: a file we made or trust. Out: a JSON list of times as fractions, best first. Frames of low quality go first (dark,
blurred, of one tone), then those beside a cut; what remains falls into shots; k-means groups the frames by colour and
edges; of each group, the largest first, the stillest frame is taken.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH = 320
EVERY_S = Fraction(1, 5)
DARK_BELOW = 0.075 * 255
WORST_SHARE = 0.15  # of the blurred and of the uniform that are dropped
CUT_ABOVE = 0.35  # of histogram distance (0..1)
FRAMES_PER_GROUP = 10
MOST_GROUPS = 10
PICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One sampled frame as numbers. `change` is against the sample before it."""

    time_s: Fraction
    luma: float
    sharpness: float
    uniformity: float
    change: float
    features: NDArray[np.float32]


def looks(file: Path) -> Iterator[Look]:
    """Everything is decoded, every fifth of a second looked at."""
    before: NDArray[np.uint8] | None = None
    due = Fraction(0)
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        origin = Fraction(stream.start_time or 0) * (stream.time_base or 1)
        for frame in container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                continue
            time_s = frame.pts * frame.time_base - origin
            if time_s < due:
                continue
            due = time_s + EVERY_S
            height = max(2, round(frame.height * WIDTH / frame.width))
            picture = frame.reformat(width=WIDTH, height=height, format="bgr24").to_ndarray()
            pixels = np.asarray(picture, np.uint8)
            yield _look(time_s, pixels, before)
            before = pixels


def _look(time_s: Fraction, pixels: NDArray[np.uint8], before: NDArray[np.uint8] | None) -> Look:
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    shades = np.sort(cv2.calcHist([grey], [0], None, [64], [0, 256]).ravel())[::-1]
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    change = float(np.mean(cv2.absdiff(pixels, before))) / 255 if before is not None else 0.0
    return Look(
        time_s=time_s,
        luma=float(grey.mean()),
        sharpness=float(np.mean(np.abs(across) + np.abs(down))),
        uniformity=float(shades[:3].sum() / shades.sum()),  # the share of the 5 % commonest shades
        change=change,
        features=_features(pixels, across, down),
    )


def _features(pixels: NDArray[np.uint8], across: cv2.typing.MatLike, down: cv2.typing.MatLike) -> NDArray[np.float32]:
    """Colour and edge histograms of the whole and of its quarters."""
    hsv = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)
    turned = (np.degrees(np.arctan2(down, across)) % 180).astype(np.float32)
    strong = (np.hypot(across, down) > 60).astype(np.uint8)
    height, width = hsv.shape[:2]
    parts = [np.s_[0:height, 0:width]]
    parts += [np.s_[y : y + height // 2, x : x + width // 2] for y in (0, height // 2) for x in (0, width // 2)]
    rows: list[NDArray[np.float32]] = []
    for part in parts:
        for channel, top in ((0, 180), (1, 256), (2, 256)):
            rows.append(_share(cv2.calcHist([hsv[part]], [channel], None, [16], [0, top])))
        rows.append(_share(cv2.calcHist([turned[part]], [0], strong[part].copy(), [16], [0, 180])))
    return np.concatenate(rows)


def _share(histogram: cv2.typing.MatLike) -> NDArray[np.float32]:
    flat = histogram.ravel().astype(np.float32)
    return flat / max(float(flat.sum()), 1.0)


def kept(seen: list[Look]) -> list[Look]:
    """Without the worst and without the neighbours of cuts; when nothing remains, all."""
    blurred = float(np.quantile([one.sharpness for one in seen], WORST_SHARE))
    uniform = float(np.quantile([one.uniformity for one in seen], 1 - WORST_SHARE))
    cuts = {place for place in range(1, len(seen)) if _distance(seen[place - 1], seen[place]) > CUT_ABOVE}
    fine = [
        one
        for place, one in enumerate(seen)
        if one.luma >= DARK_BELOW
        and one.sharpness >= blurred
        and one.uniformity <= uniform
        and not {place, place + 1} & cuts
    ]
    return fine or seen


def _distance(one: Look, other: Look) -> float:
    """Of the colour histograms of the whole frames, 0..1."""
    return float(np.abs(one.features[:48] - other.features[:48]).sum()) / 6


def picks(seen: list[Look]) -> list[Fraction]:
    """The stillest frame of each group, the largest group first."""
    if not seen:
        return []
    fine = kept(seen)
    count = min(len(fine), MOST_GROUPS, max(PICKS, len(fine) // FRAMES_PER_GROUP))
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4)
    points = np.stack([one.features for one in fine])
    _, labels, _ = cv2.kmeans(points, count, np.zeros((len(fine), 1), np.int32), stop, 4, cv2.KMEANS_PP_CENTERS)
    groups = [
        [one for one, label in zip(fine, labels.ravel(), strict=True) if label == group] for group in range(count)
    ]
    groups = sorted((group for group in groups if group), key=len, reverse=True)
    return [min(group, key=lambda one: (one.change, one.time_s)).time_s for group in groups[:PICKS]]


def main() -> int:
    cv2.setNumThreads(1)
    print(json.dumps([str(one) for one in picks(list(looks(Path(sys.argv[1]))))]))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
