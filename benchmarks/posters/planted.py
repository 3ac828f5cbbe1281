"""Plans of made-up videos of which it is known, frame by frame, what a person would think of them as a poster.

In: a seed. Out: a `Video`: its size, its rate, how it is encoded, its shots in order and how each goes over into the
next; and from that the `Verdict` on every frame. Pure: benchmarks/posters/planted_scene.py paints the shots,
benchmarks/posters/planted_film.py makes the file.

Seeds below 1000 are for tuning, those from 10000 on are held out: whoever changes a weight or a gate looks at no frame
and no result of a held-out seed. The planner knows nothing of how pictures are scored.

A good shot has all of: focus, a held camera, an exposure that clips nothing, colour, a subject near a third (or, in a
quarter of them, nearer the middle) that stands out. An acceptable shot has flaws of at least two sorts, each plain to
see. A defect is what nobody would choose.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

TUNE = range(1000)
HELD_OUT = range(10_000, 20_000)

FADED_BELOW = 0.7  # of full light: darker is a defect
DIMMED_BELOW = 0.92  # darker is not good any more
MIXED_ABOVE = 0.15  # share of the other shot in a dissolve: more is a defect
TOUCHED_ABOVE = 0.04
BLURRED_ABOVE = 2.5  # standard deviation of a blur, in pixels of a picture of 360 lines
SOFT_ABOVE = 0.6


class Kind(StrEnum):
    """What a shot is, or for a frame what is wrong with it."""

    GOOD = "good"
    ACCEPTABLE = "acceptable"
    BLACK = "black"
    WHITE = "white"
    FADE = "fade"
    DISSOLVE = "dissolve"
    BLUR = "blur"
    SHAKE = "shake"
    BARS = "bars"  # a picture of another shape, most of the frame black
    TEST_CARD = "test_card"
    TEXT = "text"
    HAZE = "haze"
    FLAT = "flat"  # a covered lens, a wall


class Flaw(StrEnum):
    """What makes an acceptable shot worse than a good one."""

    DARK = "dark"
    BRIGHT = "bright"
    PALE = "pale"
    DULL = "dull"
    SOFT = "soft"
    GRAINY = "grainy"
    CLUTTER = "clutter"
    CUT_OFF = "cut_off"
    TINY = "tiny"
    EMPTY = "empty"
    MOVING = "moving"


SORTS = (
    (Flaw.DARK, Flaw.BRIGHT, Flaw.PALE),
    (Flaw.DULL,),
    (Flaw.SOFT, Flaw.GRAINY),
    (Flaw.CLUTTER, Flaw.CUT_OFF, Flaw.TINY, Flaw.EMPTY),
    (Flaw.MOVING,),
)
DEFECT_SHOTS = (Kind.BLACK, Kind.BLUR, Kind.SHAKE, Kind.BARS, Kind.TEST_CARD, Kind.TEXT, Kind.HAZE, Kind.FLAT)


class Join(StrEnum):
    """How a shot goes over into the next."""

    CUT = "cut"
    DISSOLVE = "dissolve"
    FADE = "fade"  # through black
    FLASH = "flash"  # through white


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """`scene` seeds its picture; `settle` is how many frames it needs until it is in focus; then the way out of it."""

    kind: Kind
    frames: int
    scene: int
    flaws: tuple[Flaw, ...] = ()
    settle: int = 0
    join: Join = Join.CUT
    join_frames: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """`palette` is shared by its shots. `gop_s` and `scene_cuts` say where its keyframes are."""

    seed: int
    width: int
    height: int
    frame_rate: int
    shots: tuple[Shot, ...]
    fade_in: int  # frames
    fade_out: int
    letterboxed: bool
    palette: int
    gop_s: Fraction
    scene_cuts: bool
    crf: int

    @property
    def frames(self) -> int:
        return sum(shot.frames + shot.join_frames for shot in self.shots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """One frame: a shot `at` a frame of its own, some share of the next, and its light (0 black, 1 as is, 2 white)."""

    shot: int
    at: int
    next_share: float = 0.0
    light: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a person would think of the frame. `kind` of a defect names it."""

    kind: Kind

    @property
    def good(self) -> bool:
        return self.kind is Kind.GOOD

    @property
    def defect(self) -> bool:
        return self.kind not in (Kind.GOOD, Kind.ACCEPTABLE)


def plan(seed: int) -> Video:
    """The same for the same seed, for ever: a change here needs other seed ranges, or all results anew."""
    rng = random.Random(f"planted {seed}")  # a text: neighbouring numbers are no neighbouring streams
    width, height = rng.choices(
        [(640, 360), (854, 480), (640, 480), (360, 640), (480, 854), (1920, 1080)], [52, 22, 8, 9, 6, 3]
    )[0]
    rate = rng.choices([15, 24, 25, 30], [20, 30, 30, 20])[0]
    shots = _shots(rng, rate, large=width * height > 1_000_000)
    return Video(
        seed=seed,
        width=width,
        height=height,
        frame_rate=rate,
        shots=shots,
        fade_in=_frames(rng, rate, 0.4, 1.2) if rng.random() < 0.3 else 0,
        fade_out=_frames(rng, rate, 0.4, 1.2) if rng.random() < 0.35 else 0,
        letterboxed=width > height and rng.random() < 0.1,
        palette=rng.randrange(2**32),
        gop_s=Fraction(rng.choice(["0.5", "1", "2", "2", "5", "10"])),
        scene_cuts=rng.random() < 0.6,
        crf=rng.choice([22, 24, 26, 29]),
    )


