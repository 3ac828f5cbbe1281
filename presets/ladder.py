"""The default ladder: six rungs by displayed short side, Apple's averages as bit-rate caps. Pure.

Source of the numbers: Apple HLS Authoring Specification, H.264 averages.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One quality of a ladder: `short_side` in displayed pixels, `cap_bps` what its average may reach."""

    short_side: int
    cap_bps: int


DEFAULT = (
    Rung(short_side=1080, cap_bps=6_000_000),
    Rung(short_side=720, cap_bps=3_000_000),
    Rung(short_side=540, cap_bps=2_000_000),
    Rung(short_side=432, cap_bps=1_100_000),
    Rung(short_side=360, cap_bps=365_000),
    Rung(short_side=234, cap_bps=145_000),
)
SHORTEST_SIDE = 32  # pixels; anything smaller is refused


def cap_between(short_side: int, ladder: tuple[Rung, ...] = DEFAULT) -> int:
    """Cap in bits/s for a rung of a source's own size, linear between its neighbours on the ladder."""
    above = min((r for r in ladder if r.short_side >= short_side), key=lambda r: r.short_side, default=ladder[0])
    below = max((r for r in ladder if r.short_side <= short_side), key=lambda r: r.short_side, default=ladder[-1])
    if above.short_side == below.short_side:
        return above.cap_bps
    if above.short_side < short_side or below.short_side > short_side:
        return min((above, below), key=lambda r: abs(r.short_side - short_side)).cap_bps
    share = (short_side - below.short_side) / (above.short_side - below.short_side)
    return round(below.cap_bps + share * (above.cap_bps - below.cap_bps))
