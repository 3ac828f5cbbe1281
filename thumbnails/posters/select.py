"""Frames of one file -> candidates for its poster, best first. Runs inside the sandbox only.

In: an open Reader and SelectionSettings. Out: plain values for JSON, and raw pixels in a folder. The order: sample,
gate, score within the title, refine the best frame by frame, take ones that differ. Refuses nothing: where no frame
passes, the least bad ones are taken and marked low_confidence.
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
from thumbnails.posters.picture_signs import picture_signs
from thumbnails.posters.rated import RatedSample, rate_all, with_score
from thumbnails.posters.reason import in_words, reasons
from thumbnails.posters.refine import FULL_SIDE, refine_sample, width, with_face
from thumbnails.posters.selection_settings import SelectionSettings
from thumbnails.reading.reader import Frame, Reader
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.vision import similarity
from thumbnails.vision.black_bars import title_box
from thumbnails.vision.boxes import ShareBox
from thumbnails.vision.frame_signals import LONG_SIDE, frame_sample

WORSE = 0.35  # below the best: different, and yet nobody would choose it
APART_S, APART = 2.0, 0.04  # of the title: two of one look are at least so far from each other
LEAST_CANDIDATES, CANDIDATES_PER_S = 2, Fraction(1, 6)

# The signals that an answer reports.
REPORTED = ("luma", "contrast", "sharpness", "noise", "exposure", "colour", "saliency", "text", "bars")


def nothing(fallback: str) -> dict[str, Any]:
    """The answer of a selection that found no candidate; `fallback` says why."""
    return {"candidates": [], "sampled": 0, "rejected": {}, "fallback": fallback}


def select(reader: Reader, video: VideoFacts, settings: SelectionSettings, folder: Path) -> dict[str, Any]:
    """The answer as JSON values; writes one file of raw BGR per candidate into `folder`."""
    settings = _in_proportion(settings, video)
    keys = reader.keyframe_times()
    frame_samples = [frame_sample(frame.time_s, frame.pixels) for frame in _sampled(reader, video, settings, keys)]
    if not frame_samples:
        return nothing("unreadable")
    box = title_box([one.small for one in frame_samples])
    samples = rate_all(frame_samples, box, video, settings)
    refined, stopped = _refined(reader, video, settings, samples, box, keys)
    faulty = [*(one for one in samples if one.fault), *stopped]
    fallback = "one_frame" if video.frames <= 1 else None
    best = max((one.score for one in refined), default=0.0)
    near = [one for one in refined if one.score >= best - WORSE]
    candidates = _ordered(near, settings.candidates, _apart_s(video))
    if not candidates:
        fallback = fallback or "all_rejected"
        candidates = list(_least_bad(reader, video, faulty, settings))
    return {
        "candidates": [_written(one, number, settings, folder) for number, one in enumerate(candidates, 1)],
        "sampled": len(frame_samples),
        "rejected": dict(sorted(Counter(one.fault for one in faulty if one.fault).items())),
        "fallback": fallback if candidates else "unreadable",
        "picture": asdict(picture_signs(samples, [*refined, *stopped], video, box)),
    }


def _in_proportion(settings: SelectionSettings, video: VideoFacts) -> SelectionSettings:
    """A clip of a few seconds has no five different pictures."""
    most = LEAST_CANDIDATES + int(video.duration_s * CANDIDATES_PER_S)
    return replace(settings, candidates=min(settings.candidates, most), refine=min(settings.refine, most + 1))


def _sampled(
    reader: Reader, video: VideoFacts, settings: SelectionSettings, keys: Sequence[Fraction]
) -> Iterator[Frame]:
    wide = width(video, LONG_SIDE)
    seen_times: set[Fraction] = set()
    if len(keys) >= sampling.enough_keyframes(video):
        for frame in reader.keyframes(sampling.keyframes(keys, video, settings.samples), wide):
            seen_times.add(frame.time_s)
            yield frame
    if seen_times:
        return
    spread = sampling.between(keys, video, settings.samples, settings.decode_frames)
    for _, group in groupby(spread, key=lambda time: bisect_right(keys, time)):
        for frame in reader.nearest(list(group), wide):
            if frame.time_s not in seen_times:
                seen_times.add(frame.time_s)
                yield frame


def _compared(sample: RatedSample) -> similarity.ComparedFrame:
    return similarity.ComparedFrame(feature=sample.feature, time_s=float(sample.frame.time_s))


def _ordered(samples: Sequence[RatedSample], most: int, apart_s: float) -> list[RatedSample]:
    order = similarity.ordered(
        [sample.score for sample in samples], [_compared(sample) for sample in samples], most, apart_s
    )
    return [samples[at] for at in order]


def _refined(
    reader: Reader,
    video: VideoFacts,
    settings: SelectionSettings,
    samples: Sequence[RatedSample],
    box: ShareBox,
    keys: Sequence[Fraction],
) -> tuple[list[RatedSample], list[RatedSample]]:
    """The best of the samples at their best frame, and those that turned out to be in a fade or a dissolve."""
    left = [sample for sample in samples if not sample.fault]
    title_sharpness = sorted(sample.signals.sharpness for sample in left)
    apart_s = _apart_s(video)
    refined: dict[Fraction, RatedSample] = {}
    stopped, tries = list[RatedSample](), settings.refine * 3 // 2
    # A sample that is stopped makes way for a similar one, until there are enough.
    while (lacking := min(tries, settings.refine - len(refined))) > 0:
        refined_frames = [_compared(sample) for sample in refined.values()]
        left = [sample for sample in left if not similarity.repeats(_compared(sample), refined_frames, apart_s)]
        likely = [with_score(with_face(sample), settings) for sample in _ordered(left, lacking * 3 // 2, apart_s)]
        tried = sorted(likely, key=lambda each: (-each.score, each.frame.time_s))[:lacking]
        if not tried:
            break
        tries -= len(tried)
        left = [
            sample
            for sample in left
            if all(sample.frame.time_s != refined_sample.frame.time_s for refined_sample in tried)
        ]
        # In the order of time: frames of one GOP are decoded in one go.
        for sample in sorted(tried, key=lambda each: each.frame.time_s):
            best = refine_sample(reader, video, settings, sample, box, keys, title_sharpness)
            if best.fault:
                stopped.append(best)
            else:
                refined.setdefault(best.frame.time_s, best)
    return list(refined.values()), stopped


def _apart_s(video: VideoFacts) -> float:
    return max(APART_S, float(video.duration_s) * APART)


def _least_bad(
    reader: Reader, video: VideoFacts, faulty: Sequence[RatedSample], settings: SelectionSettings
) -> Iterator[RatedSample]:
    """Where nothing passed: in the order of what is wrong, then of score; none twice."""
    gentle = (
        *("card", "blurred", "shaken", "bars", "dissolve", "fade"),
        *("one_tone", "test_card", "flat", "white", "black"),
    )
    ranked = sorted(
        faulty,
        key=lambda sample: (
            gentle.index(sample.fault) if sample.fault in gentle else 99,
            -sample.score,
            sample.frame.time_s,
        ),
    )
    order = _ordered(
        [replace(sample, score=-float(at)) for at, sample in enumerate(ranked)], settings.candidates, _apart_s(video)
    )
    for sample in order:
        frame = reader.at(sample.frame.time_s, width(video, FULL_SIDE))
        if frame is not None:
            yield replace(sample, full=frame.pixels, frame=replace(sample.frame, time_s=frame.time_s))


def _written(sample: RatedSample, number: int, settings: SelectionSettings, folder: Path) -> dict[str, Any]:
    pixels = sample.full
    assert pixels is not None  # noqa: S101 - whoever chose it read it at full size
    name = f"candidate-{number}.bgr"
    (folder / name).write_bytes(pixels.tobytes())
    measured = {name: float(value) for name, value in asdict(sample.signals).items() if name in REPORTED}
    ranks = {f"{name}_rank": rank for name, rank in sample.ranks.items()}
    why = reasons(
        sample.ranks,
        settings.weights,
        flaws=sample.flaws,
        luma=sample.signals.luma,
        share=sample.share,
        text=scoring.text_score(sample.signals.text),
        likes_text=settings.text > 0,
        fault=sample.fault,
    )
    return {
        "time_s": str(sample.frame.time_s),
        "score": round(sample.score, 4),
        "signals": {name: round(value, 4) for name, value in {**measured, **ranks, "share": sample.share}.items()},
        "reason": in_words(why),
        "reasons": why,
        "file": name,
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "low_confidence": sample.fault is not None,
    }
