"""Whether a landscape video is reframed to vertical, at which size, and a crop path in words. Pure.

In: the facts of a video track, the profile, the owner's option. Out: the window's size in displayed pixels and the
rungs of that size; without a window, the reason.
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
# A window that would cut off less than this share of the width is not worth a second encode.
WORTH_CUTTING = Fraction(1, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upright:
    """Size of the vertical window on the displayed video, in pixels; both are even."""

    width: int
    height: int
    share: Fraction  # of the video's width


def upright_window(video: VideoTrack, profile: Profile, reframe: Reframe) -> tuple[Upright | None, str]:
    """(window, reason); None where the video is not reframed, with an empty reason where that was not requested."""
    requested = reframe is Reframe.VERTICAL or (reframe is Reframe.AUTO and profile.upright)
    if not requested:
        return (
            None,
            f"not requested, though the profile {profile.name} is for vertical clips" if profile.upright else "",
        )
    width, height = video.shown_width, video.shown_height
    if reframe is Reframe.AUTO and width <= height:
        return None, "the video is not wider than high"
    if even_down(height) * ASPECT > width * (1 - WORTH_CUTTING):
        return None, "the video is 9:16 or narrower already"
    window_height = even_down(height)
    window_width = even_down(int(window_height * ASPECT))
    if window_width < SHORTEST_SIDE:
        return None, f"a window {window_width} pixels wide would be too small"
    why = f"the profile {profile.name} is for vertical clips" if reframe is Reframe.AUTO else "requested"
    return Upright(width=window_width, height=window_height, share=Fraction(window_width, width)), why


def upright_rungs(ladder: tuple[VideoRung, ...], window: Upright) -> tuple[VideoRung, ...]:
    """The rungs of a reframed title: the top one has the window's size, those below are exactly 9:16."""
    return tuple(
        rung if rung.width == window.width else replace(rung, height=round(rung.width / ASPECT / 2) * 2)
        for rung in ladder
    )


def describe_path(path: CropPath) -> str:
    """How the shots are reframed, in words: `3 shots: 2 still, 1 track`."""
    kinds = Counter(shot.kind for shot in path.shots)
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in CropKind if kinds[kind])
    return f"{len(path.shots)} shot{'s' * (len(path.shots) > 1)}: {counts}"
