"""How others find a picture for a video, as commands of the same ffmpeg, and one published way in Python.

In: a file and how long it is. Out: when the chosen frames are shown (first choice first), and what choosing took. The
commands decode as their users run them: one frame, the middle, until something is seen, everything, keyframes only.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.harness import metered
from benchmarks.harness.metered import Cost
from core.errors import KadrError

SCORED_WIDTH = 320  # before the thumbnail filter, which keeps every frame of its batch in memory
LIMIT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What a picker may know before it looks. `frames` is at least their number."""

    path: Path
    duration_s: Fraction
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picker:
    """One way. `seek_to` is a share of the duration, `input_options` go before the file. No filters: hecate-like."""

    name: str
    filters: str = ""
    seek_to: Fraction | None = None
    input_options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """Times from the title's zero, best first."""

    times_s: tuple[Fraction, ...]
    cost: Cost


FIRST = Picker(name="first", filters="null")
MIDDLE = Picker(name="middle", filters="null", seek_to=Fraction(1, 2))
# A frame counts as black when 98 % of its pixels are darker than 32 of 255: the filter's own defaults.
NON_BLACK = Picker(
    name="non-black",
    filters="blackframe=amount=0:threshold=32,metadata=select:key=lavfi.blackframe.pblack:value=98:function=less",
)
THUMBNAIL = Picker(name="thumbnail", filters=f"scale={SCORED_WIDTH}:-2,thumbnail=n={{frames}}")
THUMBNAIL_KEYFRAMES = Picker(name="thumbnail-key", filters=THUMBNAIL.filters, input_options=("-skip_frame", "nokey"))
HECATE = Picker(name="hecate-like")
BASELINES = (FIRST, MIDDLE, NON_BLACK, THUMBNAIL, THUMBNAIL_KEYFRAMES, HECATE)


def argv(picker: Picker, binary: str, clip: Clip, output: tuple[str, ...], *, after: str = "") -> tuple[str, ...]:
    """The ffmpeg command that finds the picker's one frame; `after` are filters for what becomes of it."""
    seek = ("-ss", f"{float(picker.seek_to * clip.duration_s):.6f}") if picker.seek_to is not None else ()
    # The frame count of a batch: at least 2, and all of them, so that the filter looks at the whole video.
    filters = picker.filters.format(frames=max(2, clip.frames))
    return (
        *(binary, "-v", "error", "-nostdin", "-y", "-copyts", *picker.input_options, *seek, "-i", str(clip.path)),
        *("-map", "0:v:0", "-vf", f"{filters},{after}" if after else filters, "-frames:v", "1"),
        *("-fps_mode", "passthrough", "-enc_time_base", "demux", *output),
    )


def pick(picker: Picker, clip: Clip, binary: str) -> Picked:
    """Run the picker on a clip: its chosen times and its cost. Raises KadrError when it chose no frame."""
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        if picker is HECATE:
            command: tuple[str, ...] = (sys.executable, "-m", "benchmarks.posters.hecate", str(clip.path))
            cost, printed = metered.run([command], Path(folder), limit_s=LIMIT_S)
            times = tuple(Fraction(one) for one in json.loads(printed))
        else:
            command = argv(picker, binary, clip, ("-f", "framecrc", "-"))
            cost, printed = metered.run([command], Path(folder), limit_s=LIMIT_S)
            times = (first_frame_time(printed),)
    if not times:
        raise KadrError(f"{picker.name}: no frame of {clip.path.name}")
    return Picked(times_s=times, cost=cost)


def first_frame_time(framecrc: str) -> Fraction:
    """When the first frame is shown, of ffmpeg's framecrc: `#tb 0: 1/12800`, then `stream, dts, pts, ...`."""
    base, lines = Fraction(0), framecrc.splitlines()
    for line in lines:
        if line.startswith("#tb 0:"):
            base = Fraction(line.partition(":")[2].strip())
        elif line and not line.startswith("#"):
            return int(line.split(",")[2]) * base
    raise KadrError(f"no frame: {framecrc[-200:]!r}")
