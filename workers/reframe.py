"""A title planned with its upright window in the middle -> what the search for a better place wants to know."""

from fractions import Fraction

from thumbnails.reframe_wide import ReframeRequest
from transcode.encode_plan import EncodePlan
from transcode.sniff import DEMUXERS
from transcode.source import Source

CENTRED = "reframe_centred"


def wide_of(source: Source, plan: EncodePlan) -> ReframeRequest | None:
    """None where the picture is not made upright."""
    if source.video is None or plan.picture is None or plan.picture.crop is None:
        return None
    return ReframeRequest(
        demuxer=DEMUXERS[plan.container],
        index=plan.picture.index,
        rotation=source.video.rotation,
        origin_s=plan.origin_s,
        retimed=plan.frame_rate if plan.picture.retimed else None,
        aspect=Fraction(source.video.shown_width, source.video.shown_height),
        start_s=plan.start_s,
        end_s=plan.start_s + plan.duration_s,
        share=plan.picture.crop.share,
    )


def warning(why: str) -> tuple[str, str]:
    """For the owner of a title whose window is only in the middle."""
    return CENTRED, f"The upright picture shows the middle of the upload: {why}."
