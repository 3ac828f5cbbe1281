"""Sampling: keyframe times -> the times of frames to be measured. Pure.

In: where the title's keyframes are. Out: sorted times, spread evenly, without the first and last 2 % (fades, logos, end
cards). Where keyframes are few, times between them as well, as deep into each GOP as the budget of decoding allows.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from thumbnails.reading.video_facts import VideoFacts

EDGE = Fraction(1, 50)
# Samples of a title, at least: keyframes if there are so many, else times between them, which take a decode each. In
# proportion to its length: neighbours of less than a second look alike.
KEYFRAMES_PER_S, FEWEST_KEYFRAMES, ENOUGH_KEYFRAMES = 1, 12, 24
BETWEEN_PER_S, FEWEST_BETWEEN, MOST_BETWEEN = Fraction(3, 2), 12, 36
_FULL_HD = 1920 * 1080


def enough_keyframes(video: VideoFacts) -> int:
    """With so many keyframes nothing between them is looked at."""
    return min(ENOUGH_KEYFRAMES, max(FEWEST_KEYFRAMES, ceil(video.duration_s * KEYFRAMES_PER_S)))


def keyframes(times: Sequence[Fraction], video: VideoFacts, samples: int) -> tuple[Fraction, ...]:
    """At most `samples` of the keyframe `times`, each the nearest to the middle of its share of the title."""
    start_s, end_s = _inner(video)
    inner = [time for time in times if start_s <= time <= end_s]
    if len(inner) <= samples:
        return tuple(inner)
    share = (end_s - start_s) / samples
    return tuple(sorted({_nearest(inner, start_s + share * (number + Fraction(1, 2))) for number in range(samples)}))


def between(times: Sequence[Fraction], video: VideoFacts, samples: int, decode_frames: int) -> tuple[Fraction, ...]:
    """Times all over the title that cost at most `decode_frames` 1080p frames to reach from their keyframes."""
    start_s, end_s = _inner(video)
    keyframes = sorted({video.start_s, *times})
    affordable = decode_frames * max(Fraction(1, 4), Fraction(_FULL_HD, video.width * video.height))
    depth_s = affordable / len(keyframes) / video.frame_rate
    in_proportion = max(FEWEST_BETWEEN, ceil(video.duration_s * BETWEEN_PER_S))
    count = min(samples, MOST_BETWEEN, in_proportion, max(1, video.frames))
    share = (end_s - start_s) / count
    evenly = (start_s + share * (number + Fraction(1, 2)) for number in range(count))
    within = {time for time in evenly if time - keyframes[bisect_right(keyframes, time) - 1] <= depth_s}
    if len(within) * 2 >= count:
        return tuple(sorted(within))
    # Too sparse: what each GOP allows, evenly.
    steps = max(1, count // len(keyframes))
    deep = {key + min(depth_s, end_s - start_s) * step / steps for key in keyframes for step in range(steps)}
    return tuple(sorted(time for time in deep | within if start_s <= time <= end_s)) or (start_s,)


def _inner(video: VideoFacts) -> tuple[Fraction, Fraction]:
    edge_s = video.duration_s * EDGE
    return video.start_s + edge_s, video.end_s - edge_s


def _nearest(times: Sequence[Fraction], time_s: Fraction) -> Fraction:
    at = bisect_left(times, time_s)
    return min(times[max(0, at - 1) : at + 1], key=lambda time: abs(time - time_s))
