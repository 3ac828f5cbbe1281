"""Poster profiles: how many frames of a title are examined, and how much each of their qualities counts.

In: presets/posters.yaml, read once. Out: `PosterProfile`. Refuses a wrong file and an unknown name with ConfigError.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import isclose
from typing import Self

from pydantic import Field, RootModel, StrictStr, field_validator, model_validator

from core.errors import ConfigError
from presets.document import Form, Number, Whole, load

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
    video_profiles: tuple[str, ...] = ()  # kinds of video, of presets.profile, that get it by default


class PosterForm(Form):
    """One profile in the form the YAML file has."""

    samples: Whole
    refine: Whole
    decode_frames: Whole
    weights: dict[str, Number]
    cluster: Number
    text: Number
    cards: Cards
    video_profiles: list[StrictStr] = Field(default_factory=list)

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

    @model_validator(mode="after")
    def _one_for_each_video_profile(self) -> Self:
        names = [name for form in self.root.values() for name in form.video_profiles]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"must name {', '.join(sorted(twice))} in the video_profiles of one profile only")
        return self


@cache
def _profiles() -> dict[str, PosterProfile]:
    forms = load(FILE, PostersForm).root
    return {
        name: PosterProfile(
            name=name, **form.model_dump(exclude={"video_profiles"}), video_profiles=tuple(form.video_profiles)
        )
        for name, form in forms.items()
    }


NAMES = tuple(_profiles())


def poster_profile_name(video_profile: str | None) -> str:
    """The poster profile for titles of this video profile ("lecture"); the default one for any other."""
    named = (name for name, profile in _profiles().items() if video_profile in profile.video_profiles)
    return next(named, DEFAULT)


def poster_profile(name: str) -> PosterProfile:
    """The profile of this name. Raises ConfigError naming the known ones."""
    try:
        return _profiles()[name]
    except KeyError:
        raise ConfigError(f"there is no poster profile {name!r}: take one of {', '.join(NAMES)}") from None
