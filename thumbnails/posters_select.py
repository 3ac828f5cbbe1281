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

from thumbnails import diverse, sample, score
from thumbnails.bars import title_box
from thumbnails.edges import Box
from thumbnails.look import LONG_SIDE, look
from thumbnails.picture import Picture
from thumbnails.posters_wishes import Wishes
from thumbnails.rated import Rated, all_rated, rated
from thumbnails.reader import Frame, Reader
from thumbnails.reason import reason
from thumbnails.refine import AROUND_S, FULL_SIDE, at_its_best, width, with_face

WORSE = 0.35  # below the best: different, and yet nobody would choose it
APART_S, APART = 2.0, 0.04  # of the title: two of one look are at least so far from each other

# What of the signals is of use to who reads them.
TOLD = ("luma", "contrast", "sharpness", "noise", "exposure", "colour", "saliency", "text", "bars")


def nothing(fallback: str) -> dict[str, Any]:
    return {"candidates": [], "sampled": 0, "rejected": {}, "fallback": fallback}


def select(reader: Reader, picture: Picture, wishes: Wishes, folder: Path) -> dict[str, Any]:
    """The answer, and one file of raw BGR per candidate."""
    keys = reader.keyframe_times()
    looks = [look(frame.time_s, frame.pixels) for frame in _sampled(reader, picture, wishes, keys)]
    if not looks:
        return nothing("unreadable")
    box = title_box([one.small for one in looks])
    samples = all_rated(looks, box, picture, wishes)
    refined, stopped = _refined(reader, picture, wishes, samples, box, keys)
    faulty = [*(one for one in samples if one.fault), *stopped]
    fallback = "one_frame" if picture.frames <= 1 else None
    best = max((one.score for one in refined), default=0.0)
    near = [one for one in refined if one.score >= best - WORSE]
    chosen = _ordered(near, picture, wishes.candidates)
    if not chosen:
        fallback = fallback or "all_rejected"
        chosen = list(_least_bad(reader, picture, faulty, wishes))
    return {
        "candidates": [_written(one, number, wishes, folder) for number, one in enumerate(chosen, 1)],
        "sampled": len(looks),
        "rejected": dict(sorted(Counter(one.fault for one in faulty if one.fault).items())),
        "fallback": fallback if chosen else "unreadable",
    }


def _sampled(reader: Reader, picture: Picture, wishes: Wishes, keys: Sequence[Fraction]) -> Iterator[Frame]:
    wide = width(picture, LONG_SIDE)
    times = sample.keyframes(keys, picture, wishes.samples)
    seen: set[Fraction] = set()
    if len(times) >= sample.FEW_KEYFRAMES:
        for frame in reader.keyframes(times, wide):
            seen.add(frame.time_s)
            yield frame
    if seen:
        return
    spread = sample.between(keys, picture, wishes.samples, wishes.decode_frames)
    for _, group in groupby(spread, key=lambda time: bisect_right(keys, time)):
        for frame in reader.nearest(list(group), wide):
            if frame.time_s not in seen:
                seen.add(frame.time_s)
                yield frame


def _ordered(among: Sequence[Rated], picture: Picture, most: int) -> list[Rated]:
    apart_s = max(APART_S, float(picture.duration_s) * APART)
    order = diverse.ordered(
        [one.score for one in among],
        [one.feature for one in among],
        [float(one.look.time_s) for one in among],
        most,
        apart_s,
    )
    return [among[at] for at in order]


def _refined(
    reader: Reader, picture: Picture, wishes: Wishes, samples: Sequence[Rated], box: Box, keys: Sequence[Fraction]
) -> tuple[list[Rated], list[Rated]]:
    """The best of the samples at their best frame, and those that turned out to be in a fade or a dissolve."""
    good = [one for one in samples if not one.fault]
    likely = [rated(with_face(one), wishes) for one in _ordered(good, picture, wishes.refine * 3 // 2)]
    usual = sorted(one.signals.sharpness for one in good)
    waiting = sorted(likely, key=lambda each: (-each.score, each.look.time_s))
    refined: dict[Fraction, Rated] = {}
    stopped, tries = list[Rated](), wishes.refine * 2
    while waiting and tries > 0 and len(refined) < wishes.refine:
        lacking = min(tries, wishes.refine - len(refined))
        tries -= lacking
        # In the order of time: frames of one GOP are decoded in one go.
        for one in sorted(waiting[:lacking], key=lambda each: each.look.time_s):
            best = at_its_best(reader, picture, wishes, one, box, keys, usual)
            if not best.fault:
                refined.setdefault(best.look.time_s, best)
                continue
            stopped.append(best)
            if other := _another(one, good, (*likely, *stopped)):
                waiting.append(rated(with_face(other), wishes))
        waiting = waiting[lacking:]
    return list(refined.values()), stopped


def _another(stopped: Rated, good: Sequence[Rated], tried: Sequence[Rated]) -> Rated | None:
    """The best sample that looks like one that cannot be taken, and is not beside it."""
    times = [one.look.time_s for one in tried]
    others = [
        one
        for one in good
        if float(one.feature @ stopped.feature) > diverse.ALIKE
        and all(abs(one.look.time_s - time_s) > AROUND_S for time_s in times)
    ]
    return max(others, key=lambda one: (one.score, -one.look.time_s), default=None)


def _least_bad(reader: Reader, picture: Picture, faulty: Sequence[Rated], wishes: Wishes) -> Iterator[Rated]:
    """Where nothing passed: in the order of what is wrong, then of score."""
    gentle = ("card", "blurred", "bars", "dissolve", "fade", "one_tone", "test_card", "flat", "white", "black")
    ranked = sorted(
        faulty,
        key=lambda one: (gentle.index(one.fault) if one.fault in gentle else 9, -one.score, one.look.time_s),
    )
    for one in ranked[: wishes.candidates]:
        frame = reader.at(one.look.time_s, width(picture, FULL_SIDE))
        if frame is not None:
            yield replace(one, full=frame.pixels, look=replace(one.look, time_s=frame.time_s))


def _written(one: Rated, number: int, wishes: Wishes, folder: Path) -> dict[str, Any]:
    pixels = one.full
    assert pixels is not None  # noqa: S101 - whoever chose it read it at full size
    name = f"candidate-{number}.bgr"
    (folder / name).write_bytes(pixels.tobytes())
    measured = {name: float(value) for name, value in asdict(one.signals).items() if name in TOLD}
    ranks = {f"{name}_rank": rank for name, rank in one.ranks.items()}
    why = reason(
        one.ranks,
        wishes.weights,
        flaws=one.flaws,
        luma=one.signals.luma,
        share=one.share,
        text=score.texts(one.signals.text),
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
