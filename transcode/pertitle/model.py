"""Per-title analysis, the pure part: measured points -> a model of this title -> which rungs, at which CRF.

In: `Point`s measured on samples (none is allowed: then the priors speak), the rungs of the plan, the effort. Out: one
`Choice` per rung to encode and one `Dropped` per rung that nobody would see, each with its reason. Refuses nothing.

Two quantities are linear in CRF and in octaves below the full size: the logarithm of the bit rate, and the logit of
VMAF. Each is a line with a prior for its three numbers; every measured point corrects them (Bayesian regression). VMAF
is always against the picture at min(1080p, source size), smaller rungs enlarged by a bicubic filter.

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
TOP_CRF_HIGHEST = 30.0  # however well a still picture scores: what changes in it must not smear

TARGET = {Effort.ECONOMY: 93.5, Effort.BALANCED: 94.5, Effort.QUALITY: 95.0}
TARGET_P1, P1_WORTH_CRF = 88.0, 2.0  # bad moments may lower the CRF by so much; a source with worse ones is left alone
STEP_RATIO = {Effort.ECONOMY: 2.6, Effort.BALANCED: 2.5, Effort.QUALITY: 2.2}
# Netflix's just noticeable step is 6; with 5, a gap of 10 still gets the rung in its middle, which many links need.
SMALLEST_RATIO, SMALLEST_VMAF_STEP = 1.5, 5.0
LOW_BPS, FLOOR_BPS = 365_000, 150_000
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
    """y = at + per_crf (crf - 25) + per_octave x octaves below full size, plus what is known of their errors."""

    mean: tuple[float, float, float]
    spread: tuple[tuple[float, ...], ...]  # covariance

    def corrected(self, where: tuple[float, float, float], value: float, noise: float) -> "Line":
        """After seeing `value` at `where`, true to within `noise`: one step of Bayesian linear regression."""
        toward = [sum(s * w for s, w in zip(row, where, strict=True)) for row in self.spread]
        total = sum(t * w for t, w in zip(toward, where, strict=True)) + noise**2
        miss = value - sum(m * w for m, w in zip(self.mean, where, strict=True))
        one, two, three = (m + t / total * miss for m, t in zip(self.mean, toward, strict=True))
        spread = tuple(
            tuple(s - a * b / total for s, b in zip(row, toward, strict=True))
            for row, a in zip(self.spread, toward, strict=True)
        )
        return Line((one, two, three), spread)

    def blurred(self, prior: "Line", noise: float) -> "Line":
        """Its first number holds for what was seen; of the whole it is known to within `noise`, and by the prior."""
        sigma = math.sqrt(prior.spread[0][0])
        trust = sigma**2 / (sigma**2 + noise**2)
        at = trust * self.mean[0] + (1 - trust) * prior.mean[0]
        first = (self.spread[0][0] + trust * noise**2, *self.spread[0][1:])
        return Line((at, *self.mean[1:]), (first, *self.spread[1:]))

    def at(self, where: tuple[float, float, float]) -> float:
        return sum(m * w for m, w in zip(self.mean, where, strict=True))

    def error(self, where: tuple[float, float, float]) -> float:
        """One standard deviation of the prediction at `where`."""
        return math.sqrt(
            max(
                0.0,
                sum(
                    a * s * b
                    for a, row in zip(where, self.spread, strict=True)
                    for s, b in zip(row, where, strict=True)
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
# One moment of a title against all of it; all points of one analysis share this error, whatever their CRF and size.
MOMENT_BITS, MOMENT_LOGIT = 0.5, 0.3
SATURATED = 98.5  # VMAF from which on it tells little; such points are believed less


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One encode measured: VMAF on samples, bit rate of the title as they imply. None: only the bit rate is known."""

    short_side: int
    crf: float
    bps: float
    vmaf_mean: float | None = None
    vmaf_p1: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is known of a title, for one preset. bps and vmaf fall with CRF and with size."""

    full_side: int
    pixels_per_s: float  # at full side
    bits: Line
    logit: Line
    gap: float
    bits_offset: float
    logit_offset: float
    measured: int

    def bps(self, side: int, crf: float) -> float:
        return self.pixels_per_s * math.exp2(self.bits.at(self._where(side, crf)) + self.bits_offset)

    def vmaf(self, side: int, crf: float) -> float:
        return _vmaf(self._logit(side, crf))

    def p1(self, side: int, crf: float) -> float:
        return _vmaf(self._logit(side, crf) - self.gap)

    def careful_vmaf(self, side: int, crf: float) -> float:
        """VMAF less a third of a standard deviation: what is not well known is not cut as fine."""
        error = math.hypot(self.logit.error(self._where(side, crf)), PRESET_SPREAD if self.logit_offset else 0.0)
        return _vmaf(self._logit(side, crf) - error / 3)

    def crf_for_bps(self, side: int, bps: float) -> float:
        """The lowest CRF, within the usual ones, that stays at or below `bps`."""
        return next((crf for crf in crfs() if self.bps(side, crf) <= bps), CRF_HIGHEST)

    def _logit(self, side: int, crf: float) -> float:
        return self.logit.at(self._where(side, crf)) + _mixed(self._where(side, crf)) + self.logit_offset

    def _where(self, side: int, crf: float) -> tuple[float, float, float]:
        return _where(self.full_side, side, crf)


def fit(
    points: Sequence[Point], *, moments: int, full_side: int, full_pixels: int, frame_rate: float, preset: str
) -> Model:
    """The priors corrected by `points`, from `moments` samples by SAMPLE_PRESET; the model speaks of `preset`."""
    pixels_per_s = full_pixels * frame_rate
    bits, logit, gaps = PRIOR_BITS, PRIOR_LOGIT, [PRIOR_GAP]
    for point in points:
        where = _where(full_side, point.short_side, point.crf)
        bits = bits.corrected(where, math.log2(max(point.bps, 1.0) / pixels_per_s), NOISE_BITS)
        if point.vmaf_mean is None:
            continue
        seen = _to_logit(point.vmaf_mean)
        noise = NOISE_LOGIT if point.vmaf_mean < SATURATED else 1.0
        logit = logit.corrected(where, seen - _mixed(where), noise)
        if point.vmaf_p1 is not None and point.vmaf_mean < SATURATED:
            gaps.append(max(0.0, seen - _to_logit(point.vmaf_p1)))
    if points and moments:
        bits = bits.blurred(PRIOR_BITS, MOMENT_BITS / math.sqrt(moments))
        logit = logit.blurred(PRIOR_LOGIT, MOMENT_LOGIT / math.sqrt(moments))
    return Model(
        full_side=full_side,
        pixels_per_s=pixels_per_s,
        bits=_falling(bits),
        logit=_falling(logit),
        gap=sum(gaps) / len(gaps),
        bits_offset=PRESET_BITS.get(preset, PRESET_BITS["medium"]),
        logit_offset=PRESET_LOGIT.get(preset, PRESET_LOGIT["medium"]),
        measured=len(points),
    )


def _falling(line: Line) -> Line:
    """Never rising with CRF or with smaller size, whatever the points say; by enough to outweigh LOGIT_MIXED."""
    at, per_crf, per_octave = line.mean
    return line._replace(mean=(at, min(per_crf, -0.09), min(per_octave, -0.4)))


def _where(full_side: int, side: int, crf: float) -> tuple[float, float, float]:
    return 1.0, crf - CRF_MIDDLE, max(0.0, math.log2(full_side / side))


def _mixed(where: tuple[float, float, float]) -> float:
    return LOGIT_MIXED * where[1] * min(where[2], 2.0)


def _to_logit(vmaf: float) -> float:
    held = min(max(vmaf, 1.0), 99.5)
    return math.log(held / (100.0 - held))


def _vmaf(logit: float) -> float:
    return 100.0 / (1.0 + math.exp(-logit))


def crfs() -> list[float]:
    """The CRFs tried, best quality first."""
    return [CRF_LOWEST + CRF_STEP * step for step in range(round((CRF_HIGHEST - CRF_LOWEST) / CRF_STEP) + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A rung to encode: its CRF and cap, what that is predicted to cost and to look like, and the reason."""

    rung_id: str
    crf: float
    maxrate_bps: int
    bufsize_bps: int
    predicted_bps: int
    predicted_vmaf: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A rung that is left out because nobody would see it, and the reason."""

    rung_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """What was chosen, from largest to smallest, and what was not."""

    choices: tuple[Choice, ...]
    dropped: tuple[Dropped, ...]


def choose(rungs: tuple[VideoRung, ...], model: Model, effort: Effort, keep: frozenset[str]) -> Ladder:
    """The top rung by quality, the rest by even steps of bit rate down to a low one. `keep` stays as it is."""
    chosen: dict[str, Choice] = {r.id: _kept(r, model) for r in rungs if r.id in keep}
    top = rungs[0]
    if top.id not in chosen:
        chosen[top.id] = _top(top, model, effort)
    upper = chosen[top.id]
    smaller = [r for r in rungs[1:] if r.id not in keep]
    lower = next((chosen[r.id] for r in reversed(rungs[1:]) if r.id in keep), None)
    why = {}
    if lower is None and upper.predicted_bps > FLOOR_BPS * SMALLEST_RATIO:
        low_bps = max(FLOOR_BPS, min(LOW_BPS, round(upper.predicted_bps / SMALLEST_RATIO)))
        if low := _best_at(smaller, model, low_bps):
            lower = chosen[low.id] = _held(low, model, model.crf_for_bps(low.short_side, low_bps), "the low rung")
    if lower is not None:
        side = {r.id: r.short_side for r in rungs}
        for target_bps in _between(upper, lower, effort, model):
            room = [r for r in smaller if side[lower.rung_id] < r.short_side < side[upper.rung_id]]
            if (rung := _best_at(room, model, target_bps)) is None:
                continue
            held = _held(rung, model, model.crf_for_bps(rung.short_side, target_bps), "best size at its bit rate")
            # Only what was seen drops a rung.
            if model.measured and (near := _too_near(held, upper, lower)):
                why[rung.id] = near
                continue
            chosen[rung.id] = upper = held
    return Ladder(
        choices=tuple(chosen[r.id] for r in rungs if r.id in chosen),
        dropped=tuple(
            Dropped(rung_id=r.id, reason=why.get(r.id, _unseen(r, model, tuple(chosen.values()))))
            for r in rungs
            if r.id not in chosen
        ),
    )


def _top(rung: VideoRung, model: Model, effort: Effort) -> Choice:
    side, target = rung.short_side, TARGET[effort]
    good = [crf for crf in crfs() if crf <= TOP_CRF_HIGHEST and model.careful_vmaf(side, crf) >= target]
    mean_crf = max(good, default=CRF_LOWEST)
    steady = [crf for crf in good if model.p1(side, crf) >= TARGET_P1 and crf >= mean_crf - P1_WORTH_CRF]
    crf = max(steady, default=mean_crf)
    why = f"cheapest with VMAF {target:g}"
    if crf < mean_crf:
        why += f" and {TARGET_P1:g} at its worst"
    capped = next((one for one in crfs() if one >= crf and _bps(rung, model, one) <= rung.cap_bps), CRF_HIGHEST)
    return _held(rung, model, capped, why if capped == crf else f"as good as {rung.cap_bps // 1000} kb/s allow")


def _kept(rung: VideoRung, model: Model) -> Choice:
    bps = min(rung.cap_bps, round(_bps(rung, model, rung.crf)))
    return Choice(
        rung_id=rung.id,
        crf=rung.crf,
        maxrate_bps=rung.maxrate_bps,
        bufsize_bps=2 * rung.maxrate_bps,
        predicted_bps=bps,
        # Where the cap holds it, it looks like a higher CRF.
        predicted_vmaf=round(model.vmaf(rung.short_side, max(rung.crf, model.crf_for_bps(rung.short_side, bps))), 1),
        reason="decided before",
    )


def _held(rung: VideoRung, model: Model, crf: float, reason: str) -> Choice:
    bps = round(_bps(rung, model, crf))
    # What is only believed must not choke a title that turns out harder.
    maxrate = min(rung.cap_bps, max(2 * bps, FLOOR_BPS)) if model.measured else rung.cap_bps
    return Choice(
        rung_id=rung.id,
        crf=crf,
        maxrate_bps=maxrate,
        bufsize_bps=2 * maxrate,
        predicted_bps=min(bps, rung.cap_bps),
        predicted_vmaf=round(model.vmaf(rung.short_side, crf), 1),
        reason=reason,
    )


def _bps(rung: VideoRung, model: Model, crf: float) -> float:
    return model.bps(rung.short_side, crf) * (HALF_RATE_BITS if rung.frame_step > 1 else 1.0)


def _best_at(rungs: Sequence[VideoRung], model: Model, bps: float) -> VideoRung | None:
    """The rung that looks best at `bps`; of those about as good, the smallest."""
    quality = {
        rung.id: model.vmaf(rung.short_side, model.crf_for_bps(rung.short_side, bps))
        for rung in rungs
        if rung.cap_bps >= bps and _bps(rung, model, CRF_HIGHEST) <= bps
    }
    best = max(quality.values(), default=0.0)
    fitting = [rung for rung in rungs if quality.get(rung.id, -1.0) >= best - SMALLER_IS_AS_GOOD]
    return min(fitting, key=lambda rung: rung.short_side, default=None)


def _between(upper: Choice, lower: Choice, effort: Effort, model: Model) -> list[float]:
    """Bit rates of the rungs between the two: even steps, few enough to be seen and wide enough to be worth it."""
    ratio = upper.predicted_bps / max(1, lower.predicted_bps)
    if ratio <= SMALLEST_RATIO**2 or upper.predicted_bps <= LOW_BPS * SMALLEST_RATIO:
        return []
    steps = max(2, round(math.log(ratio) / math.log(STEP_RATIO[effort])))
    if model.measured:
        steps = min(steps, int((upper.predicted_vmaf - lower.predicted_vmaf) / SMALLEST_VMAF_STEP))
    return [upper.predicted_bps / ratio ** (number / steps) for number in range(1, steps)]


def _too_near(held: Choice, upper: Choice, lower: Choice) -> str:
    for other in (upper, lower):
        if (gap := abs(other.predicted_vmaf - held.predicted_vmaf)) < SMALLEST_VMAF_STEP:
            return f"within {gap:.1f} VMAF of {other.rung_id}"
    return ""


def _unseen(rung: VideoRung, model: Model, chosen: tuple[Choice, ...]) -> str:
    vmaf = model.vmaf(rung.short_side, rung.crf)
    near = min(chosen, key=lambda choice: abs(choice.predicted_vmaf - vmaf))
    seen = f"VMAF {near.predicted_vmaf:.0f} at {near.predicted_bps // 1000} kb/s"
    return f"{near.rung_id} serves its viewers as well: {seen}"
