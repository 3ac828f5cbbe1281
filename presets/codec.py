"""How each codec is encoded: encoder, presets and qualities by effort, and the options that keep GOPs exact.

In: presets/codecs.yaml, read once. Out: `CodecPreset`, and its ffmpeg options as a value. Refuses a wrong file with
ConfigError. tests/integration/test_codecs_real.py holds every promise made here against the real encoders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Self

from pydantic import Field, RootModel, model_validator

from presets.document import Form, Number, Word, Words, load
from presets.effort import Effort
from presets.rung import Codec

FILE = "codecs.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortSetting:
    """Preset, CRF and encoder parameters of one effort."""

    preset: str
    crf: int | float
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecPreset:
    """One codec. `parameters` are the encoder's own, which ffmpeg takes joined in `parameters_option`."""

    codec: Codec
    encoder: str
    sample_entry: str
    pixel_format: str
    efforts: Mapping[Effort, EffortSetting]
    options: Mapping[str, str]
    parameters_option: str
    parameters: Mapping[str, str]

    def encoder_options(
        self,
        effort: Effort,
        *,
        gop_frames: int,
        cap_bps: int,
        preset: str | None = None,
        crf: int | float | None = None,
        more: Mapping[str, str] | None = None,
    ) -> dict[str, str | int | float]:
        """ffmpeg output options, without dashes: capped CRF, and a sync sample every `gop_frames` and nowhere else.

        `preset` and `crf` replace the effort's own; `more` are a profile's parameters and win over ours.
        """
        setting = self.efforts[effort]
        own = setting.parameters if preset in (None, setting.preset) else {}
        joined = ":".join(f"{key}={value}" for key, value in {**self.parameters, **own, **(more or {})}.items())
        return {
            "c:v": self.encoder,
            "preset": preset or setting.preset,
            "crf": setting.crf if crf is None else crf,
            "maxrate": cap_bps,
            "bufsize": cap_bps * 2,
            "pix_fmt": self.pixel_format,
            "g": gop_frames,
            "keyint_min": gop_frames,
            **self.options,
            self.parameters_option: joined,
        }


def cut_times(cuts: Sequence[int], frame_rate: Fraction) -> str:
    """Value of ffmpeg's force_key_frames that makes sync samples of the frames `cuts` (the first is 0).

    ffmpeg forces the first frame at or after a time and reads times in whole microseconds, so each time lies half a
    frame before its frame: rounding cannot reach a neighbour.
    """
    at_us = (max(0, round((frame - Fraction(1, 2)) / frame_rate * 1_000_000)) for frame in cuts)
    return ",".join(f"{us // 1_000_000}.{us % 1_000_000:06}" for us in at_us)


class EffortForm(Form):
    preset: Word
    crf: Number
    parameters: Words = Field(default_factory=dict)


class CodecForm(Form):
    encoder: Word
    sample_entry: Word
    pixel_format: Word
    efforts: dict[Effort, EffortForm]
    options: dict[str, Word]
    parameters_option: Word
    parameters: Words

    @model_validator(mode="after")
    def _has_every_effort(self) -> Self:
        if missing := [effort for effort in Effort if effort not in self.efforts]:
            raise ValueError(f"must have every effort, and lacks {', '.join(missing)}")
        return self

    def preset(self, codec: Codec) -> CodecPreset:
        efforts = {
            effort: EffortSetting(preset=form.preset, crf=form.crf, parameters=form.parameters)
            for effort, form in self.efforts.items()
        }
        plain = self.model_dump(exclude={"efforts"})
        return CodecPreset(codec=codec, efforts=efforts, **plain)


class CodecsForm(RootModel[dict[Codec, CodecForm]]):
    """Form of presets/codecs.yaml: {codec: its preset}, every codec among them."""

    @model_validator(mode="after")
    def _has_every_codec(self) -> Self:
        if missing := [codec for codec in Codec if codec not in self.root]:
            raise ValueError(f"must have every codec, and lacks {', '.join(missing)}")
        return self


@cache
def _presets() -> dict[Codec, CodecPreset]:
    return {codec: form.preset(codec) for codec, form in load(FILE, CodecsForm).root.items()}


def codec_preset(codec: Codec) -> CodecPreset:
    """How a codec is encoded, as presets/codecs.yaml says."""
    return _presets()[codec]
