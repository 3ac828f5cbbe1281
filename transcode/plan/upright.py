"""Whether a wide picture is made upright, how large it then is, and how a path says so to people. Pure.

In: the facts of a video track, the profile, what was wished. Out: the window's size in displayed pixels and the
rungs of that size; without a window, why not.
"""

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction

from core.media.crop import CropKind, CropPath, Reframe
from presets.ladder import SHORTEST_SIDE
from presets.profile import Profile
from transcode.plan.rungs import VideoRung, even_down
from transcode.probe.source import VideoTrack

ASPECT = Fraction(9, 16)
# A window that would leave out less than this share of the picture is not worth a second encode of it.
WORTH_CUTTING = Fraction(1, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upright:
    """The window on the displayed picture, in pixels, both even."""

    width: int
    height: int
    share: Fraction  # of the picture's width


def upright_window(video: VideoTrack, wanted: Profile, wish: Reframe) -> tuple[Upright | None, str]:
    """(window, why); None where the picture stays as it is, with an empty reason where nobody asked."""
    asked = wish is Reframe.VERTICAL or (wish is Reframe.AUTO and wanted.upright)
    if not asked:
        return None, f"not wanted, though {wanted.name} is for upright clips" if wanted.upright else ""
    width, height = video.shown_width, video.shown_height
    if wish is Reframe.AUTO and width <= height:
        return None, "the picture is not wider than high"
    if even_down(height) * ASPECT > width * (1 - WORTH_CUTTING):
        return None, "the picture is 9:16 or narrower already"
    high = even_down(height)
    wide = even_down(int(high * ASPECT))
    if wide < SHORTEST_SIDE:
        return None, f"a window {wide} pixels wide would show nothing"
    why = f"the profile {wanted.name} is for upright clips" if wish is Reframe.AUTO else "asked for"
    return Upright(width=wide, height=high, share=Fraction(wide, width)), why


def upright_rungs(ladder: tuple[VideoRung, ...], window: Upright) -> tuple[VideoRung, ...]:
    """The rungs of a picture of the window's size; those below it exactly 9:16, as players of such clips expect."""
    return tuple(
        rung if rung.width == window.width else replace(rung, height=round(rung.width / ASPECT / 2) * 2)
        for rung in ladder
    )


def describe_path(path: CropPath) -> str:
    """What becomes of the shots, in words: `3 shots: 2 still, 1 track`."""
    kinds = Counter(shot.kind for shot in path.shots)
    named = ", ".join(f"{kinds[kind]} {kind}" for kind in CropKind if kinds[kind])
    return f"{len(path.shots)} shot{'s' * (len(path.shots) > 1)}: {named}"
