"""A sampled frame with its signals, ranks, flaws and score. Pure.

In: the measured samples of a title and the settings of the selection. Out: `RatedSample` values. Refuses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from thumbnails.posters import flaws
from thumbnails.posters import scoring as score
from thumbnails.posters.gates import gates, is_card
from thumbnails.posters.selection_settings import SelectionSettings
from thumbnails.reading.colour import Bgr
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.vision import similarity
from thumbnails.vision.black_bars import inside
from thumbnails.vision.boxes import ShareBox
from thumbnails.vision.frame_signals import FrameSample, Signals, signals

BEST_TENTH = 90  # percentile
CARD_COSTS = 0.2  # a card stands where there is little else


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedSample:
    """A measured sample with its score.

    `ranks` and `flaws` are 0..1 by name; `fault` is the gate it failed, if any; `full` its pixels at full size;
    `best_sharpness` that of the sharpest tenth of its title.
    """

    frame: FrameSample
    signals: Signals
    fault: str | None
    feature: similarity.Feature
    share: float
    best_sharpness: float
    ranks: dict[str, float]
    flaws: dict[str, float] = field(default_factory=dict)
    score: float
    full: Bgr | None = None
    shaking: float | None = None  # of the frames around it, where they were looked at


def with_score(
    sample: RatedSample, settings: SelectionSettings, *, motion: float = 0.0, evenness: float | None = None
) -> RatedSample:
    """The sample with its score computed anew from its ranks and flaws, among them what its neighbours show: a
    `thumbnails.vision.transition.FrameChoice` says what `motion` and `evenness` are."""
    total = score.total(sample.ranks, settings.weights, share=sample.share, cluster=settings.cluster)
    total += settings.text * score.text_score(sample.signals.text)
    card = is_card(sample.signals)
    if settings.cards == "allowed" and card:
        total -= CARD_COSTS
    below = sample.best_sharpness - sample.signals.sharpness
    frame_flaws = {}
    if settings.cards != "wanted" or not card:  # a slide that is wanted may be white, plain and grey
        frame_flaws = flaws.flaws(
            sample.signals,
            motion=motion,
            softness=min(below, score.ENOUGH["sharpness"] - sample.signals.sharpness),
            ghosting=flaws.ghosting(evenness, below),
        )
    return replace(sample, score=total - flaws.cost(frame_flaws), flaws=frame_flaws)


def rate_all(
    samples: Sequence[FrameSample], box: ShareBox, video: VideoFacts, settings: SelectionSettings
) -> list[RatedSample]:
    """Every sample ranked among those of its title, measured inside `box`."""
    measured = [signals(sample, box) for sample in samples]
    features = [similarity.feature(inside(sample.small, box)) for sample in samples]
    faults = gates(measured, cards=settings.cards)
    ranks: list[dict[str, float]] = [{} for _ in samples]
    passed = [at for at, fault in enumerate(faults) if not fault] or list(range(len(samples)))
    for name in score.ENOUGH:
        values = [getattr(sample, name) for sample in measured]
        for sample_ranks, rank in zip(ranks, score.ranks(name, values, [values[at] for at in passed]), strict=True):
            sample_ranks[name] = rank
    for sample_ranks, sample in zip(ranks, samples, strict=True):
        sample_ranks["position"] = score.position(float((sample.time_s - video.start_s) / video.duration_s))
    best_sharpness = float(np.percentile([measured[at].sharpness for at in passed], BEST_TENTH))
    together = zip(samples, measured, faults, features, similarity.shares(features), ranks, strict=True)
    return [
        with_score(
            RatedSample(
                frame=a,
                signals=b,
                fault=fault,
                feature=c,
                share=share,
                best_sharpness=best_sharpness,
                ranks=sample_ranks,
                score=0.0,
            ),
            settings,
        )
        for a, b, fault, c, share, sample_ranks in together
    ]