def _frames(rng: random.Random, rate: int, least_s: float, most_s: float) -> int:
    return max(2, round(rng.uniform(least_s, most_s) * rate))


def _shots(rng: random.Random, rate: int, *, large: bool) -> tuple[Shot, ...]:
    """One good shot or two, several acceptable, some defects, in any order; some begin and end like films do."""
    count = rng.choices([1, 2], [80, 20])[0]
    kinds = [Kind.GOOD] * count + [Kind.ACCEPTABLE] * rng.randint(3, 3 if large else 4)
    kinds += rng.sample(DEFECT_SHOTS, rng.randint(1, 2 if large else 3))
    rng.shuffle(kinds)
    opening = rng.choices([None, Kind.BLACK, Kind.TEXT, Kind.TEST_CARD], [60, 22, 14, 4])[0]
    closing = rng.choices([None, Kind.BLACK, Kind.TEXT], [60, 15, 25])[0]
    ordered = [one for one in (opening, *kinds, closing) if one is not None]
    return tuple(_shot(rng, kind, rate, last=place == len(ordered) - 1) for place, kind in enumerate(ordered))


def _shot(rng: random.Random, kind: Kind, rate: int, *, last: bool) -> Shot:
    least_s, most_s = {Kind.BLACK: (0.3, 1.6), Kind.GOOD: (1.8, 3.4), Kind.ACCEPTABLE: (1.4, 3.8)}.get(kind, (0.9, 2.6))
    frames = _frames(rng, rate, least_s, most_s)
    flaws: tuple[Flaw, ...] = ()
    settle = 0
    if kind is Kind.ACCEPTABLE:
        flaws = tuple(rng.choice(sort) for sort in rng.sample(SORTS, rng.choice([2, 2, 3])))
    elif kind is Kind.BARS:  # what is between the bars is nothing special either
        flaws = (rng.choice([Flaw.DULL, Flaw.DARK, Flaw.SOFT, Flaw.CUT_OFF, Flaw.CLUTTER]),)
    if kind in (Kind.GOOD, Kind.ACCEPTABLE) and rng.random() < 0.2:
        settle = min(frames // 2, _frames(rng, rate, 0.4, 1.2))
    join = Join.CUT if last else rng.choices(list(Join), [62, 18, 12, 8])[0]
    spans_s = {Join.CUT: (0.0, 0.0), Join.DISSOLVE: (0.4, 1.6), Join.FADE: (0.6, 2.0), Join.FLASH: (0.15, 0.6)}
    join_frames = _frames(rng, rate, *spans_s[join]) if join is not Join.CUT else 0
    scene = rng.randrange(2**32)
    return Shot(kind=kind, frames=frames, scene=scene, flaws=flaws, settle=settle, join=join, join_frames=join_frames)


def instants(video: Video) -> Iterator[Instant]:
    """Every frame in order, as what is to be shown in it."""
    number, total = 0, video.frames
    for place, shot in enumerate(video.shots):
        for at in range(shot.frames + shot.join_frames):
            share, light = _join(shot, at)
            if number < video.fade_in:
                light = min(light, number / video.fade_in)
            if total - 1 - number < video.fade_out:
                light = min(light, (total - 1 - number) / video.fade_out)
            beyond = share >= 1.0  # the second half of a way through black or white: the next shot alone
            yield Instant(
                shot=place + beyond,
                at=at - shot.frames - shot.join_frames if beyond else at,
                next_share=0.0 if beyond else share,
                light=light,
            )
            number += 1


def _join(shot: Shot, at: int) -> tuple[float, float]:
    """(share of the next shot, light) at a frame; a frame of the next shot has a negative number before its start."""
    if at < shot.frames:
        return 0.0, 1.0
    done = (at - shot.frames + 1) / (shot.join_frames + 1)
    if shot.join is Join.DISSOLVE:
        return done, 1.0
    away = 1 - abs(2 * done - 1)  # 0 at both ends, 1 in the middle
    return float(done > 0.5), 1 - away if shot.join is Join.FADE else 1 + away


def settle_blur(shot: Shot, at: int) -> float:
    """Standard deviation of the blur while it comes into focus, in pixels of a picture of 360 lines."""
    return 7.0 * (1 - max(at, 0) / shot.settle) if max(at, 0) < shot.settle else 0.0


def judge(video: Video, instant: Instant) -> Verdict:
    """The worst of what is wrong with a frame."""
    shot = video.shots[instant.shot]
    blur = settle_blur(shot, instant.at)
    for wrong, kind in (
        (shot.kind not in (Kind.GOOD, Kind.ACCEPTABLE), shot.kind),
        (instant.light < FADED_BELOW, Kind.FADE),
        (instant.light > 2 - FADED_BELOW, Kind.WHITE),
        (MIXED_ABOVE < instant.next_share < 1 - MIXED_ABOVE, Kind.DISSOLVE),
        (blur > BLURRED_ABOVE, Kind.BLUR),
    ):
        if wrong:
            return Verdict(kind=kind)
    if instant.next_share >= 1 - MIXED_ABOVE:  # nearly the next shot, and never its best
        coming = video.shots[instant.shot + 1].kind
        return Verdict(kind=Kind.ACCEPTABLE if coming is Kind.GOOD else coming)
    touched = instant.next_share > TOUCHED_ABOVE or abs(instant.light - 1) > 1 - DIMMED_BELOW or blur > SOFT_ABOVE
    return Verdict(kind=Kind.ACCEPTABLE if touched else shot.kind)


def truth(video: Video) -> tuple[Verdict, ...]:
    """The verdict on every frame, by number."""
    return tuple(judge(video, instant) for instant in instants(video))
