"""Frames of one file -> candidates for its poster, best first. Runs inside the sandbox only.

In: an open Reader and wishes. Out: plain values for JSON, and raw pixels in a folder. The order: sample, gate, score
within the title, look at the best frame by frame, take ones that differ. Refuses nothing: where no frame passes, the
least bad ones are taken and say so.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

from thumbnails.posters import sampling, scoring
from thumbnails.posters.rated import Rated, all_rated, rated
from thumbnails.posters.reason import reason
from thumbnails.posters.refine import FULL_SIDE, at_its_best, width, with_face
from thumbnails.posters.selection_settings import Wishes
from thumbnails.reading.reader import Frame, Reader
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.vision import similarity
from thumbnails.vision.black_bars import title_box
from thumbnails.vision.boxes import ShareBox
from thumbnails.vision.frame_signals import LONG_SIDE, look

WORSE = 0.35  # below the best: different, and yet nobody would choose it
APART_S, APART = 2.0, 0.04  # of the title: two of one look are at least so far from each other

# The signals that an answer reports.
REPORTED = ("luma", "contrast", "sharpness", "noise", "exposure", "colour", "saliency", "text", "bars")


def nothing(fallback: str) -> dict[str, Any]:
    """The answer of a selection that found no candidate; `fallback` says why."""
    return {"candidates": [], "sampled": 0, "rejected": {}, "fallback": fallback}


def select(reader: Reader, video: VideoFacts, wishes: Wishes, folder: Path) -> dict[str, Any]:
    """The answer, and one file of raw BGR per candidate."""
    keys = reader.keyframe_times()
    looks = [look(frame.time_s, frame.pixels) for frame in _sampled(reader, video, wishes, keys)]
    if not looks:
        return nothing("unreadable")
    box = title_box([one.small for one in looks])
    samples = all_rated(looks, box, video, wishes)
    refined, stopped = _refined(reader, video, wishes, samples, box, keys)
    faulty = [*(one for one in samples if one.fault), *stopped]
    fallback = "one_frame" if video.frames <= 1 else None
    best = max((one.score for one in refined), default=0.0)
    near = [one for one in refined if one.score >= best - WORSE]
    chosen = _ordered(near, wishes.candidates, _apart_s(video))
    if not chosen:
        fallback = fallback or "all_rejected"
        chosen = list(_least_bad(reader, video, faulty, wishes))
    return {
        "candidates": [_written(one, number, wishes, folder) for number, one in enumerate(chosen, 1)],
        "sampled": len(looks),
        "rejected": dict(sorted(Counter(one.fault for one in faulty if one.fault).items())),
        "fallback": fallback if chosen else "unreadable",
    }


def _sampled(reader: Reader, video: VideoFacts, wishes: Wishes, keys: Sequence[Fraction]) -> Iterator[Frame]:
    wide = width(video, LONG_SIDE)
    times = sampling.keyframes(keys, video, wishes.samples)
    seen: set[Fraction] = set()
    if len(times) >= sampling.FEW_KEYFRAMES:
        for frame in reader.keyframes(times, wide):
            seen.add(frame.time_s)
            yield frame
    if seen:
        return
    spread = sampling.between(keys, video, wishes.samples, wishes.decode_frames)
    for _, group in groupby(spread, key=lambda time: bisect_right(keys, time)):
        for frame in reader.nearest(list(group), wide):
            if frame.time_s not in seen:
                seen.add(frame.time_s)
                yield frame


def _seen(one: Rated) -> similarity.Seen:
    return similarity.Seen(feature=one.feature, time_s=float(one.look.time_s))


def _ordered(among: Sequence[Rated], most: int, apart_s: float) -> list[Rated]:
    order = similarity.ordered([one.score for one in among], [_seen(one) for one in among], most, apart_s)
    return [among[at] for at in order]


def _refined(
    reader: Reader, video: VideoFacts, wishes: Wishes, samples: Sequence[Rated], box: ShareBox, keys: Sequence[Fraction]
) -> tuple[list[Rated], list[Rated]]:
    """The best of the samples at their best frame, and those that turned out to be in a fade or a dissolve."""
    left = [one for one in samples if not one.fault]
    usual = sorted(one.signals.sharpness for one in left)
    apart_s = _apart_s(video)
    refined: dict[Fraction, Rated] = {}
    stopped, tries = list[Rated](), wishes.refine * 3 // 2
    # What is stopped leaves its look to another sample, until there are enough.
    while (lacking := min(tries, wishes.refine - len(refined))) > 0:
        taken = [_seen(one) for one in refined.values()]
        left = [one for one in left if not similarity.repeats(_seen(one), taken, apart_s)]
        likely = [rated(with_face(one), wishes) for one in _ordered(left, lacking * 3 // 2, apart_s)]
        tried = sorted(likely, key=lambda each: (-each.score, each.look.time_s))[:lacking]
        if not tried:
            break
        tries -= len(tried)
        left = [one for one in left if all(one.look.time_s != other.look.time_s for other in tried)]
        # In the order of time: frames of one GOP are decoded in one go.
        for one in sorted(tried, key=lambda each: each.look.time_s):
            best = at_its_best(reader, video, wishes, one, box, keys, usual)
            if best.fault:
                stopped.append(best)
            else:
                refined.setdefault(best.look.time_s, best)
    return list(refined.values()), stopped


def _apart_s(video: VideoFacts) -> float:
    return max(APART_S, float(video.duration_s) * APART)


def _least_bad(reader: Reader, video: VideoFacts, faulty: Sequence[Rated], wishes: Wishes) -> Iterator[Rated]:
    """Where nothing passed: in the order of what is wrong, then of score; none twice."""
    gentle = (
        *("card", "blurred", "shaken", "bars", "dissolve", "fade"),
        *("one_tone", "test_card", "flat", "white", "black"),
    )
    ranked = sorted(
        faulty,
        key=lambda one: (gentle.index(one.fault) if one.fault in gentle else 99, -one.score, one.look.time_s),
    )
    order = _ordered(
        [replace(one, score=-float(at)) for at, one in enumerate(ranked)], wishes.candidates, _apart_s(video)
    )
    for one in order:
        frame = reader.at(one.look.time_s, width(video, FULL_SIDE))
        if frame is not None:
            yield replace(one, full=frame.pixels, look=replace(one.look, time_s=frame.time_s))


def _written(one: Rated, number: int, wishes: Wishes, folder: Path) -> dict[str, Any]:
    pixels = one.full
    assert pixels is not None  # noqa: S101 - whoever chose it read it at full size
    name = f"candidate-{number}.bgr"
    (folder / name).write_bytes(pixels.tobytes())
    measured = {name: float(value) for name, value in asdict(one.signals).items() if name in REPORTED}
    ranks = {f"{name}_rank": rank for name, rank in one.ranks.items()}
    why = reason(
        one.ranks,
        wishes.weights,
        flaws=one.flaws,
        luma=one.signals.luma,
        share=one.share,
        text=scoring.texts(one.signals.text),
        likes_text=wishes.text > 0,
        fault=one.fault,
    )
    return {
        "time_s": str(one.look.time_s),
        "score": round(one.score, 4),
        "signals": {name: round(value, 4) for name, value in {**measured, **ranks, "share": one.share}.items()},
        "reason": why,
        "file": name,
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "low_confidence": one.fault is not None,
    }
