"""Per-title analysis, the pure part: measured points -> a model of this title -> which rungs, at which CRF.

In: `Point`s measured on samples, the rungs of the plan, the effort. Out: a `Choice`
for each rung to encode and a `Dropped` for each redundant rung, both with a reason. Refuses nothing.

Two quantities are linear in CRF and in octaves below the full size: the logarithm of the bit rate, and the logit of
VMAF. Each is a line with a prior for its three numbers; every measured point corrects them (Bayesian regression). VMAF
is always measured at min(1080p, source size), with smaller rungs scaled up by a bicubic filter.

Numbers of PRIOR_*, PRESET_* and their spreads: 3 s of each of eight core clips (bbb 1080p24, tears, head, screencast,
sintel 30, cups, slides, elephantsdream), x264 at CRF 22, 25, 28 and one to three smaller sizes, ffmpeg 9.0:
  ffmpeg -i clip.nut -vf scale=W:H:flags=bicubic -c:v libx264 -preset P -crf C -g 60 -keyint_min 60 \\
    -sc_threshold 0 x.mp4
  ffmpeg -i x.mp4 -i clip.nut -filter_complex "[0]scale=FULL:flags=bicubic[a];[a][1]libvmaf=n_subsample=3" -f null -
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from presets.effort import Effort
from transcode.plan.rungs import VideoRung

CRF_MIDDLE = 25.0
CRF_LOWEST, CRF_HIGHEST, CRF_STEP = 17.0, 34.0, 0.5
TOP_CRF_HIGHEST = 30.0  # however well a static video scores: moving parts must not smear

TARGET = {Effort.ECONOMY: 93.5, Effort.BALANCED: 94.5, Effort.QUALITY: 95.0}
TARGET_P1, P1_WORTH_CRF = 88.0, 2.0  # bad moments may lower the CRF by this much, no more
STEP_RATIO = {Effort.ECONOMY: 2.6, Effort.BALANCED: 2.5, Effort.QUALITY: 2.2}
# Netflix's just noticeable difference is 6; with 5, a gap of 10 still gets a rung in its middle, which many links need.
SMALLEST_RATIO, SMALLEST_VMAF_STEP = 1.5, 5.0
LOW_BPS, FLOOR_BPS = (
    365_000,
    150_000,
)  # what poor links carry: of no ladder, though 365 is also a cap of the default one
SMALLER_IS_AS_GOOD = 0.7  # VMAF: of two sizes this close at a bit rate, the smaller costs less CPU
HALF_RATE_BITS = 0.75  # every second frame: fewer, but each farther from the last (an estimate)

SAMPLE_PRESET = "veryfast"
# As the encode has them. trellis=1: 3 to 11 % fewer bytes at equal VMAF, 0 to 4 % by XPSNR, for 4 % of CPU. aq-mode=2:
# 2 to 30 % fewer by VMAF, 10 % fewer to 4 % more by XPSNR, equal PSNR, no more banding (CAMBI), for 3 % of CPU.
SAMPLE_OPTIONS = {"trellis": "1", "aq-mode": "2"}
# At equal CRF against the samples' encoder: log2 of the bytes, logit of VMAF (without aq-mode). Both spread by 0.1.
PRESET_BITS = {"veryfast": 0.0, "faster": 0.19, "fast": 0.25, "medium": 0.21, "slow": 0.15}
PRESET_LOGIT = {"veryfast": 0.0, "faster": 0.25, "fast": 0.36, "medium": 0.41, "slow": 0.42}
PRESET_SPREAD = 0.1


class Line(NamedTuple):
    """y = at + per_crf (crf - 25) + per_octave x octaves below full size, with the covariance of the three numbers.

    Coordinates of a prediction are (1, crf - 25, octaves).
    """

    mean: tuple[float, float, float]
    spread: tuple[tuple[float, ...], ...]  # covariance

    def updated(self, coordinates: tuple[float, float, float], value: float, noise: float) -> "Line":
        """The line updated by `value`, measured at `coordinates` with deviation `noise`: Bayesian linear regression."""
        toward = [sum(s * w for s, w in zip(row, coordinates, strict=True)) for row in self.spread]
        total = sum(t * w for t, w in zip(toward, coordinates, strict=True)) + noise**2
        residual = value - sum(m * w for m, w in zip(self.mean, coordinates, strict=True))
        one, two, three = (m + t / total * residual for m, t in zip(self.mean, toward, strict=True))
        spread = tuple(
            tuple(s - a * b / total for s, b in zip(row, toward, strict=True))
            for row, a in zip(self.spread, toward, strict=True)
        )
        return Line((one, two, three), spread)

    def widened(self, prior: "Line", noise: float) -> "Line":
        """The line with its offset less certain: samples differ from the whole title by standard deviation `noise`."""
        sigma = math.sqrt(prior.spread[0][0])
        trust = sigma**2 / (sigma**2 + noise**2)
        at = trust * self.mean[0] + (1 - trust) * prior.mean[0]
        first = (self.spread[0][0] + trust * noise**2, *self.spread[0][1:])
        return Line((at, *self.mean[1:]), (first, *self.spread[1:]))

    def at(self, coordinates: tuple[float, float, float]) -> float:
        """The predicted value of the line at these coordinates."""
        return sum(m * w for m, w in zip(self.mean, coordinates, strict=True))

    def error(self, coordinates: tuple[float, float, float]) -> float:
        """One standard deviation of the prediction at `where`."""
        return math.sqrt(
            max(
                0.0,
                sum(
                    a * s * b
                    for a, row in zip(coordinates, self.spread, strict=True)
                    for s, b in zip(row, coordinates, strict=True)
                ),
            )
        )


def _prior(*numbers: tuple[float, float]) -> Line:
    one, two, three = (mean for mean, _ in numbers)
    spread = tuple(
        tuple(sigma**2 if row == column else 0.0 for column in range(len(numbers)))
        for row, (_, sigma) in enumerate(numbers)
    )
    return Line((one, two, three), spread)


PRIOR_BITS = _prior((-5.1, 1.0), (-0.172, 0.025), (-1.5, 0.3))  # log2 of bits per pixel of the full size
PRIOR_LOGIT = _prior((2.45, 0.45), (-0.15, 0.03), (-1.35, 0.3))
LOGIT_MIXED = 0.03  # per CRF and octave: small sizes lose less by a higher CRF
PRIOR_GAP = 0.5  # logit of the mean less logit of the 1st percentile; weighs as much as one point
NOISE_BITS, NOISE_LOGIT = 0.08, 0.05
# Error of one sample against the whole title; shared by all points of an analysis, whatever their CRF and size.
MOMENT_BITS, MOMENT_LOGIT = 0.5, 0.3
SATURATED = 98.5  # VMAF above which scores saturate; such points get less weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One measured encode: VMAF of the samples, bits/s extrapolated to the title. VMAF None: only the rate is known."""

    short_side: int
    crf: float
    bps: float
    vmaf_mean: float | None = None
    vmaf_p1: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Predicts bits/s and VMAF of a title for one encoder preset. Both fall with rising CRF and with smaller size."""

    full_side: int
    pixels_per_s: float  # at full side
    bits: Line
    logit: Line
    gap: float
    bits_offset: float
    logit_offset: float

    def bps(self, side: int, crf: float) -> float:
        return self.pixels_per_s * math.exp2(self.bits.at(self._coordinates(side, crf)) + self.bits_offset)

    def vmaf(self, side: int, crf: float) -> float:
        return _vmaf(self._logit(side, crf))

    def p1(self, side: int, crf: float) -> float:
        return _vmaf(self._logit(side, crf) - self.gap)

    def cautious_vmaf(self, side: int, crf: float) -> float:
        """Predicted VMAF less a third of its standard deviation, so that uncertain predictions leave more headroom."""
        error = math.hypot(self.logit.error(self._coordinates(side, crf)), PRESET_SPREAD if self.logit_offset else 0.0)
        return _vmaf(self._logit(side, crf) - error / 3)

    def crf_for_bps(self, side: int, bps: float) -> float:
        """The lowest CRF in `crfs()` that is predicted to stay at or below `bps`; CRF_HIGHEST where none does."""
        return next((crf for crf in crfs() if self.bps(side, crf) <= bps), CRF_HIGHEST)

    def _logit(self, side: int, crf: float) -> float:
        return self.logit.at(self._coordinates(side, crf)) + _mixed(self._coordinates(side, crf)) + self.logit_offset

    def _coordinates(self, side: int, crf: float) -> tuple[float, float, float]:
        return _coordinates(self.full_side, side, crf)


def fit(
    points: Sequence[Point], *, moments: int, full_side: int, full_pixels: int, frame_rate: float, preset: str
) -> Model:
    """Model for `preset`: the priors updated by `points`, measured on `moments` samples with SAMPLE_PRESET."""
    pixels_per_s = full_pixels * frame_rate
    bits, logit, gaps = PRIOR_BITS, PRIOR_LOGIT, [PRIOR_GAP]
    for point in points:
        coordinates = _coordinates(full_side, point.short_side, point.crf)
        bits = bits.updated(coordinates, math.log2(max(point.bps, 1.0) / pixels_per_s), NOISE_BITS)
        if point.vmaf_mean is None:
            continue
        measured_logit = _to_logit(point.vmaf_mean)
        noise = NOISE_LOGIT if point.vmaf_mean < SATURATED else 1.0
        logit = logit.updated(coordinates, measured_logit - _mixed(coordinates), noise)
        if point.vmaf_p1 is not None and point.vmaf_mean < SATURATED:
            gaps.append(max(0.0, measured_logit - _to_logit(point.vmaf_p1)))
    if points and moments:
        bits = bits.widened(PRIOR_BITS, MOMENT_BITS / math.sqrt(moments))
        logit = logit.widened(PRIOR_LOGIT, MOMENT_LOGIT / math.sqrt(moments))
    return Model(
        full_side=full_side,
        pixels_per_s=pixels_per_s,
        bits=_monotonic(bits),
        logit=_monotonic(logit),
        gap=sum(gaps) / len(gaps),
        bits_offset=PRESET_BITS.get(preset, PRESET_BITS["medium"]),
        logit_offset=PRESET_LOGIT.get(preset, PRESET_LOGIT["medium"]),
    )


def _monotonic(line: Line) -> Line:
    """The line with slopes that fall with CRF and with smaller size, by enough to outweigh LOGIT_MIXED."""
    at, per_crf, per_octave = line.mean
    return line._replace(mean=(at, min(per_crf, -0.09), min(per_octave, -0.4)))


def _coordinates(full_side: int, side: int, crf: float) -> tuple[float, float, float]:
    return 1.0, crf - CRF_MIDDLE, max(0.0, math.log2(full_side / side))


def _mixed(coordinates: tuple[float, float, float]) -> float:
    return LOGIT_MIXED * coordinates[1] * min(coordinates[2], 2.0)


def _to_logit(vmaf: float) -> float:
    clipped = min(max(vmaf, 1.0), 99.5)
    return math.log(clipped / (100.0 - clipped))


def _vmaf(logit: float) -> float:
    return 100.0 / (1.0 + math.exp(-logit))


def crfs() -> list[float]:
    """The candidate CRFs, best quality first."""
    return [CRF_LOWEST + CRF_STEP * step for step in range(round((CRF_HIGHEST - CRF_LOWEST) / CRF_STEP) + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A rung to encode: its CRF and cap, the predicted bits/s and VMAF, and the reason."""

    rung_id: str
    crf: float
    maxrate_bps: int
    bufsize_bps: int
    predicted_bps: int
    predicted_vmaf: float
    reason: str
    code: str  # the reason for programs: first, top, capped, lowest or between


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A rung that is left out because another one serves its viewers as well, and the reason."""

    rung_id: str
    reason: str
    instead: str  # id of the rung that serves them


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The rungs to encode, from largest to smallest, and those left out."""

    choices: tuple[Choice, ...]
    dropped: tuple[Dropped, ...]


