"""What to measure of a title, and the argv of the one ffmpeg run that measures it. Pure.

In: an EncodePlan, the source's GOPs. Out: a `SamplePlan` that fits a tenth of the CPU expected of the encode, or
why there is none; its argv. One run reads all samples as one short film, encodes it at each (size, CRF), decodes that
again by ffmpeg's loopback decoder and scores it against the prepared picture. Nothing but texts is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import PurePath
from typing import Any

import ffmpeg

from core.media.crop import spliced
from transcode.encode.argv import prepared, rational
from transcode.pertitle.model import SAMPLE_OPTIONS, SAMPLE_PRESET
from transcode.plan.encode_plan import EncodePlan
from transcode.plan.rungs import VideoRung
from transcode.probe.sniff import DEMUXERS
from transcode.probe.source import Index, Source, SourceGop

BUDGET_SHARE = 0.10
# CPU milliseconds per megapixel, means of the core clips at CRF 25; a clip's own may be half or twice as much.
ENCODE_MS = {"superfast": 8, "veryfast": 11, "faster": 19, "fast": 23, "medium": 27, "slow": 34}
SLOWER_MS = 60
DECODE_MS, SCALE_MS, SCORE_MS = 3.3, 1.7, 24.0
TONE_MAP_MS = 60.0
START_MS, OPEN_MS = 150.0, 40.0  # a run; each sample in it
SMART_PIXELS = 1.55  # all rungs of a chosen ladder, in pixels of the top one

SUBSAMPLE = 5  # odd: x264's frame types repeat in twos and fours
# Shorter ones cost bits and quality that no title pays: 14 frames of bbb gave 2.6 VMAF less than in a GOP of 48.
SHORTEST_SAMPLE_S, LONGEST_ALL_S = Fraction(3, 4), 16
MOST_SAMPLES = 8
TOP_CRF, SMALLER_CRF, SECOND_TOP_CRF = 24, 26, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEncode:
    """One encode of all samples: its size in pixels and its CRF."""

    width: int
    height: int
    crf: int

    @property
    def short_side(self) -> int:
        return min(self.width, self.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """`starts_s` are on the upload's timeline; every sample has `sample_frames` output frames."""

    starts_s: tuple[Fraction, ...]
    sample_frames: int
    encodes: tuple[SampleEncode, ...]
    cpu_s: float  # expected of the analysis
    budget_s: float
    weight: float  # bits of the title per bits of the samples, as the source's own bytes say
    skipped: str | None = None  # why nothing is to be measured

    @property
    def frames(self) -> int:
        return len(self.starts_s) * self.sample_frames


def encode_cpu_s(plan: EncodePlan, source: Source) -> float:
    """CPU seconds the encode of a chosen ladder is expected to take."""
    top = _megapixels(plan.rungs[0])
    each_ms = _read_ms(plan, source) + SMART_PIXELS * top * (ENCODE_MS.get(plan.preset, SLOWER_MS) + SCALE_MS)
    return plan.frames * each_ms / 1000


