"""What kind of video it is: a named profile is its ladders, segment grid, frame rates and encoder parameters.

In: presets/profiles.yaml, read once. Out: `Profile`. Refuses a wrong file and an unknown name with ConfigError.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Self

from pydantic import Field, RootModel, ValidationInfo, field_validator, model_validator

from core.errors import ConfigError
from presets.document import Form, Whole, Words, load
from presets.rung import SHORTEST_SIDE, Codec, Rung

FILE = "profiles.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile. Without ladders only the sound is encoded.

    `encoder_options` are the encoder's own parameters by codec, merged into those of presets.codec.
    """

    name: str
    ladders: Mapping[Codec, tuple[Rung, ...]]
    gop_s: int
    gops_per_segment: int
    fastest_rate: int
    fast_above_side: int  # rungs up to this short side get at most 30 frames/s
    audio_bps: int
    encoder_options: Mapping[Codec, Mapping[str, str]]
    upright: bool = False  # a wide picture is made 9:16 unless somebody says no

    @property
    def video(self) -> bool:
        """Whether a picture is needed."""
        return bool(self.ladders)

    @property
    def segment_s(self) -> int:
        return self.gop_s * self.gops_per_segment


class ProfileForm(Form):
    """A profile as the file says it; a ladder is {short side in pixels: cap in bits/s}."""

    ladders: dict[Codec, dict[Whole, Whole]]
    gop_s: Whole
    gops_per_segment: Whole
    fastest_rate: Whole
    fast_above_side: Whole
    audio_bps: Whole
    encoder_options: dict[Codec, Words] = Field(default_factory=dict)
    upright: bool = False

    @field_validator("ladders")
    @classmethod
    def _go_down(cls, ladders: dict[Codec, dict[int, int]]) -> dict[Codec, dict[int, int]]:
        if ladders and Codec.H264 not in ladders:
            raise ValueError("must have an h264 ladder, or be {} for sound only")
        for codec, ladder in ladders.items():
            rungs = list(ladder.items())
            if not rungs or any(side < SHORTEST_SIDE or side % 2 for side in ladder):
                raise ValueError(f"must have {codec} rungs of even short sides from {SHORTEST_SIDE} pixels up")
            if any(above <= below for a, b in pairwise(rungs) for above, below in zip(a, b, strict=True)):
                raise ValueError(f"must have {codec} rungs that go down in short side and in cap")
        return ladders

    @field_validator("encoder_options")
    @classmethod
    def _of_a_ladder(cls, options: dict[Codec, Words], info: ValidationInfo) -> dict[Codec, Words]:
        if strange := options.keys() - info.data.get("ladders", options).keys():
            raise ValueError(f"must be for a codec with a ladder, not for {', '.join(sorted(strange))}")
        return options

    def profile(self, name: str) -> Profile:
        ladders = {
            codec: tuple(Rung(short_side=side, cap_bps=cap) for side, cap in ladder.items())
            for codec, ladder in self.ladders.items()
        }
        plain = {key: getattr(self, key) for key in ("gop_s", "gops_per_segment", "fastest_rate", "fast_above_side")}
        return Profile(
            name=name,
            ladders=ladders,
            **plain,
            audio_bps=self.audio_bps,
            encoder_options=self.encoder_options,
            upright=self.upright,
        )


class ProfilesForm(RootModel[dict[str, ProfileForm]]):
    """The whole file: {name: profile}."""

    @model_validator(mode="after")
    def _has_the_default(self) -> Self:
        if "standard" not in self.root:
            raise ValueError("must have the profile standard, the default")
        return self


@cache
def _profiles() -> dict[str, Profile]:
    return {name: form.profile(name) for name, form in load(FILE, ProfilesForm).root.items()}


NAMES = tuple(_profiles())


def profile(name: str) -> Profile:
    """The profile of this name. Raises ConfigError naming the known ones."""
    try:
        return _profiles()[name]
    except KeyError:
        raise ConfigError(f"there is no profile {name!r}: take one of {', '.join(NAMES)}") from None