def choose(rungs: tuple[VideoRung, ...], model: Model, effort: Effort, keep: frozenset[str]) -> Ladder:
    """Choose the top rung by quality and the rest in even bit rate steps below. `keep`: ids of fixed rungs.

    For a `model` with measured points: by priors alone rungs would be left out that a title needs (see settle).
    """
    choices: dict[str, Choice] = {r.id: _unchanged_choice(r, model) for r in rungs if r.id in keep}
    top = rungs[0]
    if top.id not in choices:
        choices[top.id] = _top(top, model, effort)
    upper = choices[top.id]
    smaller = [r for r in rungs[1:] if r.id not in keep]
    lower = next((choices[r.id] for r in reversed(rungs[1:]) if r.id in keep), None)
    dropped: dict[str, Dropped] = {}
    if lower is None and upper.predicted_bps > FLOOR_BPS * SMALLEST_RATIO:
        low_bps = max(FLOOR_BPS, min(LOW_BPS, round(upper.predicted_bps / SMALLEST_RATIO)))
        if low := _best_at(smaller, model, low_bps):
            lower = choices[low.id] = _choice(
                low, model, model.crf_for_bps(low.short_side, low_bps), "the low rung", "lowest"
            )
    if lower is not None:
        side = {r.id: r.short_side for r in rungs}
        for target_bps in _between(upper, lower, effort, model):
            room = [r for r in smaller if side[lower.rung_id] < r.short_side < side[upper.rung_id]]
            if (rung := _best_at(room, model, target_bps)) is None:
                continue
            crf = model.crf_for_bps(rung.short_side, target_bps)
            choice = _choice(rung, model, crf, "best size at its bit rate", "between")
            if near := _too_near(choice, upper, lower):
                dropped[rung.id] = near
                continue
            choices[rung.id] = upper = choice
    return Ladder(
        choices=tuple(choices[r.id] for r in rungs if r.id in choices),
        dropped=tuple(
            dropped.get(r.id) or _unseen(r, model, tuple(choices.values())) for r in rungs if r.id not in choices
        ),
    )


