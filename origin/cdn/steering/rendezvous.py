"""Weighted rendezvous hashing: session + shares -> an order of pathways. Pure, with no memory.

Each pathway draws a number from the session's id and its own, and -share / ln(draw) orders them: the first is a
pathway with the probability of its share, the second likewise among the rest. A share that changes moves only the
sessions that have to move, from or to that pathway; the same session always gets the same order.
"""

import hashlib
import math
from collections.abc import Mapping

_STEPS = 2**64


def draw(session: str, pathway: str) -> float:
    """A number in (0, 1], evenly distributed, the same in every process and at any time."""
    digest = hashlib.blake2b(f"{session}/{pathway}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 0.5) / _STEPS


def order(session: str, shares: Mapping[str, float]) -> tuple[str, ...]:
    """All pathways in the session's order. Shares are above 0."""
    heights = {pathway: (_height(session, pathway, share), pathway) for pathway, share in shares.items()}
    return tuple(sorted(shares, key=heights.__getitem__, reverse=True))


def _height(session: str, pathway: str, share: float) -> float:
    # ln of 1 is 0: a draw that rounds to 1 must not divide by it.
    return share / -min(math.log(draw(session, pathway)), -1e-18)
