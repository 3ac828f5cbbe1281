"""Settings of one selection of posters, as JSON for the sandboxed program. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """A profile of presets.poster, and how many candidates. The program does not load presets: YAML takes its time."""

    samples: int
    refine: int
    decode_frames: int
    weights: Mapping[str, float]
    cluster: float
    text: float
    cards: str  # refused, allowed, wanted
    candidates: int


def to_json(wishes: Wishes) -> str:
    """One line of JSON; `from_json` reads it."""
    return json.dumps(asdict(wishes))


def from_json(text: str) -> Wishes:
    return Wishes(**json.loads(text))
