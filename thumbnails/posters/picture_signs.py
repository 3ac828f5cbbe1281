"""The measured samples of a title -> what they say of its picture as a whole, for core.media.advice. Pure."""

from collections.abc import Sequence

import numpy as np

from core.media.advice import Bars, PictureSigns
from thumbnails.posters.rated import RatedSample
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.vision.black_bars import baked_in
from thumbnails.vision.boxes import ShareBox

LIGHTEST = 90  # percentile


def picture_signs(
    samples: Sequence[RatedSample], neighboured: Sequence[RatedSample], video: VideoFacts, box: ShareBox
) -> PictureSigns:
    """`neighboured`: the samples whose neighbours were looked at, too; `box`: what is left inside dark edges."""
    inner = baked_in([one.frame.small for one in samples], box)
    return PictureSigns(
        frames=len(samples),
        luma=float(np.median([one.signals.luma for one in samples])),
        light=float(np.percentile([one.signals.light for one in samples], LIGHTEST)),
        shaking=tuple(round(one.shaking, 4) for one in neighboured if one.shaking is not None),
        bars=Bars(
            beside=round(1 - inner.width, 4),
            above=round(1 - inner.height, 4),
            aspect=round(video.shown_width / video.shown_height, 4),
        ),
    )
