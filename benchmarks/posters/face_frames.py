"""Frames of real clips of which a person has said whether a face is in them, searched by both detectors.

In: the folder of the clips named in SEEN, the ffmpeg binary, the file of CenterFace. Out: for each detector in how many
frames with a face it found one, in how many without, and its CPU time per frame. Clips that are not there are left out.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.posters import material
from benchmarks.posters.planted_things import Pixels
from core.errors import KadrError
from thumbnails.posters.refine import POSTER_FACES
from thumbnails.reading.colour import lightness
from thumbnails.vision.faces import find_faces, use_network
from thumbnails.vision.frame_signals import SMALL_SIDE

# By clip: of so many frames, spread evenly, those in which a person sees a human face of at least 1/16 of the width.
SEEN: dict[str, tuple[int, frozenset[int]]] = {
    "bbb_1080p24_20s_aac51.mp4": (5, frozenset()),
    "bbb_1080p60_2s_5mbps.mp4": (5, frozenset()),
    "elephantsdream_576p24_20s_2audio.ts": (5, frozenset({0, 1, 2})),
    "head_vertical_hevc_1080x1920_20s.mp4": (5, frozenset(range(5))),
    "product_cups_720p30_10s.mp4": (5, frozenset()),
    "screencast_webcam_1920x880_60fps_14s.mp4": (5, frozenset(range(5))),
    "sintel_trailer_720p24_52s_av1_opus.webm": (10, frozenset({1, 2, 4, 5})),
    "sintel_trailer_720p30_16s.mp4": (5, frozenset({2, 4})),
    "speaker_slides_googleio_720p30_10s.ts": (5, frozenset(range(5))),
    "tears_of_steel_1080p2997_8s_frame_marks.mp4": (5, frozenset({0, 1, 2, 3})),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """What one detector found in the frames with a face, in those without, and milliseconds of CPU a frame."""

    found: int
    with_face: int
    invented: int
    without_face: int
    cpu_ms: float


def frames(folder: Path, binary: str) -> list[tuple[Pixels, bool]]:
    """The frames as a poster's samples are looked at, and whether a person sees a face. Raises KadrError."""
    found = []
    for name, (count, with_face) in SEEN.items():
        lasts_s = material.duration_s(folder / name, binary) if (folder / name).is_file() else None
        for number in range(count if lasts_s is not None else 0):
            picture = material.frame(folder / name, (number + 0.5) / count * (lasts_s or 0), binary)
            if picture is not None:
                found.append((_small(picture), number in with_face))
    if not found:
        raise KadrError(f"{folder}: none of {', '.join(SEEN)}")
    return found


def _small(picture: Pixels) -> Pixels:
    """As large as the samples in which the selection looks for faces."""
    scale = SMALL_SIDE / max(picture.shape[:2])
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)


def searched(pictures: Sequence[tuple[Pixels, bool]], network: Path | None) -> Detector:
    """Search all frames, with the network of this file or with the cascade, on one thread."""
    use_network(network)
    cv2.setNumThreads(1)
    find_faces(lightness(pictures[0][0]), POSTER_FACES)  # loading is not counted: a title has several frames
    hits = {True: 0, False: 0}
    began = time.process_time()
    for picture, with_face in pictures:
        hits[with_face] += bool(find_faces(lightness(picture), POSTER_FACES))
    cpu_ms = (time.process_time() - began) * 1000 / len(pictures)
    use_network(None)
    faces = sum(seen for _, seen in pictures)
    return Detector(
        found=hits[True],
        with_face=faces,
        invented=hits[False],
        without_face=len(pictures) - faces,
        cpu_ms=round(cpu_ms, 1),
    )
