"""A sampled frame with its signals, ranks, flaws and score. Pure.

In: looks of a title's samples and the settings of the selection. Out: `Rated` values. Refuses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from thumbnails.posters import flaws
from thumbnails.posters import scoring as score
from thumbnails.posters.gates import gates, is_card
from thumbnails.posters.selection_settings import Wishes
from thumbnails.reading.colour import Bgr
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.vision import similarity
from thumbnails.vision.black_bars import inside
from thumbnails.vision.boxes import ShareBox
from thumbnails.vision.frame_signals import Look, Signals, signals

CARD_COSTS = 0.2  # a card stands where there is little else


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """`ranks` and `flaws` are 0..1 by name; `fault` is what keeps it from being a poster; `full` its own pixels."""

    look: Look
    signals: Signals
    fault: str | None
    feature: similarity.Feature
    share: float
    ranks: dict[str, float]
    flaws: dict[str, float] = field(default_factory=dict)
    score: float
    full: Bgr | None = None


def rated(one: Rated, wishes: Wishes, motion: float = 0.0) -> Rated:
    """The sample with its score computed anew from its ranks and flaws."""
    worth = score.total(one.ranks, wishes.weights, share=one.share, cluster=wishes.cluster)
    worth += wishes.text * score.texts(one.signals.text)
    card = is_card(one.signals)
    if wishes.cards == "allowed" and card:
        worth -= CARD_COSTS
    # A slide that is wanted may be white, plain and grey.
    found = {} if wishes.cards == "wanted" and card else flaws.flaws(one.signals, motion)
    return replace(one, score=worth - flaws.cost(found), flaws=found)


def all_rated(looks: Sequence[Look], box: ShareBox, video: VideoFacts, wishes: Wishes) -> list[Rated]:
    """Every sample among its own title's, inside `box`."""
    measured = [signals(one, box) for one in looks]
    features = [similarity.feature(inside(one.small, box)) for one in looks]
    faults = gates(measured, cards=wishes.cards)
    ranks: list[dict[str, float]] = [{} for _ in looks]
    passed = [at for at, fault in enumerate(faults) if not fault] or list(range(len(looks)))
    for name in score.ENOUGH:
        values = [getattr(one, name) for one in measured]
        for own, rank in zip(ranks, score.ranks(name, values, [values[at] for at in passed]), strict=True):
            own[name] = rank
    for own, one in zip(ranks, looks, strict=True):
        own["position"] = score.position(float((one.time_s - video.start_s) / video.duration_s))
    together = zip(looks, measured, faults, features, similarity.shares(features), ranks, strict=True)
    return [
        rated(Rated(look=a, signals=b, fault=fault, feature=c, share=share, ranks=own, score=0.0), wishes)
        for a, b, fault, c, share, own in together
    ]