def plan_samples(plan: EncodePlan, source: Source, index: Index | None) -> SamplePlan:
    """The most telling measurement within the budget."""
    budget_s = BUDGET_SHARE * encode_cpu_s(plan, source)
    encodes = _sample_encodes(plan.rungs)
    shortest = max(1, round(SHORTEST_SAMPLE_S * plan.frame_rate))
    # Each next encode is worth it once the samples are long enough: (encodes, least frames).
    for count in range(len(encodes), 0, -1):
        least = shortest * (1, 2, 5, 8)[count - 1]
        each_ms = _frame_ms(plan, source, encodes[:count])
        spare_ms = budget_s * 1000 - START_MS - 2 * OPEN_MS
        frames = min(int(spare_ms / each_ms), plan.frames // 2, round(LONGEST_ALL_S * plan.frame_rate))
        if frames >= least:
            starts_s, length, weight = _spread(plan, source, index, frames, shortest)
            cpu_s = (START_MS + OPEN_MS * len(starts_s) + each_ms * len(starts_s) * length) / 1000
            return SamplePlan(
                starts_s=starts_s,
                sample_frames=length,
                encodes=encodes[:count],
                cpu_s=cpu_s,
                budget_s=budget_s,
                weight=weight,
            )
    return SamplePlan(
        starts_s=(),
        sample_frames=0,
        encodes=(),
        cpu_s=0.0,
        budget_s=budget_s,
        weight=1.0,
        skipped=f"{float(SHORTEST_SAMPLE_S):g} s would cost more than a tenth of encoding it all",
    )


def _sample_encodes(rungs: Sequence[VideoRung]) -> tuple[SampleEncode, ...]:
    """Best information first: the top rung, how much size matters, how much CRF matters, a second smaller size."""
    top = rungs[0]
    sizes = [rung for rung in rungs[1:] if rung.short_side * 4 <= top.short_side * 3]
    half = min(sizes, key=lambda rung: abs(rung.short_side * 2 - top.short_side), default=None)
    large = max(sizes, key=lambda rung: rung.short_side, default=None)
    tried = [
        (top, TOP_CRF),
        (half, SMALLER_CRF),
        (top, SECOND_TOP_CRF),
        (large if large != half else None, SMALLER_CRF),
    ]
    return tuple(SampleEncode(width=rung.width, height=rung.height, crf=crf) for rung, crf in tried if rung is not None)


def _megapixels(size: VideoRung | SampleEncode) -> float:
    return size.width * size.height / 1e6


def _read_ms(plan: EncodePlan, source: Source) -> float:
    """CPU of decoding and preparing one output frame."""
    assert source.video is not None and plan.video is not None  # noqa: S101 - without video nothing is sampled
    per_output = float(max(Fraction(1), source.video.frame_rate / plan.frame_rate))
    decode = DECODE_MS * source.video.width * source.video.height / 1e6 * per_output
    return decode + _megapixels(plan.rungs[0]) * (SCALE_MS + (TONE_MAP_MS if plan.video.tone_map else 0.0))


def _frame_ms(plan: EncodePlan, source: Source, encodes: Sequence[SampleEncode]) -> float:
    reference = _megapixels(plan.rungs[0])
    each = sum(_megapixels(one) * (ENCODE_MS[SAMPLE_PRESET] + DECODE_MS) + reference * SCALE_MS for one in encodes)
    return _read_ms(plan, source) + each + len(encodes) * reference * SCORE_MS / SUBSAMPLE


def _spread(
    plan: EncodePlan, source: Source, index: Index | None, frames: int, shortest: int
) -> tuple[tuple[Fraction, ...], int, float]:
    """Starts, length and weight of samples at quantiles of the source's bytes per frame."""
    places = _places(plan, source, index)
    count = max(1, min(MOST_SAMPLES, len(places), frames // shortest))
    length = min(frames // count, plan.gop_frames)
    # Every moment of the title stands at its place by complexity; each sample speaks for an equal share of moments.
    ranked = sorted(places, key=lambda place: place.density)
    total = sum(place.frames for place in ranked)
    picked: list[_Place] = []
    for number in range(count):
        aim, passed = total * (2 * number + 1) / (2 * count), 0
        for place in ranked:
            passed += place.frames
            if passed >= aim and place not in picked:
                picked.append(place)
                break
    picked = picked or ranked[len(ranked) // 2 : len(ranked) // 2 + 1]
    everything = sum(place.density * place.frames for place in places) / max(1, total)
    sampled = sum(place.density for place in picked) / len(picked)
    weight = min(2.0, max(0.5, (everything / sampled) ** 0.8)) if everything and sampled else 1.0
    latest = plan.start_s + plan.duration_s - length / plan.frame_rate
    starts = sorted({max(plan.start_s, min(place.start_s, latest)) for place in picked})
    return tuple(starts), length, weight


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a sample may start, and the stretch it speaks for."""

    start_s: Fraction
    frames: int
    density: float  # source bytes per frame; 0 where unknown


def _places(plan: EncodePlan, source: Source, index: Index | None) -> list[_Place]:
    """The source's keyframes within the title, where reading costs nothing before the sample; else even places."""
    video = source.video
    assert video is not None  # noqa: S101 - see _read_ms
    end_s = plan.start_s + plan.duration_s
    places: list[_Place] = []
    for gop in index.gops if index else ():
        places.extend(_stretches(gop, video.start_s, video.duration_s / max(1, video.frames), plan.gop_frames))
    # The first second is often a black start; a sample wants half a second before the end.
    early = plan.start_s + (1 if plan.duration_s > 6 else 0)
    inside = [one for one in places if early <= one.start_s <= end_s - SHORTEST_SAMPLE_S]
    if len(inside) >= 2:
        return inside
    parts = MOST_SAMPLES
    return [
        _Place(start_s=plan.start_s + plan.duration_s * (2 * part + 1) / (2 * parts), frames=1, density=0.0)
        for part in range(parts)
    ]


def _stretches(gop: SourceGop, start_s: Fraction, frame_s: Fraction, longest: int) -> list[_Place]:
    """A long GOP is offered in its middle, too: what stands there is read from the keyframe on."""
    density = gop.bytes / max(1, gop.frames)
    at = [0] if gop.frames < 3 * longest else [0, gop.frames // 2]
    # A quarter of a frame late: a seek that rounds down would read the whole GOP before.
    return [
        _Place(
            start_s=start_s + (gop.frame + offset + Fraction(1, 4)) * frame_s,
            frames=gop.frames // len(at),
            density=density,
        )
        for offset in at
    ]


def score_file(number: int) -> str:
    return f"score{number}.json"


def size_file(number: int) -> str:
    return f"size{number}.txt"


def sample_argv(plan: EncodePlan, samples: SamplePlan, binary: str, source: PurePath) -> list[str]:
    """argv that writes `score_file` and `size_file` of every encode into the working directory.

    The size file has a line per packet, "bytes K" or "bytes N", K for a keyframe.
    """
    assert plan.video is not None  # noqa: S101 - see _read_ms
    length_s = samples.sample_frames / plan.frame_rate
    track = str(plan.video.index)
    parts = [
        ffmpeg.input(
            f"file:{source}",
            format=DEMUXERS[plan.container],
            protocol_whitelist="file,pipe",
            max_streams=64,
            ss=f"{float(start):.4f}",
            t=f"{float(length_s):.4f}",
        )[track]
        for start in samples.starts_s
    ]
    film = parts[0] if len(parts) == 1 else ffmpeg.concat(*parts, v=1, a=0)
    top = plan.rungs[0]
    # The samples are a film of their own that starts at 0.
    crop = plan.video.crop and spliced(plan.video.crop, samples.starts_s, length_s)
    picture = prepared(
        replace(plan, first_frame=0, video=replace(plan.video, crop=crop)),
        {track: film},
        first=0,
        end=samples.frames,
        size=(top.width, top.height),
    )
    copies = picture.filter_multi_output("split", 2 * len(samples.encodes))
    outputs = []
    for number, encode in enumerate(samples.encodes):
        mine = copies[2 * number]
        if (encode.width, encode.height) != (top.width, top.height):
            mine = mine.filter("scale", encode.width, encode.height, flags="bicubic")
        outputs.append(ffmpeg.output(mine, "-", **_encoder(plan, samples, encode, number)))
        outputs.append(ffmpeg.output(copies[2 * number + 1], f"reference{number}"))
    argv: list[str] = ffmpeg.merge_outputs(*outputs).compile(cmd=binary)
    argv, references = _taken_out(argv, len(samples.encodes))
    for number, reference in enumerate(references):
        argv += ["-dec", f"{number}:0"]
        graph = (
            f"[dec:{number}]settb={_frame_time(plan)},setpts=N,scale={top.width}:{top.height}:flags=bicubic[u{number}];"
            f"{reference}settb={_frame_time(plan)},setpts=N[r{number}];"
            f"[u{number}][r{number}]libvmaf=log_path={score_file(number)}:log_fmt=json:n_subsample={SUBSAMPLE}[v{number}]"
        )
        argv += ["-filter_complex", graph, "-map", f"[v{number}]", "-f", "null", "-"]
    return [argv[0], "-hide_banner", "-nostdin", "-nostats", "-benchmark", "-loglevel", "level+info", *argv[1:], "-y"]


def _encoder(plan: EncodePlan, samples: SamplePlan, encode: SampleEncode, number: int) -> dict[str, Any]:
    # One GOP per sample: the joins between samples are then where a title has its cuts.
    gop = min(plan.gop_frames, samples.sample_frames)
    return {
        "c:v": "libx264",
        "preset": SAMPLE_PRESET,
        "crf": encode.crf,
        "x264-params": ":".join(f"{key}={value}" for key, value in SAMPLE_OPTIONS.items()),
        "g": gop,
        "keyint_min": gop,
        "sc_threshold": 0,
        "flags": "+cgop",
        "fps_mode": "passthrough",
        "stats_enc_post": size_file(number),
        "stats_enc_post_fmt": "{size} {key}",
        "f": "null",
    }


def _taken_out(argv: list[str], count: int) -> tuple[list[str], list[str]]:
    """Without the outputs `reference0`...: their pads stay open, for the second graphs to take. -> argv, the pads."""
    pads = []
    for number in range(count):
        end = argv.index(f"reference{number}")
        words = argv[end - 2 : end]
        if words[0] != "-map":
            raise ValueError(f"unexpected words before an output: {words}")
        pads.append(words[1])
        argv = argv[: end - 2] + argv[end + 1 :]
    return argv, pads


def _frame_time(plan: EncodePlan) -> str:
    return rational(1 / plan.frame_rate)
