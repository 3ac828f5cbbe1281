"""Advice for whoever films: what was measured of a clip -> one line for each thing that could be better. Pure.

In: what steps have measured on their way (duration, loudness, luma, bars, movement). Out: `Judged`, what a step has
looked at and what it found. A warning says what was done to a video; advice says what its owner can do. All limits
stand here, each with its reason. When in doubt nothing is said: advice that is wrong once is not read again.

What is exactly nothing is on purpose: a sound track of zeros or a picture of pure black is what an editor writes.
Recordings that went wrong have noise. No sound track at all has a warning of its own, `no_audio`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Advice(StrEnum):
    """Codes of advice, the most important first: what spoils most of the video, then what spoils a part of it."""

    TOO_SHORT = "too_short"
    DARK = "dark"
    SILENT = "silent"
    CLIPPED = "clipped"  # its sound
    SHAKY = "shaky"
    LETTERBOXED = "letterboxed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a step has looked at, and what of it its owner is advised about."""

    looked_at: frozenset[Advice]
    found: frozenset[Advice] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundSigns:
    """What decoding a whole sound track has shown."""

    lufs: float  # integrated loudness, EBU R128; -70 where nothing is loud enough to count
    peak_dbfs: float  # true peak; -inf for zeros
    at_limit: float  # share (0..1) of samples within 1 dB of full scale, as they were recorded
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Black bars that the whole title has, as shares (0..1) of its picture's width and height, and its shape."""

    beside: float  # left and right together
    above: float  # at the top and at the bottom together
    aspect: float  # width by height of the whole picture as shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSigns:
    """What the sampled frames of a title have shown. Luma is 0..255, measured inside the title's bars."""

    frames: int
    luma: float  # mean of a frame: the median of the frames
    light: float  # brighter than all but the brightest 2 % of a frame: of the lightest tenth of the frames
    shaking: tuple[float, ...]  # of each stretch of neighbouring frames: thumbnails.vision.shaking
    bars: Bars


# Two seconds are a short view on purpose; nobody recognises a thing in less than this, and players hardly begin.
TOO_SHORT_S = Fraction(3, 2)

# A dark film has lamps, faces, titles: something in it is light. In a clip filmed with too little light nothing is.
DARK_LUMA, DARK_LIGHT = 48.0, 120.0
BLACK_LIGHT = 20.0  # nothing but black: no camera made it
LEAST_FRAMES = 3  # fewer say nothing about a title

# 15 dB is all the gain a track is given (transcode.encode.loudness): from here it stays 19 dB below what titles have.
HARDLY_HEARD_LUFS = -50.0
ZEROS_DBFS = -85.0  # true peak: less than one step of 16 bits
LEAST_SOUND_S = 2.0  # less says nothing of a recording
# Music mastered as loud as can be stays below 2 %, the noise of a motor in a camera's limiter reaches 5 %. Speech that
# is 20 dB too loud for its microphone has 16 % and more, pauses included.
CLIPPED_AT_LIMIT = 0.06

# A camera on a tripod has 0.01, a hand that holds still 0.03, a pan none: only what goes there and back counts.
SHAKING = 0.12  # widths of the picture a second
SHAKING_SHARE = 0.6  # of the stretches
LEAST_STRETCHES = 2

LEAST_BARS = 0.06  # of a side: less is a rounded frame or the edge of a scan
# A film in its own shape in a frame for television: wider than 16:9. It is shown as it was made.
CINEMA = (1.8, 2.9)
LANDSCAPE = 1.2


def of_duration(duration_s: Fraction) -> Judged:
    """What the duration of an upload says."""
    return _judged({Advice.TOO_SHORT: duration_s < TOO_SHORT_S})


def of_sound(signs: SoundSigns, *, spoken: bool) -> Judged:
    """What its sound says. `spoken`: its owner has named the language that is spoken; then zeros are no purpose."""
    zeros = signs.peak_dbfs <= ZEROS_DBFS
    is_long = signs.duration_s >= LEAST_SOUND_S
    unheard = signs.lufs < HARDLY_HEARD_LUFS and is_long
    clipped = signs.at_limit >= CLIPPED_AT_LIMIT and is_long
    return _judged({Advice.SILENT: unheard and (spoken or not zeros), Advice.CLIPPED: clipped})


def of_picture(signs: PictureSigns | None) -> Judged:
    """What its frames say; without signs nothing is found."""
    return _judged(
        {
            Advice.DARK: signs is not None and _is_dark(signs),
            Advice.SHAKY: signs is not None and _is_shaky(signs),
            Advice.LETTERBOXED: signs is not None and signs.frames >= LEAST_FRAMES and _are_needless(signs.bars),
        }
    )


def of_album(codes: Iterable[str]) -> Judged:
    """What was found in the picture before, where the album that was made then is kept."""
    known = of_picture(None).looked_at
    return Judged(looked_at=known, found=known & set(codes))


def _judged(verdicts: dict[Advice, bool]) -> Judged:
    return Judged(looked_at=frozenset(verdicts), found=frozenset(one for one, is_so in verdicts.items() if is_so))


def _is_dark(signs: PictureSigns) -> bool:
    return signs.frames >= LEAST_FRAMES and signs.luma < DARK_LUMA and BLACK_LIGHT < signs.light < DARK_LIGHT


def _is_shaky(signs: PictureSigns) -> bool:
    shaken = sum(one >= SHAKING for one in signs.shaking)
    return len(signs.shaking) >= LEAST_STRETCHES and shaken >= SHAKING_SHARE * len(signs.shaking)


def _are_needless(bars: Bars) -> bool:
    if bars.beside >= LEAST_BARS:
        return True
    inner = bars.aspect / (1 - bars.above) if bars.above < 1 else 0.0
    is_cinema = bars.aspect >= LANDSCAPE and CINEMA[0] <= inner <= CINEMA[1]
    return bars.above >= LEAST_BARS and not is_cinema


_TEXTS: dict[Advice, tuple[str, str]] = {
    Advice.TOO_SHORT: (
        "The video is over before anybody has seen what it shows.",
        "Film for five seconds or more, and hold each view for a moment.",
    ),
    Advice.DARK: (
        "The picture is dark from beginning to end.",
        "Film by a window or with a lamp behind the camera, and tap what you show so that the phone adjusts to it.",
    ),
    Advice.SILENT: (
        "There is sound, but next to nothing can be heard.",
        "Check that the microphone is on and not covered, and speak close to it.",
    ),
    Advice.CLIPPED: (
        "The sound is too loud for its recording and distorted.",
        "Move away from the microphone, or turn its level down.",
    ),
    Advice.SHAKY: (
        "The camera shakes.",
        "Hold the phone with both hands and lean on something, or put it on a stand.",
    ),
    Advice.LETTERBOXED: (
        "Black bars are part of the picture.",
        "Film with the phone turned the way the video will be shown, or export without bars: any shape can be played.",
    ),
}


def told(codes: Iterable[str]) -> list[dict[str, str]]:
    """Stored codes as {code, message, hint}, the most important first. Those of another release are left out."""
    known = set(codes)
    return [
        {"code": one.value, "message": message, "hint": hint} for one, (message, hint) in _TEXTS.items() if one in known
    ]
