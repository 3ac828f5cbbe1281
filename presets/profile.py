"""What kind of video it is: a named profile is its ladders, segment grid, frame rates and encoder parameters.

To change a ladder, the default one too (`standard`), edit presets/profiles.yaml: nothing else holds its numbers.

In: presets/profiles.yaml, read once. Out: `Profile`. Refuses a wrong file and an unknown name with ConfigError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Self

from pydantic import Field, RootModel, ValidationInfo, field_validator, model_validator

from core.errors import ConfigError
from presets.caption import CAPTION_NAMES
from presets.document import Form, Whole, Words, load
from presets.poster import NAMES as POSTER_NAMES
from presets.rung import SHORTEST_SIDE, Codec, Rung

FILE = "profiles.yaml"
DEFAULT_NAME = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile. Without ladders only audio is encoded.

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
    upright: bool = False  # landscape videos are reframed to 9:16 unless the owner opts out
    posters: str = "general"  # the profile of presets/posters.yaml that chooses pictures, unless the owner names one
    captions: str = "standard"  # the profile of presets/captions.yaml that lays out cues, unless the owner names one

    @property
    def video(self) -> bool:
        """Whether the profile encodes video, and so needs a video track."""
        return bool(self.ladders)

    @property
    def segment_s(self) -> int:
        """Seconds of a segment: a whole number of GOPs."""
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
    posters: str = "general"
    captions: str = "standard"

    @field_validator("posters")
    @classmethod
    def _known_posters(cls, name: str) -> str:
        return _one_of(name, POSTER_NAMES)

    @field_validator("captions")
    @classmethod
    def _known_captions(cls, name: str) -> str:
        return _one_of(name, CAPTION_NAMES)

    @field_validator("ladders")
    @classmethod
    def _go_down(cls, ladders: dict[Codec, dict[int, int]]) -> dict[Codec, dict[int, int]]:
        if ladders and Codec.H264 not in ladders:
            raise ValueError("must have an h264 ladder, or be {} for audio only")
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
            posters=self.posters,
            captions=self.captions,
        )


def _one_of(name: str, names: Sequence[str]) -> str:
    if name not in names:
        raise ValueError(f"must be one of {', '.join(names)}")
    return name


class ProfilesForm(RootModel[dict[str, ProfileForm]]):
    """Form of presets/profiles.yaml: {profile name: profile}, the default profile among them."""

    @model_validator(mode="after")
    def _has_the_default(self) -> Self:
        if DEFAULT_NAME not in self.root:
            raise ValueError(f"must have the profile {DEFAULT_NAME}, the default")
        return self


@cache
def _profiles() -> dict[str, Profile]:
    return {name: form.profile(name) for name, form in load(FILE, ProfilesForm).root.items()}


NAMES = tuple(_profiles())
UPRIGHT_NAMES = tuple(name for name in NAMES if _profiles()[name].upright)
AUDIO_ONLY_NAMES = tuple(name for name in NAMES if not _profiles()[name].video)


def profile(name: str) -> Profile:
    """The profile of this name. Raises ConfigError naming the known ones."""
    try:
        return _profiles()[name]
    except KeyError:
        raise ConfigError(f"there is no profile {name!r}: take one of {', '.join(NAMES)}") from None


def profile_or_default(name: str | None) -> Profile:
    """The profile of this name; the default one for None and for a name that has left the file since an upload."""
    return _profiles().get(name or DEFAULT_NAME) or _profiles()[DEFAULT_NAME]
