"""Poster profiles: how many frames of a title are examined, and how much each of their qualities counts.

In: presets/posters.yaml, read once. Out: `PosterProfile`. Refuses a wrong file and an unknown name with ConfigError.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import isclose
from typing import Self

from pydantic import RootModel, field_validator, model_validator

from core.errors import ConfigError
from presets.document import Form, Number, Whole, current_name, load

FILE = "posters.yaml"
DEFAULT = "general"
SIGNALS = ("sharpness", "stillness", "exposure", "saliency", "face", "colour", "position")


class Cards(StrEnum):
    """How title cards and slides are treated: letters on a plain background."""

    REFUSED = "refused"
    ALLOWED = "allowed"
    WANTED = "wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterProfile:
    """One profile. `weights` has one share for each of SIGNALS, together 1."""

    name: str
    samples: int
    refine: int
    decode_frames: int
    weights: Mapping[str, float]
    cluster: float
    text: float
    cards: Cards


class PosterForm(Form):
    """One profile in the form the YAML file has."""

    samples: Whole
    refine: Whole
    decode_frames: Whole
    weights: dict[str, Number]
    cluster: Number
    text: Number
    cards: Cards

    @field_validator("samples")
    @classmethod
    def _bounded(cls, samples: int) -> int:
        if samples > 240:
            raise ValueError("must be at most 240")
        return samples

    @field_validator("weights")
    @classmethod
    def _whole(cls, weights: dict[str, float]) -> dict[str, float]:
        if weights.keys() != set(SIGNALS) or not isclose(sum(weights.values()), 1) or min(weights.values()) < 0:
            raise ValueError(f"must have a weight from 0 up for each of {', '.join(SIGNALS)}, together 1")
        return weights


class PostersForm(RootModel[dict[str, PosterForm]]):
    """The whole YAML file: {profile name: profile}."""

    @model_validator(mode="after")
    def _has_the_default(self) -> Self:
        if DEFAULT not in self.root:
            raise ValueError(f"must have the profile {DEFAULT}, the default")
        return self


@cache
def _profiles() -> dict[str, PosterProfile]:
    forms = load(FILE, PostersForm).root
    return {name: PosterProfile(name=name, **form.model_dump()) for name, form in forms.items()}


NAMES = tuple(_profiles())


def poster_profile(name: str) -> PosterProfile:
    """The profile of this name. Raises ConfigError naming the known ones."""
    try:
        return _profiles()[current_name(name)]
    except KeyError:
        raise ConfigError(f"there is no poster profile {name!r}: take one of {', '.join(NAMES)}") from None