def _top(rung: VideoRung, model: Model, effort: Effort) -> Choice:
    side, target = rung.short_side, TARGET[effort]
    sufficient = [crf for crf in crfs() if crf <= TOP_CRF_HIGHEST and model.cautious_vmaf(side, crf) >= target]
    mean_crf = max(sufficient, default=CRF_LOWEST)
    steady = [crf for crf in sufficient if model.p1(side, crf) >= TARGET_P1 and crf >= mean_crf - P1_WORTH_CRF]
    crf = max(steady, default=mean_crf)
    reason = f"cheapest with VMAF {target:g}"
    if crf < mean_crf:
        reason += f" and {TARGET_P1:g} at its worst"
    capped = next(
        (candidate for candidate in crfs() if candidate >= crf and _bps(rung, model, candidate) <= rung.cap_bps),
        CRF_HIGHEST,
    )
    if capped == crf:
        return _choice(rung, model, capped, reason, "top")
    return _choice(rung, model, capped, f"as good as {rung.cap_bps // 1000} kb/s allow", "capped")


def _unchanged_choice(rung: VideoRung, model: Model) -> Choice:
    bps = min(rung.cap_bps, round(_bps(rung, model, rung.crf)))
    return Choice(
        rung_id=rung.id,
        crf=rung.crf,
        maxrate_bps=rung.maxrate_bps,
        bufsize_bps=2 * rung.maxrate_bps,
        predicted_bps=bps,
        # Where the cap limits the rate, quality is that of a higher CRF.
        predicted_vmaf=round(model.vmaf(rung.short_side, max(rung.crf, model.crf_for_bps(rung.short_side, bps))), 1),
        reason="decided before",
        code="first",
    )


