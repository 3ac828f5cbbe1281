"""Decoded frames and samples in whatever form -> one form: what the first filter graph of a track does. Pure.

No filter here counts or remembers anything, but for the deinterlacer: ffmpeg builds this graph anew whenever the form
of its input changes.
"""

import re
from typing import Any

from transcode.plan.encode_plan import AUDIO_RATE_HZ, VideoPlan

SAME_SHAPE = 0.02  # aspect ratios this near are one: sizes are whole pixels
# Layouts that ffmpeg does not mix down to stereo itself, though it has a name for them.
NOT_MIXED_BY_FFMPEG = ("binaural", "ambisonic")
GUESSED_CHANNELS = 8  # up to so many channels without places ffmpeg takes for its usual layout of that number
_PLACES = re.compile(r"(?P<count>\d+) channels(?: \((?P<places>[^)]*)\))?")

# A colour at the edge of the gamut keeps a rest of the two others, from rounding in the file, which gamma makes large:
# 1/4000 of a channel's light is taken off the other two. Greys stay as they are.
_REST = 0.00025
_PURER = {f"{to}{of}": 1 + 2 * _REST if to == of else -_REST for to in "rgb" for of in "rgb"}
_ZSCALE = {"bt709": "709", "bt601": "170m", "bt2020": "2020_ncl"}


def converted(video: Any, plan: VideoPlan, size: tuple[int, int]) -> Any:
    """The video in SDR BT.709 at `size`; where a window is cropped from it, in the upload's own size and range."""
    if plan.crop is None:
        shown = _toned(video, _fitted(plan, size)) if plan.tone_map else _plain(video, plan, size)
        return _barred(shown.filter("format", "yuv420p"), size)
    own = plan.size or size
    if plan.tone_map:
        kept = video.filter("scale", *_fitted(plan, own), eval="frame", flags="bicubic", out_range="limited")
        return _barred(kept.filter("format", "yuv420p10le"), own)
    return _barred(_plain(video, plan, own).filter("format", "yuv420p"), own)


def crop_converted(plan: VideoPlan, video: Any, size: tuple[int, int]) -> Any:
    """A part of the video that `converted` made for cropping, in SDR BT.709 at `size`."""
    if plan.tone_map:
        return _toned(video, size).filter("format", "yuv420p").filter("setsar", 1)
    return video.filter("scale", *size, flags="bicubic").filter("setsar", 1)


def _toned(video: Any, size: tuple[str | int, str | int]) -> Any:
    """HDR video as SDR BT.709 at `size`."""
    width, height = size
    return (
        video.filter("zscale", w=width, h=height, f="bicubic")
        .filter("zscale", t="linear", npl=203)
        .filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter("tonemap", "mobius", desat=0)
        .filter("zscale", t="bt709", m="bt709", r="tv")
    )


def _plain(video: Any, plan: VideoPlan, size: tuple[int, int]) -> Any:
    """SDR video in BT.709 and limited range, within `size`. Its own range may change on the way."""
    width, height = _fitted(plan, size)
    if plan.primaries:
        # SDR has the transfer of BT.709, however it is named.
        source = {"pin": plan.primaries, "tin": "bt709", "min": _ZSCALE[plan.from_matrix]}
        light = video.filter("zscale", w=width, h=height, f="bicubic", t="linear", npl=100, **source)
        light = light.filter("format", "gbrpf32le").filter("zscale", p="bt709")
        return light.filter("colorchannelmixer", **_PURER).filter("zscale", t="bt709", m="bt709", r="tv")
    return video.filter(
        "scale",
        width,
        height,
        eval="frame",
        flags="bicubic",
        in_color_matrix=plan.from_matrix,
        in_range="auto",
        out_color_matrix="bt709",
        out_range="limited",
    )


def _fitted(plan: VideoPlan, size: tuple[int, int]) -> tuple[str | int, str | int]:
    """Expressions of the width and height that a frame of any shape has within `size`, undistorted.

    A frame of the upload's usual shape fills `size`, which is rounded to even pixels.
    """
    if plan.aspect is None:
        return size
    width, height = size
    usual = f"({plan.aspect.numerator}/{plan.aspect.denominator})"
    # As the probe does, a sample aspect ratio beyond reason is not believed.
    shape = "if(between(sar,0.1,10),dar,a)"
    relative = f"({shape}/{usual})"
    is_usual = f"lt(abs({relative}-1),{SAME_SHAPE})"
    return (
        f"if({is_usual},{width},max(2,2*round(min(1,{relative})*{width}/2)))",
        f"if({is_usual},{height},max(2,2*round(min(1,1/{relative})*{height}/2)))",
    )


def _barred(video: Any, size: tuple[int, int]) -> Any:
    """The video in the middle of `size`, with black bars where its shape is another; square pixels."""
    width, height = size
    video = video.filter("pad", width, height, "2*trunc((ow-iw)/4)", "2*trunc((oh-ih)/4)", eval="frame")
    return video.filter("setsar", 1)


def stereo(sound: Any, channels: int, layout: str) -> Any:
    """The track as 48 kHz stereo with its own times and gaps."""
    if mix := _mix(channels, layout):
        sound = sound.filter("pan", args=mix)
    return _resampled(sound, "stereo")


def is_mixed_by_rule(channels: int, layout: str) -> bool:
    """Whether the places of the track's channels are unknown to ffmpeg, so that the mix follows rules of our own."""
    return bool(_mix(channels, layout))


def one_side(sound: Any) -> Any:
    """A mono track as 48 kHz mono at its own level, whichever side it is labelled as."""
    return _resampled(sound.filter("pan", args="mono|c0=c0"), "mono")


def _resampled(sound: Any, layout: str) -> Any:
    sound = sound.filter("aresample", AUDIO_RATE_HZ)
    return sound.filter("aformat", sample_fmts="fltp", channel_layouts=layout)


def _mix(channels: int, layout: str) -> str:
    """The argument of `pan` for channels that ffmpeg cannot mix down to stereo; empty where it can. Never clips."""
    if layout.startswith("ambisonic"):
        # W is the sound of all directions, Y (channel 1 in ACN order) left less right: two cardioids to the sides.
        return "stereo|FL=0.5*c0+0.5*c1|FR=0.5*c0-0.5*c1" if channels > 1 else "stereo|FL=c0|FR=c0"
    unusual = _PLACES.fullmatch(layout)
    if not unusual and not layout.startswith(NOT_MIXED_BY_FFMPEG):
        return ""
    named = unusual["places"].split("+") if unusual and unusual["places"] else []
    if not named and unusual and channels <= GUESSED_CHANNELS:
        return ""
    # Channels without a place are taken for pairs; a channel of neither side goes to both.
    ends = [name[-1:] for name in named] or ["LR"[channel % 2] for channel in range(channels)]
    left = [channel for channel, end in enumerate(ends) if end != "R"]
    right = [channel for channel, end in enumerate(ends) if end != "L"]
    sides = (("FL", left or right), ("FR", right or left))
    return "stereo" + "".join(f"|{name}<{'+'.join(f'c{channel}' for channel in side)}" for name, side in sides)
