"""Which samples of a title to measure, and the argv of the ffmpeg run that measures them. Pure.

In: an EncodePlan, the source's GOPs. Out: a `SamplePlan` that fits a tenth of the CPU expected of the encode (a quarter
where the clip is short), or why there is none; its argv. One run joins all samples, encodes them at each (size, CRF),
decodes that with ffmpeg's loopback decoder and scores it against the filtered source. Only scores and packet sizes are
written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import PurePath
from typing import Any

import ffmpeg

from core.media.crop import spliced
from core.media.upload_limits import INPUT_LIMITS, PROGRAM_LIMITS
from transcode.encode.argv import cropping, in_one_form, prepared, rational
from transcode.encode.graphs import separate_graphs
from transcode.pertitle.model import SAMPLE_OPTIONS, SAMPLE_PRESET
from transcode.plan.encode_plan import EncodePlan
from transcode.plan.rungs import VideoRung
from transcode.probe.sniff import DEMUXERS
from transcode.probe.source import Index, Source, SourceGop

BUDGET_SHARE = 0.10
SHORT_BUDGET_SHARE = 0.25  # where a tenth pays for nothing: a ladder that was never measured costs more than this
# CPU milliseconds per megapixel, means of the core clips at CRF 25; a clip's own may be half or twice as much.
ENCODE_MS = {"superfast": 8, "veryfast": 11, "faster": 19, "fast": 23, "medium": 27, "slow": 34}
SLOWER_MS = 60
DECODE_MS, SCALE_MS, SCORE_MS = 3.3, 1.7, 24.0
TONE_MAP_MS = 60.0
START_MS, OPEN_MS = 150.0, 40.0  # per run; per sample
SMART_PIXELS = 1.55  # pixels of all rungs of a chosen ladder, relative to the top rung

SUBSAMPLE = 5  # odd: x264's frame types repeat in twos and fours
# Shorter samples are not representative: 14 frames of bbb gave 2.6 VMAF less than in a GOP of 48.
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
    """Samples to encode: `starts_s` are on the upload's timeline, each sample has `sample_frames` output frames."""

    starts_s: tuple[Fraction, ...]
    sample_frames: int
    encodes: tuple[SampleEncode, ...]
    cpu_s: float  # expected of the analysis
    budget_s: float
    weight: float  # bit rate of the title relative to the samples, estimated from the source's packet sizes
    skipped: str | None = None  # why nothing is to be measured

    @property
    def frames(self) -> int:
        return len(self.starts_s) * self.sample_frames


def encode_cpu_s(plan: EncodePlan, source: Source) -> float:
    """Expected CPU seconds of encoding a chosen ladder."""
    top = _megapixels(plan.rungs[0])
    each_ms = _read_ms(plan, source) + SMART_PIXELS * top * (ENCODE_MS.get(plan.preset, SLOWER_MS) + SCALE_MS)
    return plan.frames * each_ms / 1000