def _choice(rung: VideoRung, model: Model, crf: float, reason: str, code: str) -> Choice:
    bps = round(_bps(rung, model, crf))
    maxrate = min(rung.cap_bps, max(2 * bps, FLOOR_BPS))
    return Choice(
        rung_id=rung.id,
        crf=crf,
        maxrate_bps=maxrate,
        bufsize_bps=2 * maxrate,
        predicted_bps=min(bps, rung.cap_bps),
        predicted_vmaf=round(model.vmaf(rung.short_side, crf), 1),
        reason=reason,
        code=code,
    )


def _bps(rung: VideoRung, model: Model, crf: float) -> float:
    return model.bps(rung.short_side, crf) * (HALF_RATE_BITS if rung.frame_step > 1 else 1.0)


def _best_at(rungs: Sequence[VideoRung], model: Model, bps: float) -> VideoRung | None:
    """The rung with the best predicted VMAF at `bps`; among nearly equal ones, the smallest. None where none fits."""
    quality = {
        rung.id: model.vmaf(rung.short_side, model.crf_for_bps(rung.short_side, bps))
        for rung in rungs
        if rung.cap_bps >= bps and _bps(rung, model, CRF_HIGHEST) <= bps
    }
    best = max(quality.values(), default=0.0)
    fitting = [rung for rung in rungs if quality.get(rung.id, -1.0) >= best - SMALLER_IS_AS_GOOD]
    return min(fitting, key=lambda rung: rung.short_side, default=None)


def _between(upper: Choice, lower: Choice, effort: Effort, model: Model) -> list[float]:
    """Target bits/s of the rungs between two: even steps, each wide enough for a visible difference."""
    ratio = upper.predicted_bps / max(1, lower.predicted_bps)
    if ratio <= SMALLEST_RATIO**2 or upper.predicted_bps <= LOW_BPS * SMALLEST_RATIO:
        return []
    steps = max(2, round(math.log(ratio) / math.log(STEP_RATIO[effort])))
    steps = min(steps, int((upper.predicted_vmaf - lower.predicted_vmaf) / SMALLEST_VMAF_STEP))
    return [upper.predicted_bps / ratio ** (number / steps) for number in range(1, steps)]


def _too_near(choice: Choice, upper: Choice, lower: Choice) -> Dropped | None:
    for other in (upper, lower):
        if (gap := abs(other.predicted_vmaf - choice.predicted_vmaf)) < SMALLEST_VMAF_STEP:
            reason = f"within {gap:.1f} VMAF of {other.rung_id}"
            return Dropped(rung_id=choice.rung_id, reason=reason, instead=other.rung_id)
    return None


def _unseen(rung: VideoRung, model: Model, choices: tuple[Choice, ...]) -> Dropped:
    vmaf = model.vmaf(rung.short_side, rung.crf)
    nearest = min(choices, key=lambda choice: abs(choice.predicted_vmaf - vmaf))
    measured_logit = f"VMAF {nearest.predicted_vmaf:.0f} at {nearest.predicted_bps // 1000} kb/s"
    reason = f"{nearest.rung_id} serves its viewers as well: {measured_logit}"
    return Dropped(rung_id=rung.id, reason=reason, instead=nearest.rung_id)
