"""The default ladder, and a cap for the sizes between its rungs. Pure.

To change the default ladder edit the profile `standard` in presets/profiles.yaml: the numbers stand only there.
"""

from presets.profile import DEFAULT_NAME, profile
from presets.rung import SHORTEST_SIDE, Codec, Rung

__all__ = ("DEFAULT", "SHORTEST_SIDE", "Rung", "cap_between")

DEFAULT = profile(DEFAULT_NAME).ladders[Codec.H264]


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
