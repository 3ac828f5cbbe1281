"""A good sample -> the best frame near it. Runs inside the sandbox only.

In: an open Reader and one sample. Out: the same with its sharpest and stillest frame at full size, or with the name of
what it is in the middle of. Never leaves the shot.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from thumbnails.posters import scoring
from thumbnails.posters.rated import RatedSample, with_score
from thumbnails.posters.selection_settings import SelectionSettings
from thumbnails.reading.colour import Gray, lightness
from thumbnails.reading.held_frames import DecodedFrame
from thumbnails.reading.reader import Reader
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.vision import transition
from thumbnails.vision.boxes import ShareBox
from thumbnails.vision.edges import detail
from thumbnails.vision.faces import FaceSearch, find_faces
from thumbnails.vision.frame_signals import LONG_SIDE, frame_sample, signals
from thumbnails.vision.shaking import shaking

FULL_SIDE = 1920  # what a candidate is delivered at, at most
FINE_SIDE = 640  # at which neighbours are compared: a quarter of the largest poster's price, and tells as much
# A missed face only costs rank: coarse steps, on the small picture of a sample, in which a face of a tenth of its width
# is found.
POSTER_FACES = FaceSearch(scale_step=1.15, min_neighbours=6, min_pixels=24)
POSTER_FACE_AREA = 0.05  # of the picture: one of a quarter of the width, or more
AROUND_S = Fraction(1, 2)
MOST_FRAMES, LEAST_FRAMES = 10, 4  # frames at a time; fewer of large ones
FRAME_PIXELS = 80_000_000
STILL = 6.0  # motion, in 1/1000 of the width per frame, that leaves half of the signal
SHAKEN = 18.0  # so much, even where it is stillest, and out of focus with it: a whip pan, a hand that shakes


def width(video: VideoFacts, long_side: int) -> int:
    """The width in pixels of the video as shown when its long side is at most `long_side`."""
    longest = max(video.shown_width, video.shown_height)
    return video.shown_width if longest <= long_side else max(1, round(video.shown_width * long_side / longest))


def with_face(sample: RatedSample) -> RatedSample:
    """The sample with the rank "face" (0..1) added."""
    return replace(sample, ranks={**sample.ranks, "face": face_presence(lightness(sample.frame.small))})


def face_presence(gray: Gray) -> float:
    """0 without a face, 1 with faces together as large as a poster wants them. `gray` is a sample's small picture."""
    height, width = gray.shape
    area = sum(face.share_of(width, height).area for face in find_faces(gray, POSTER_FACES))
    return math.sqrt(min(1.0, area / POSTER_FACE_AREA))


def refine_sample(
    reader: Reader,
    video: VideoFacts,
    settings: SelectionSettings,
    sample: RatedSample,
    box: ShareBox,
    keys: Sequence[Fraction],
    title_sharpness: Sequence[float],
) -> RatedSample:
    """The sample at the best frame near it, or with the fault found there.

    `keys` are the keyframe times, `title_sharpness` the sorted sharpness of the title's samples.
    """
    frames = _around(reader, video, sample.frame.time_s, keys)
    if not frames:
        return replace(sample, fault="undecodable")
    fine = [reader.luma(each, width(video, FINE_SIDE)) for each in frames]
    anchor = max(0, bisect_right([each.time_s for each in frames], sample.frame.time_s) - 1)
    small, times_s = [transition.small(each) for each in fine], [float(each.time_s) for each in frames]
    sample = replace(sample, shaking=shaking(small, times_s))
    choice = transition.choose(small, times_s, [detail(each) for each in fine], anchor)
    if isinstance(choice, str):
        return replace(sample, fault=choice)
    best = frames[choice.at]
    best_sample = sample.frame
    if best.time_s != sample.frame.time_s:
        best_sample = frame_sample(best.time_s, reader.bgr(best, width(video, LONG_SIDE)))
    measured = signals(best_sample, box)
    if choice.motion > SHAKEN and measured.sharpness < scoring.ENOUGH["sharpness"]:
        return replace(sample, fault="shaken")
    ranks = {
        **sample.ranks,
        "sharpness": scoring.ranks("sharpness", [measured.sharpness], title_sharpness)[0],
        "stillness": 2.0 ** (-choice.motion / STILL),
    }
    refined = replace(
        sample, frame=best_sample, signals=measured, ranks=ranks, full=reader.bgr(best, width(video, FULL_SIDE))
    )
    return with_score(refined, settings, motion=choice.motion, evenness=choice.evenness)


def _around(reader: Reader, video: VideoFacts, time_s: Fraction, keys: Sequence[Fraction]) -> list[DecodedFrame]:
    """Frames near a time. Those before it only from its own keyframe on: they are decoded anyway, others are costly."""
    most = max(LEAST_FRAMES, min(MOST_FRAMES, FRAME_PIXELS // (video.width * video.height)))
    keyframes_before = bisect_right(keys, time_s)
    back_s = min(AROUND_S, most / video.frame_rate / 2)
    start_s = max(time_s - back_s, keys[keyframes_before - 1] if keyframes_before else video.start_s)
    return reader.decoded_between(start_s, time_s + AROUND_S, most)
