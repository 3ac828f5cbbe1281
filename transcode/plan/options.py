"""Options from JSON, as the API stores them with an asset and as the command line passes them. Pure."""

from enum import StrEnum
from fractions import Fraction
from typing import Any

from core.media.crop import Reframe
from presets.effort import Effort
from presets.rung import Codec
from transcode.plan.encode_plan import Options
from transcode.plan.watermark import Watermark


class Downloads(StrEnum):
    """Which progressive files are published beside the stream. None by default, because viewers can save them."""

    NONE = "none"
    STANDARD = "standard"  # a large and a small MP4, and the audio as M4A


def downloads_from_json(value: dict[str, Any]) -> Downloads:
    """The downloads of `{downloads?}`. Not part of the plan, because it does not change the encode."""
    return Downloads(value.get("downloads", Downloads.NONE))


def options_from_json(value: dict[str, Any]) -> Options:
    """From `{profile?, codec?, effort?, ladder?, reframe?, clip?: {start_s?, end_s?}, watermark?: {sha256, ...}}`."""
    clip = value.get("clip") or {}
    mark = value.get("watermark")
    return Options(
        profile=value.get("profile", "standard"),
        codec=Codec(value.get("codec", Codec.H264)),
        effort=Effort(value.get("effort", Effort.BALANCED)),
        ladder=value.get("ladder", "smart"),
        start_s=seconds(clip.get("start_s", 0)),
        end_s=None if clip.get("end_s") is None else seconds(clip["end_s"]),
        watermark=Watermark(**mark) if mark else None,
        reframe=Reframe(value.get("reframe", Reframe.AUTO)),
    )


def seconds(value: float) -> Fraction:
    """The decimal number as written: 1.1 is 11/10, not the nearest binary fraction."""
    return Fraction(str(value))
