"""What was made of an upload and why, as the page of a title shows it. Pure.

In: the asset as the API shows it, and the texts of a language. Out: rows of words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from studio.numbers import bit_rate, number, size, time_taken
from studio.pages import clock
from studio.texts import Text

_CODECS = {
    **{"avc1": "H.264", "avc3": "H.264", "h264": "H.264", "hvc1": "HEVC", "hev1": "HEVC", "hevc": "HEVC"},
    **{"av01": "AV1", "av1": "AV1", "vp8": "VP8", "vp9": "VP9", "mp4a": "AAC", "aac": "AAC", "opus": "Opus"},
    **{"mp3": "MP3", "ac3": "AC-3", "eac3": "E-AC-3", "prores": "ProRes", "mpeg2video": "MPEG-2", "mpeg4": "MPEG-4"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """One rendition as a row of words; nothing where there is nothing to say."""

    id: str
    name: str
    picture: str
    codec: str
    bit_rate: str
    vmaf: str
    size: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """`facts` are pairs of a name and words, `left_out` sentences. `measured`: some quality has its VMAF; `explained`:
    some has its reason."""

    facts: list[tuple[str, str]]
    qualities: list[Quality]
    left_out: list[str]
    measured: bool
    explained: bool


def made_of(asset: dict[str, Any], language: str, text: Text) -> Made:
    """What the page shows; `asset` is the JSON of an AssetShape."""
    qualities = [_quality(one, language, text) for one in asset["renditions"]]
    left_out = [
        text("made.left_out_words", rung=_name(one["id"], text), instead=_name(one["instead"] or "", text))
        for one in asset["left_out"]
    ]
    return Made(
        facts=list(_facts(asset, language, text)),
        qualities=qualities,
        left_out=left_out,
        measured=any(one.vmaf for one in qualities),
        explained=any(one.why for one in qualities),
    )


def _quality(one: dict[str, Any], language: str, text: Text) -> Quality:
    rate = "" if one["frame_rate"] is None else f" · {text('unit.fps', n=number(one['frame_rate'], language, 2))}"
    why = "uploaded" if one["passthrough"] and one["kind"] == "video" else one["why"]
    words = text(f"made.why.{why}") if why else text("studio.as_uploaded") if one["passthrough"] else ""
    return Quality(
        id=one["id"],
        name=_name(one["id"], text),
        picture=f"{one['width']} × {one['height']}{rate}" if one["width"] else "",
        codec=_codec(one["codec"]),
        bit_rate=bit_rate(one["average_bandwidth_bps"], language, text),
        vmaf=number(one["vmaf"], language, 0) if one["vmaf"] is not None else "",
        size=size(one["bytes"], language, text),
        why=words,
    )


def _facts(asset: dict[str, Any], language: str, text: Text) -> Iterator[tuple[str, str]]:
    if source := asset["source"]:
        yield text("made.source"), " · ".join(_of_upload(source, language, text))
        sounds = [_sound(one, language, text) for one in source["audio"]]
        yield text("made.source_sound"), "; ".join(sounds) or text("made.no_sound")
    options = asset["options"]
    ladder, effort = text(f"made.ladder.{options['ladder']}"), text(f"made.effort.{options['effort']}")
    yield text("made.how"), f"{_codec(options['codec'])} · {ladder} · {effort}"
    if asset["renditions"]:
        files = [*asset["renditions"], *asset["downloads"]]
        yield text("made.total"), size(sum(one["bytes"] for one in files), language, text)
    playable_s, ready_s = asset["timings"]["playable_s"], asset["timings"]["ready_s"]
    if playable_s is not None and ready_s is not None:
        playable, ready = (time_taken(one, language, text) for one in (playable_s, ready_s))
        yield text("made.time"), text("made.time_words", playable=playable, ready=ready)


def _of_upload(source: dict[str, Any], language: str, text: Text) -> Iterator[str]:
    yield str(source["container"]).upper()
    if source.get("bytes"):
        yield size(source["bytes"], language, text)
    if source.get("duration_s"):
        yield clock(float(Fraction(source["duration_s"])))
    if video := source["video"]:
        yield f"{video['shown_width']} × {video['shown_height']}"
        if video.get("frame_rate"):
            yield text("unit.fps", n=number(float(Fraction(video["frame_rate"])), language, 2))
        yield _codec(video["codec"])
        if video.get("bit_rate_bps"):
            yield bit_rate(video["bit_rate_bps"], language, text)


def _sound(one: dict[str, Any], language: str, text: Text) -> str:
    rate = text("unit.kHz", n=number(one["sample_rate_hz"] / 1000, language))
    words = [_codec(one["codec"]), text("unit.channels", n=str(one["channels"])), rate]
    return " · ".join([*words, *([one["language"]] if one.get("language") not in (None, "und") else [])])


def _codec(name: str) -> str:
    """The name that people know of a codec, or the beginning of its codec string."""
    short = name.partition(".")[0].lower()
    return _CODECS.get(short, short.upper())


def _name(rendition: str, text: Text) -> str:
    """v720 -> 720p, a1 -> Sound."""
    return f"{rendition[1:]}p" if rendition.startswith("v") else text("made.sound")
