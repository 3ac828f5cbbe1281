"""A good sample -> the best frame near it. Runs inside the sandbox only.

In: an open Reader and one sample. Out: the same with its sharpest and stillest frame at full size, or with the name of
what it is in the middle of. Never leaves the shot.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from thumbnails import score, transition
from thumbnails.colour import lightness
from thumbnails.edges import Box, detail
from thumbnails.faces import faces, presence
from thumbnails.look import LONG_SIDE, look, signals
from thumbnails.picture import Picture
from thumbnails.posters_wishes import Wishes
from thumbnails.rated import Rated, rated
from thumbnails.reader import Held, Reader

FULL_SIDE = 1920  # what a candidate is delivered at, at most
FINE_SIDE = 960  # at which neighbours are compared: half the price of the largest poster's size, and tells as much
AROUND_S = Fraction(1, 2)
MOST_HELD, LEAST_HELD = 10, 4  # frames at a time; fewer of large ones
HELD_PIXELS = 80_000_000
STILL = 6.0  # motion, in 1/1000 of the width per frame, that leaves half of the signal
SHAKEN = 18.0  # so much, even where it is stillest, and out of focus with it: a whip pan, a hand that shakes


def width(picture: Picture, long_side: int) -> int:
    """Of a picture as shown whose long side is at most this."""
    longest = max(picture.shown_width, picture.shown_height)
    return picture.shown_width if longest <= long_side else max(1, round(picture.shown_width * long_side / longest))


def with_face(one: Rated) -> Rated:
    return replace(one, ranks={**one.ranks, "face": presence(faces(lightness(one.look.small)))})


def at_its_best(
    reader: Reader,
    picture: Picture,
    wishes: Wishes,
    one: Rated,
    box: Box,
    keys: Sequence[Fraction],
    usual: Sequence[float],
) -> Rated:
    """`keys` are the keyframe times, `usual` the sorted sharpness of the title's samples."""
    held = _around(reader, picture, one.look.time_s, keys)
    if not held:
        return replace(one, fault="undecodable")
    fine = [reader.luma(each, width(picture, FINE_SIDE)) for each in held]
    anchor = max(0, bisect_right([each.time_s for each in held], one.look.time_s) - 1)
    choice = transition.choose(
        [transition.small(each) for each in fine],
        [float(each.time_s) for each in held],
        [detail(each) for each in fine],
        anchor,
    )
    if isinstance(choice, str):
        return replace(one, fault=choice)
    best = held[choice.at]
    seen = one.look
    if best.time_s != one.look.time_s:
        seen = look(best.time_s, reader.bgr(best, width(picture, LONG_SIDE)))
    measured = signals(seen, box)
    if choice.motion > SHAKEN and measured.sharpness < score.ENOUGH["sharpness"]:
        return replace(one, fault="shaken")
    ranks = {
        **one.ranks,
        "sharpness": score.ranks("sharpness", [measured.sharpness], usual)[0],
        "stillness": 2.0 ** (-choice.motion / STILL),
    }
    found = replace(one, look=seen, signals=measured, ranks=ranks, full=reader.bgr(best, width(picture, FULL_SIDE)))
    return rated(found, wishes, choice.motion)


def _around(reader: Reader, picture: Picture, time_s: Fraction, keys: Sequence[Fraction]) -> list[Held]:
    """Frames near a time. Those before it only as far as its own keyframe: they are decoded anyway, others are dear."""
    most = max(LEAST_HELD, min(MOST_HELD, HELD_PIXELS // (picture.width * picture.height)))
    led = bisect_right(keys, time_s)
    back_s = min(AROUND_S, most / picture.frame_rate / 2)
    start_s = max(time_s - back_s, keys[led - 1] if led else picture.start_s)
    return reader.held(start_s, time_s + AROUND_S, most)
