"""Program inside the sandbox: a video file -> the path of an upright window over it.

`python -m thumbnails.reframe.find_crop_child FILE REQUEST [FACE_MODEL]`, with a ReframeRequest as JSON. Prints one JSON
line: {"path": a CropPath}, or {"failed": reason}. Decodes the requested part once. Every frame is compared with those
before it to find cuts; a few per second are searched for what is salient or moves, fewer for faces and text.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2

from core.media.crop import MAX_KEYS, CropKind, CropPath, CropShot, crop_to_json
from thumbnails.reading.colour import Gray, lightness
from thumbnails.reframe import importance as importance
from thumbnails.reframe.box_tracks import BoxSample, does_not_fit, face_tracks, with_boxes
from thumbnails.reframe.cuts import Cuts
from thumbnails.reframe.frames import Shrink, frames
from thumbnails.reframe.request import ReframeRequest, from_json
from thumbnails.reframe.shot_path import TOLERANCE, Sample, shot_path
from thumbnails.vision.faces import use_network

SMALL, LARGE = 320, 640  # pixels wide
SAMPLE_S, BOX_SAMPLE_S = Fraction(1, 5), Fraction(1)
FIRST_BOX_SAMPLES_S = Fraction(1, 4)  # twice early in a new shot: short ones have faces, too


@dataclass(slots=True)
class _Measured:
    """Everything measured in the frames so far."""

    samples: list[Sample] = field(default_factory=list)
    box_samples: list[BoxSample] = field(default_factory=list)
    cuts: Cuts = field(default_factory=Cuts)


def search(file: Path, request: ReframeRequest) -> CropPath:
    """The path of the window through the whole request. Raises ValueError where no frame can be decoded."""
    measured = _gather(file, request)
    if not measured.samples:
        raise ValueError("no frame of the video could be decoded")
    tolerance = TOLERANCE
    while True:
        shots = _shots(measured, request, tolerance)
        if sum(1 + len(shot.keys) for shot in shots) <= MAX_KEYS or tolerance > 1:
            return CropPath(share=request.share, shots=tuple(shots[:MAX_KEYS]))
        tolerance *= 2


def _gather(file: Path, request: ReframeRequest) -> _Measured:
    measured = _Measured()
    small_of, large_of = Shrink(request, SMALL), Shrink(request, LARGE)
    before: Gray | None = None
    next_sample = next_box_sample = request.start_s
    for time_s, frame in frames(file, request):
        small = small_of(frame)
        gray = lightness(small)
        new = measured.cuts.add(time_s, importance.palette(small), importance.grid(gray))
        if new:
            next_sample = next_box_sample = time_s
            before = None
        if time_s >= next_sample:
            measured.samples.append(Sample(time_s=time_s, columns=importance.columns(gray, before)))
            next_sample = time_s + SAMPLE_S
        if time_s >= next_box_sample:
            large = lightness(large_of(frame))
            faces, texts = importance.faces(large), importance.texts(large)
            measured.box_samples.append(BoxSample(time_s=time_s, faces=tuple(faces), texts=tuple(texts)))
            next_box_sample = time_s + (FIRST_BOX_SAMPLES_S if new else BOX_SAMPLE_S)
        before = gray
    return measured


def _shots(measured: _Measured, request: ReframeRequest, tolerance: float) -> list[CropShot]:
    edges = [request.start_s, *measured.cuts.times(), max(request.end_s, measured.cuts.last + Fraction(1, 1000))]
    return [_shot(measured, request, start_s, end_s, tolerance) for start_s, end_s in pairwise(edges)]


def _shot(
    measured: _Measured, request: ReframeRequest, start_s: Fraction, end_s: Fraction, tolerance: float
) -> CropShot:
    share = float(request.share)
    samples = [sample for sample in measured.samples if start_s <= sample.time_s < end_s]
    box_samples = [one for one in measured.box_samples if start_s <= one.time_s < end_s]
    faces = face_tracks(box_samples)
    if does_not_fit(samples, faces, box_samples, share):
        return CropShot(start_s=start_s, end_s=end_s, kind=CropKind.PAD, keys=())
    samples = [with_boxes(sample, faces, _nearest(box_samples, sample.time_s)) for sample in samples]
    return shot_path(samples, start_s, end_s, share, tolerance)


def _nearest(box_samples: Sequence[BoxSample], time_s: Fraction) -> BoxSample | None:
    return min(box_samples, key=lambda one: abs(one.time_s - time_s), default=None)


def main() -> None:
    cv2.setNumThreads(1)
    use_network(sys.argv[3] if len(sys.argv) > 3 else None)
    try:
        answer: dict[str, Any] = {"path": crop_to_json(search(Path(sys.argv[1]), from_json(json.loads(sys.argv[2]))))}
    except (ValueError, av.FFmpegError, cv2.error) as exc:
        answer = {"failed": str(exc)[:400]}
    json.dump(answer, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
