"""A published rendition -> the VideoFacts that a Reader needs. Pure.

Upright, in square pixels, progressive and in BT.709: nothing is left to correct but the clock. Composition times below
decoding times, which spare players an edit list, are read by libav as a later beginning.
"""

from fractions import Fraction

from core.media.encoded import Rendition
from thumbnails.reading.video_facts import VideoFacts


def video_of_rendition(rendition: Rendition, start_s: Fraction = Fraction(0)) -> VideoFacts:
    """Facts of a file made of a rendition's init segment and its segments from `start_s` on.

    Raises ValueError for an audio rendition.
    """
    if rendition.width is None or rendition.height is None or rendition.frame_rate is None:
        raise ValueError(f"{rendition.id} has no video track")
    duration_s = rendition.duration_s - start_s
    return VideoFacts(
        demuxer="mov",
        index=0,
        width=rendition.width,
        height=rendition.height,
        shown_width=rendition.width,
        shown_height=rendition.height,
        rotation=0,
        interlaced=False,
        transfer="bt709",
        primaries="bt709",
        matrix="bt709",
        full_range=False,
        frame_rate=rendition.frame_rate,
        frames=round(duration_s * rendition.frame_rate),
        retimed=False,
        origin_s=None,
        start_s=start_s,
        duration_s=duration_s,
    )
