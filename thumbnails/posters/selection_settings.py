"""Settings of one selection of posters, as JSON for the sandboxed program. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionSettings:
    """A profile of presets.poster and the number of candidates. The child loads no presets: YAML is slow to parse."""

    samples: int
    refine: int
    decode_frames: int
    weights: Mapping[str, float]
    cluster: float
    text: float
    cards: str  # refused, allowed, wanted
    candidates: int


def to_json(settings: SelectionSettings) -> str:
    """One line of JSON; `from_json` reads it."""
    return json.dumps(asdict(settings))


def from_json(text: str) -> SelectionSettings:
    """The settings that `to_json` wrote. Raises TypeError for other fields."""
    return SelectionSettings(**json.loads(text))