def plan_samples(plan: EncodePlan, source: Source, index: Index | None) -> SamplePlan:
    """The most informative samples and encodes within the CPU budget; `skipped` says why there are none."""
    encode_s = encode_cpu_s(plan, source)
    encodes = _sample_encodes(plan.rungs)
    shortest = max(1, round(SHORTEST_SAMPLE_S * plan.frame_rate))
    # One more encode pays only with longer samples: minimum frames by number of encodes.
    most = min(plan.shown_frames // 2, round(LONGEST_ALL_S * plan.frame_rate))
    tries = [(count, BUDGET_SHARE, shortest * (1, 2, 5, 8)[count - 1], most) for count in range(len(encodes), 0, -1)]
    short = min(shortest, plan.shown_frames)
    for count, share, least, most in (*tries, (1, SHORT_BUDGET_SHARE, short, short)):
        each_ms = _frame_ms(plan, source, encodes[:count])
        spare_ms = share * encode_s * 1000 - START_MS - 2 * OPEN_MS
        frames = min(int(spare_ms / each_ms), most)
        if frames >= least:
            starts_s, length, weight = _pick_samples(plan, source, index, frames, shortest)
            cpu_s = (START_MS + OPEN_MS * len(starts_s) + each_ms * len(starts_s) * length) / 1000
            return SamplePlan(
                starts_s=starts_s,
                sample_frames=length,
                encodes=encodes[:count],
                cpu_s=cpu_s,
                budget_s=share * encode_s,
                weight=weight,
            )
    return SamplePlan(
        starts_s=(),
        sample_frames=0,
        encodes=(),
        cpu_s=0.0,
        budget_s=SHORT_BUDGET_SHARE * encode_s,
        weight=1.0,
        skipped=f"{float(SHORTEST_SAMPLE_S):g} s would cost more than a quarter of encoding it all",
    )


def _sample_encodes(rungs: Sequence[VideoRung]) -> tuple[SampleEncode, ...]:
    """Encodes by information gained: the top rung, the effect of size, the effect of CRF, a second smaller size."""
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
    """CPU milliseconds for decoding and filtering one output frame."""
    assert source.video is not None and plan.video is not None  # noqa: S101 - without video nothing is sampled
    per_output = float(max(Fraction(1), source.video.frame_rate / plan.frame_rate))
    decode = DECODE_MS * source.video.width * source.video.height / 1e6 * per_output
    return decode + _megapixels(plan.rungs[0]) * (SCALE_MS + (TONE_MAP_MS if plan.video.tone_map else 0.0))


def _frame_ms(plan: EncodePlan, source: Source, encodes: Sequence[SampleEncode]) -> float:
    reference = _megapixels(plan.rungs[0])
    each = sum(
        _megapixels(encode) * (ENCODE_MS[SAMPLE_PRESET] + DECODE_MS) + reference * SCALE_MS for encode in encodes
    )
    return _read_ms(plan, source) + each + len(encodes) * reference * SCORE_MS / SUBSAMPLE


def _pick_samples(
    plan: EncodePlan, source: Source, index: Index | None, frames: int, shortest: int
) -> tuple[tuple[Fraction, ...], int, float]:
    """Starts, length and weight of samples at quantiles of the source's bytes per frame."""
    starts = _possible_starts(plan, source, index)
    count = max(1, min(MOST_SAMPLES, len(starts), frames // shortest))
    length = min(frames // count, plan.gop_frames)
    # Possible starts are ranked by complexity; each sample represents an equal share of the title.
    ranked = sorted(starts, key=lambda start: start.density)
    total = sum(start.frames for start in ranked)
    picked: list[_Start] = []
    for number in range(count):
        aim, passed = total * (2 * number + 1) / (2 * count), 0
        for start in ranked:
            passed += start.frames
            if passed >= aim and start not in picked:
                picked.append(start)
                break
    picked = picked or ranked[len(ranked) // 2 : len(ranked) // 2 + 1]
    everything = sum(start.density * start.frames for start in starts) / max(1, total)
    sampled = sum(start.density for start in picked) / len(picked)
    weight = min(2.0, max(0.5, (everything / sampled) ** 0.8)) if everything and sampled else 1.0
    latest = plan.start_s + (plan.shown_frames - length) / plan.frame_rate
    starts_s = sorted({max(plan.start_s, min(start.start_s, latest)) for start in picked})
    return tuple(starts_s), length, weight


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """A possible start of a sample, and the number of frames it represents."""

    start_s: Fraction
    frames: int
    density: float  # source bytes per frame; 0 where unknown


def _possible_starts(plan: EncodePlan, source: Source, index: Index | None) -> list[_Start]:
    """The source's keyframes within the title, where nothing before the sample must be decoded; else even spacing."""
    video = source.video
    assert video is not None  # noqa: S101 - see _read_ms
    # The picture may end long before the sound: there is nothing to sample where its last frame stands.
    end_s = plan.start_s + plan.shown_frames / plan.frame_rate
    starts: list[_Start] = []
    for gop in index.gops if index else ():
        starts.extend(_stretches(gop, video.start_s, video.duration_s / max(1, video.frames), plan.gop_frames))
    # The first second is often black; a sample needs SHORTEST_SAMPLE_S before the end.
    early = plan.start_s + (1 if plan.duration_s > 6 else 0)
    inside = [start for start in starts if early <= start.start_s <= end_s - SHORTEST_SAMPLE_S]
    if len(inside) >= 2:
        return inside
    parts = MOST_SAMPLES
    return [
        _Start(start_s=plan.start_s + (end_s - plan.start_s) * (2 * part + 1) / (2 * parts), frames=1, density=0.0)
        for part in range(parts)
    ]


def _stretches(gop: SourceGop, start_s: Fraction, frame_s: Fraction, longest: int) -> list[_Start]:
    """Possible starts in a GOP: its keyframe and, in a long GOP, its middle, which is decoded from the keyframe on."""
    density = gop.bytes / max(1, gop.frames)
    at = [0] if gop.frames < 3 * longest else [0, gop.frames // 2]
    # A quarter of a frame late: a seek that rounds down would read the whole GOP before.
    return [
        _Start(
            start_s=start_s + (gop.frame + offset + Fraction(1, 4)) * frame_s,
            frames=gop.frames // len(at),
            density=density,
        )
        for offset in at
    ]


def score_file(number: int) -> str:
    """Name of the JSON file with the VMAF scores of an encode."""
    return f"score{number}.json"


def size_file(number: int) -> str:
    """Name of the text file with the packet sizes of an encode."""
    return f"size{number}.txt"


def sample_argv(plan: EncodePlan, samples: SamplePlan, binary: str, source: PurePath) -> list[str]:
    """argv that writes `score_file` and `size_file` of every encode into the working directory.

    The size file has a line per packet, "bytes K" or "bytes N", K for a keyframe.
    """
    assert plan.video is not None  # noqa: S101 - see _read_ms
    length_s = samples.sample_frames / plan.frame_rate
    top = plan.rungs[0]
    size = (top.width, top.height)
    parts = [
        in_one_form(
            plan,
            ffmpeg.input(
                f"file:{source}",
                format=DEMUXERS[plan.container],
                **INPUT_LIMITS,
                **cropping(plan),
                ss=f"{float(start):.4f}",
                t=f"{float(length_s):.4f}",
                # One graph for all samples: it must not start again where the form of one changes.
                reinit_filter=0,
            ),
            size,
        )
        for start in samples.starts_s
    ]
    joined = parts[0] if len(parts) == 1 else ffmpeg.concat(*parts, v=1, a=0)
    # The joined samples have their own timeline, which starts at 0.
    crop = plan.video.crop and spliced(plan.video.crop, samples.starts_s, length_s)
    video = prepared(
        replace(plan, first_frame=0, video=replace(plan.video, crop=crop)),
        joined.filter("tpad", stop_mode="clone", stop=-1),
        first=0,
        end=samples.frames,
        size=size,
    )
    copies = video.filter_multi_output("split", 2 * len(samples.encodes))
    outputs = []
    for number, encode in enumerate(samples.encodes):
        copy = copies[2 * number]
        if (encode.width, encode.height) != (top.width, top.height):
            copy = copy.filter("scale", encode.width, encode.height, flags="bicubic")
        outputs.append(ffmpeg.output(copy, "-", **_encoder(plan, samples, encode, number)))
        outputs.append(ffmpeg.output(copies[2 * number + 1], f"reference{number}"))
    argv = separate_graphs(ffmpeg.merge_outputs(*outputs).compile(cmd=binary))
    argv, references = _without_references(argv, len(samples.encodes))
    for number, reference in enumerate(references):
        argv += ["-dec", f"{number}:0"]
        graph = (
            f"[dec:{number}]settb={_frame_time(plan)},setpts=N,scale={top.width}:{top.height}:flags=bicubic[u{number}];"
            f"{reference}settb={_frame_time(plan)},setpts=N[r{number}];"
            f"[u{number}][r{number}]libvmaf=log_path={score_file(number)}:log_fmt=json:n_subsample={SUBSAMPLE}[v{number}]"
        )
        argv += ["-filter_complex", graph, "-map", f"[v{number}]", "-f", "null", "-"]
    return [
        argv[0],
        "-hide_banner",
        "-nostdin",
        "-nostats",
        "-benchmark",
        "-loglevel",
        "level+info",
        *PROGRAM_LIMITS,
        *argv[1:],
        "-y",
    ]


def _encoder(plan: EncodePlan, samples: SamplePlan, encode: SampleEncode, number: int) -> dict[str, Any]:
    # One GOP per sample, so that keyframes fall on the joins between samples.
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


def _without_references(argv: list[str], count: int) -> tuple[list[str], list[str]]:
    """(argv without the outputs `reference0`..., their filter pads): the scoring graphs take the open pads."""
    pads = []
    for number in range(count):
        end = argv.index(f"reference{number}")
        arguments = argv[end - 2 : end]
        if arguments[0] != "-map":
            raise ValueError(f"unexpected arguments before an output: {arguments}")
        pads.append(arguments[1])
        argv = argv[: end - 2] + argv[end + 1 :]
    return argv, pads


def _frame_time(plan: EncodePlan) -> str:
    return rational(1 / plan.frame_rate)
