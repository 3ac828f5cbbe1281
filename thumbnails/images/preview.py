"""The preview: a few seconds of a title as an animated WebP.

In: frames of a Reader at ten a second, or a moment. Out: when the preview begins, its frames with their durations, and
its bytes. Runs inside the sandbox but for the choice of times. Raises `Motionless` where there is only one frame.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2

from thumbnails.reading.colour import Bgr
from thumbnails.reading.reader import Frame
from thumbnails.reading.video_facts import VideoFacts

LENGTH_S = Fraction(3)
RATE = 10
WIDTH = 320
MOST_BYTES = 400 * 1024
QUALITIES = (70, 60, 50, 40, 30, 20, 10)
MOST_LEAD_S = Fraction(12)  # decoded for nothing, from a keyframe to the start


class Motionless(Exception):
    """The title has a single frame, or animated WebP cannot be written: there is no preview."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewFrame:
    """One frame of a preview (H x W x 3 BGR), and for how long it is shown."""

    pixels: Bgr
    duration_ms: int


def start_s(video: VideoFacts, moment_s: Fraction, keyframes: Sequence[Fraction]) -> Fraction:
    """When the preview begins: so that `moment_s` is in its middle, or at the keyframe before, if that is far away."""
    latest_s = max(video.start_s, video.end_s - LENGTH_S)
    begin_s = min(max(moment_s - LENGTH_S / 2, video.start_s), latest_s)
    key_s = max((key_s for key_s in keyframes if key_s <= begin_s), default=video.start_s)
    return key_s if begin_s - key_s > MOST_LEAD_S else begin_s


def times_s(video: VideoFacts, begin_s: Fraction) -> list[Fraction]:
    """The times of the preview's frames from `begin_s` on: ten a second, to the end of the title at most."""
    count = int(min(LENGTH_S, video.end_s - begin_s) * RATE)
    return [begin_s + Fraction(number, RATE) for number in range(max(1, count))]


def preview_frames(frames: Iterable[Frame], times: Sequence[Fraction]) -> list[PreviewFrame]:
    """Each frame once, shown for as many tenths of a second as it is the newest at one of `times`."""
    all_frames = list(frames)
    newest = [max((i for i, frame in enumerate(all_frames) if frame.time_s <= time_s), default=0) for time_s in times]
    return [
        PreviewFrame(pixels=all_frames[number].pixels, duration_ms=newest.count(number) * 1000 // RATE)
        for number in sorted(set(newest))
        if all_frames
    ]


def encode_webp(frames: Sequence[PreviewFrame]) -> tuple[bytes, int]:
    """(WebP bytes, quality): the best quality within MOST_BYTES, at half the frames if none is. Raises Motionless."""
    if len(frames) < 2:
        raise Motionless
    for fewer in (frames, _halved(frames)):
        body, quality = _fitting(fewer)
        if len(body) <= MOST_BYTES:
            break
    return body, quality


def _fitting(frames: Sequence[PreviewFrame]) -> tuple[bytes, int]:
    """Bisect the qualities for the best one within MOST_BYTES: each attempt takes up to a second."""
    qualities, best = list(QUALITIES), None
    at = 0  # the best quality first: most previews fit at once
    while qualities:
        body, quality = _encoded(frames, qualities[at]), qualities[at]
        fits = len(body) <= MOST_BYTES
        if fits:
            best = (body, quality)
        qualities = qualities[:at] if fits else qualities[at + 1 :]
        at = len(qualities) // 2
    return best or (body, quality)


def _halved(frames: Sequence[PreviewFrame]) -> list[PreviewFrame]:
    """Every second frame, shown for as long as the two."""
    return [
        PreviewFrame(pixels=pair[0].pixels, duration_ms=sum(one.duration_ms for one in pair))
        for pair in (frames[at : at + 2] for at in range(0, len(frames), 2))
    ]


def _encoded(frames: Sequence[PreviewFrame], quality: int) -> bytes:
    animation = cv2.Animation(0)  # for ever
    animation.frames = [frame.pixels for frame in frames]
    animation.durations = [frame.duration_ms for frame in frames]
    done, body = cv2.imencodeanimation(".webp", animation, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not done:
        raise Motionless("animated WebP cannot be written here")
    return body.tobytes()
