"""A planned title -> the search for its upright window, as thumbnails takes it. Pure: transcode and thumbnails do not
import each other, and `kadr encode` needs this without anything else of a worker."""

from fractions import Fraction

from thumbnails.reframe.request import ReframeRequest
from transcode.plan.encode_plan import EncodePlan
from transcode.probe.sniff import DEMUXERS
from transcode.probe.source import Source


def reframe_request(source: Source, plan: EncodePlan) -> ReframeRequest | None:
    """The search for the window of a title that is planned with it in the middle; None for any other title."""
    if source.video is None or plan.video is None or plan.video.crop is None:
        return None
    return ReframeRequest(
        demuxer=DEMUXERS[plan.container],
        index=plan.video.index,
        rotation=source.video.rotation,
        origin_s=plan.origin_s,
        retimed=plan.frame_rate if plan.video.retimed else None,
        aspect=Fraction(source.video.shown_width, source.video.shown_height),
        start_s=plan.start_s,
        end_s=plan.start_s + plan.duration_s,
        share=plan.video.crop.share,
        crop=source.video.crop.sides,
    )
