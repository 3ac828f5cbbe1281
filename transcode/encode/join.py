"""Joins separately encoded chunks into the renditions of one title. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from core.media.encoded import Encoded, Rendition
from transcode.encode.fragments import WrongOutput
from transcode.plan.encode_plan import EncodePlan


def join(plan: EncodePlan, parts: Sequence[Encoded], *, left_out: Collection[str] = ()) -> Encoded:
    """All renditions, each with its chunks in the order given; from the largest video down, audio last.

    `left_out`: ids of audio renditions that could not be made.

    Raises WrongOutput unless all parts of a rendition share their init segment and cover the whole title.
    """
    joined: dict[str, Rendition] = {}
    for part in parts:
        for rendition in part.renditions:
            known = joined.get(rendition.id)
            if known is not None:
                # Equal bytes mean equal parameter sets, time base, codec and size.
                if known.init != rendition.init or known.timescale != rendition.timescale:
                    raise WrongOutput(f"{rendition.id}: two chunks have different init segments")
                rendition = replace(known, segments=(*known.segments, *rendition.segments))
            joined[rendition.id] = rendition
    passthrough = [plan.passthrough.rung.id] if plan.passthrough and plan.passthrough.lasting else []
    videos = [*passthrough, *(rung.id for rung in plan.rungs)]
    order = [*videos, *(track.id for track in plan.audio if track.id not in left_out)]
    if missing := [name for name in order if name not in joined]:
        raise WrongOutput(f"{', '.join(missing)}: not encoded")
    chosen = tuple(joined[name] for name in order)
    for name, rendition in zip(videos, chosen, strict=False):
        if len(rendition.segments) != len(plan.cuts) or rendition.duration_s != plan.duration_s:
            raise WrongOutput(
                f"{name}: {len(rendition.segments)} segments of {len(plan.cuts)}, "
                f"{float(rendition.duration_s):.3f} s of {float(plan.duration_s):.3f}"
            )
    return Encoded(renditions=chosen)
