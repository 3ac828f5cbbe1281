"""Visible flaws of a frame that passed the gates. Pure.

In: its signals. Out: by name 0 for nothing, up to 1 for as bad as can be, and what that costs. Ranks tell which frame
of a title is best; these tell how good it is: first among grey frames is still grey. Where all frames of a title share
a flaw, it changes nothing.
"""

from collections.abc import Mapping

from thumbnails.vision.frame_signals import Signals

# Known of refined frames only: motion; and whether frames go over into each other as no moving thing does.
MOTION, GHOSTING = "motion", "ghosting"
SOFTNESS = "softness"  # beside the sharpest frames of the title
# By name: from here on it is one, here it is as bad as can be, and what that costs.
_LIMITS = {
    "sharpness": (-1.5, -2.3, 0.25),
    "exposure": (0.75, 0.3, 0.3),
    "noise": (2.5, 8.0, 0.25),  # standard deviation of luma
    "colour": (22.0, 5.0, 0.15),
    "bars": (0.02, 0.35, 0.4),
    MOTION: (2.0, 7.0, 0.2),  # of the width, in thousandths per frame
    SOFTNESS: (0.2, 0.7, 0.35),  # of sharpness
    GHOSTING: (0.0, 1.0, 0.4),
}
EVEN, TOO_EVEN = 0.7, 0.5  # evenness of changes: that of moving things is higher, of mixed frames lower
CLEARLY_SOFTER = 0.3  # than the title's best: mixed frames are


def flaws(signals: Signals, *, motion: float = 0.0, softness: float = 0.0, ghosting: float = 0.0) -> dict[str, float]:
    """The flaws a frame has, by name, each 0..1."""
    beside = {MOTION: motion, SOFTNESS: softness, GHOSTING: ghosting}
    values = {name: beside[name] if name in beside else getattr(signals, name) for name in _LIMITS}
    badness_of = {name: _badness(name, value) for name, value in values.items()}
    return {name: badness for name, badness in badness_of.items() if badness > 0}


def ghosting(evenness: float | None, below: float) -> float:
    """0..1: how much a frame looks mixed of several. `below`: how far its sharpness is below that of its title's best.

    Slow and smooth movement of a camera is even, too, and leaves the picture as sharp as any.
    """
    if evenness is None or below <= 0:
        return 0.0
    return min(1.0, max(0.0, (EVEN - evenness) / (EVEN - TOO_EVEN))) * min(1.0, below / CLEARLY_SOFTER)


def cost(badness_of: Mapping[str, float]) -> float:
    """What the flaws take off a frame's score."""
    return sum(_LIMITS[name][2] * badness for name, badness in badness_of.items())


def _badness(name: str, value: float) -> float:
    fine, worst, _ = _LIMITS[name]
    return min(1.0, max(0.0, (value - fine) / (worst - fine)))
