"""Chunks encoded apart and joined: every output frame is the frame of the upload that it should be, at its time.

Clips whose frames carry their number go through the real encoder, in one piece and in chunks of two
segments. DESIGN.md, transcoding rules: compare each output frame with the source, never hashes of two encodes.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core.media.crop import Reframe
from tests.frames import Made, ffmpeg, fragments, lumas, make, mark, marked, marks, planned, psnr, times
from tests.media import shared
from tests.selection import some
from transcode.plan import grid
from transcode.plan.build import on_regular_grid
from transcode.plan.encode_plan import Options

NTSC = Fraction(30_000, 1001)
FILM_FRAMES = 480
SHORT = Options(profile="short-vertical", reframe=Reframe.NONE)  # segments of 2 s: many joins in a short clip
OPEN_GOP = ("-g", "250", "-bf", "3", "-x264-params", "open-gop=1:b-pyramid=normal:scenecut=0:keyint=250")


def check_times(made: Made, rung: str) -> None:
    """Decode times without a gap from 0 on, shown from 0 on (ISO/IEC 14496-12 tfdt, trun), frames evenly apart."""
    rendition, path = made.rendition(rung), made.file(rung)
    timescale, found = fragments(path)
    step = next(one.frame_step for one in made.plan.rungs if one.id == rung)
    ticks = made.plan.frame_ticks * step
    assert timescale == made.plan.timescale
    assert Fraction(ticks, timescale) == step / made.plan.frame_rate
    assert {fragment.first_offset for fragment in found} == {0}
    decoded = 0
    for fragment in found:
        assert fragment.decode_time == decoded * ticks
        decoded += len(fragment.sizes)
    shown = times(path)
    assert shown == [number * step / made.plan.frame_rate for number in range(made.plan.frames // step)]
    assert decoded == len(shown)
    assert rendition.duration_s == made.plan.duration_s


async def both(file: Path, folder: Path, options: Options = SHORT, *rungs: str) -> tuple[Made, Made]:
    """In chunks of two segments each, and in one piece."""
    before = await planned(file, folder / "plan", options)
    decided, _, _ = before
    names = rungs or [decided.rungs[0].id]
    regular = grid.regular_cuts(decided.shown_frames, decided.segment_frames, decided.frame_rate)
    assert len(regular) > 2
    chunked = await make(file, folder / "chunked", options, rungs=names, chunks=regular[::2], decided_before=before)
    whole = await make(file, folder / "whole", options, rungs=names, chunks=(0,), decided_before=before)
    for name in names:
        assert chunked.rendition(name).init == whole.rendition(name).init, "byte-identical init segments"
        assert [s.duration for s in chunked.rendition(name).segments] == [
            s.duration for s in whole.rendition(name).segments
        ]
        for made in (chunked, whole):
            check_times(made, name)
    return chunked, whole


# Constant rates


@dataclass(frozen=True)
class Clip:
    frames: int
    rate: str
    options: tuple[str, ...] = ()
    name: str = "a.mp4"


STEADY = {
    "film": Clip(frames=230, rate="24000/1001", name="a.mkv"),  # milliseconds: every time is rounded
    "24": Clip(frames=170, rate="24"),
    "25_one_gop": Clip(frames=260, rate="25", options=("-g", "9999", "-sc_threshold", "0", "-bf", "3")),
    "ntsc": Clip(frames=200, rate="30000/1001"),
    "ntsc_ts_open_gop": Clip(frames=400, rate="30000/1001", options=OPEN_GOP, name="a.ts"),
    "ntsc_mp4_open_gop": Clip(frames=400, rate="30000/1001", options=OPEN_GOP),
    "ntsc_mkv_open_gop": Clip(frames=400, rate="30000/1001", options=OPEN_GOP, name="a.mkv"),
    "hevc_open_gop": Clip(
        frames=220,
        rate="25",
        options=("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "open-gop=1:keyint=60:log-level=error"),
    ),
    "mpeg2_ts": Clip(frames=220, rate="25", options=("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2"), name="a.ts"),
    "vp9": Clip(
        frames=220,
        rate="25",
        options=("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"),
        name="a.webm",
    ),
}


@pytest.mark.parametrize("name", some(STEADY, ("film", "ntsc_ts_open_gop")))
async def test_every_frame_is_in_its_place(tmp_path: Path, name: str) -> None:
    clip = STEADY[name]
    file = marked(tmp_path / clip.name, clip.frames, clip.rate, *clip.options)
    chunked, whole = await both(file, tmp_path)
    assert chunked.plan.frame_rate == Fraction(clip.rate)
    for made in (chunked, whole):
        assert marks(made.file(made.top)) == list(range(clip.frames))


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An odd count of pictures, sixty a second."""
    return marked(tmp_path_factory.mktemp("fast") / "a.mp4", 301, "60", *OPEN_GOP, size=(640, 540))


async def test_small_rungs_of_fast_pictures_show_every_second_one(fast: Path, tmp_path: Path) -> None:
    chunked, whole = await both(fast, tmp_path, SHORT, "v540", "v360")
    for made in (chunked, whole):
        assert made.plan.frames == 300, "an even count: all rungs last equally long"
        assert marks(made.file("v540")) == list(range(300))
        assert marks(made.file("v360")) == list(range(0, 300, 2))


async def test_they_do_so_after_an_odd_count_was_remuxed_first(tmp_path: Path) -> None:
    """The upload's own track is shown only until the ladder is ready: it must not cost the ladder its half rates."""
    file = marked(tmp_path / "a.mp4", 61, "60", size=(640, 540))
    whole, _, _ = await planned(file, tmp_path / "plan")
    assert whole.passthrough is not None
    assert not whole.passthrough.lasting
    small = next(rung for rung in on_regular_grid(whole).rungs if rung.id == "v360")
    assert small.frame_step == 2


async def test_twice_the_fastest_rate_is_halved(tmp_path: Path) -> None:
    file = marked(tmp_path / "a.mp4", 720, "120", size=(128, 96))
    chunked, whole = await both(file, tmp_path)
    for made in (chunked, whole):
        rate = made.plan.frame_rate / made.plan.rungs[0].frame_step
        assert rate == 30
        assert marks(made.file(made.top)) == list(range(0, 720, 4))


# Rates that vary, fields, a late start


def shown_at(begun: list[Fraction], at: Fraction, slack: Fraction) -> set[int]:
    """The frames that may stand at `at`: the last one that began by then, give or take. `begun` is sorted."""
    return {max(0, bisect_right(begun, at + off) - 1) for off in (-slack, slack)}


async def test_a_variable_rate_keeps_every_frame_where_it_was(tmp_path: Path) -> None:
    even = marked(tmp_path / "even.mp4", 400, "30", "-g", "60")
    # 150 frames at 30 a second, 100 at 15, a still of 2.5 s, and 150 at 30 again
    begun = [Fraction(n, 30) for n in range(150)]
    begun += [5 + Fraction(n, 15) for n in range(100)]
    begun += [begun[-1] + Fraction(5, 2) + Fraction(n, 30) for n in range(150)]
    at = "if(lt(N,150),N/30,if(lt(N,250),5+(N-150)/15,5+99/15+2.5+(N-250)/30))"
    file = tmp_path / "variable.mp4"
    vfr = ("-fps_mode", "vfr", "-enc_time_base", "1/90000", "-video_track_timescale", "90000")
    ffmpeg(
        "-v", "error", "-i", str(even), "-vf", f"settb=1/90000,setpts='({at})/TB'", *vfr, "-c:v", "libx264", str(file)
    )
    chunked, whole = await both(file, tmp_path)
    assert chunked.source.video is not None
    assert chunked.source.video.variable
    rate = chunked.plan.frame_rate
    assert rate == 30
    found = marks(chunked.file(chunked.top))
    assert found == marks(whole.file(whole.top))
    wrong = [
        (k, number) for k, number in enumerate(found) if number not in shown_at(begun, k / rate, Fraction(1, 2) / rate)
    ]
    assert wrong == []
    assert set(found) == set(range(400)), "no frame is lost"


async def test_fields_become_frames_in_order(tmp_path: Path) -> None:
    """Two moments in each frame, top field first: the frame shown is that of the first field."""
    even = marked(tmp_path / "fields.mp4", 400, "50", "-crf", "12", size=(416, 240))
    file = tmp_path / "interlaced.mp4"
    coded = ("-flags", "+ilme+ildct", "-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-x264-params", "tff=1")
    weave = "tinterlace=interleave_top,setfield=tff"
    ffmpeg("-v", "error", "-i", str(even), "-vf", weave, *coded, str(file))
    chunked, whole = await both(file, tmp_path)
    assert chunked.plan.video is not None
    assert chunked.plan.video.deinterlace
    for made in (chunked, whole):
        # Every second line is the kept field's; those between are made up from fields before and after.
        kept = [mark(luma[::2]) for _, luma in lumas(made.file(made.top))]
        assert kept == list(range(0, 400, 2))


@pytest.mark.parametrize("name", some(["a.mkv", "a.ts"], ["a.ts"]))
async def test_a_file_whose_times_begin_late(tmp_path: Path, name: str) -> None:
    """As a part of a recording has them: the title begins with its first frame all the same."""
    uploaded = marked(tmp_path / "whole.mp4", 260, "25", "-g", "40", "-bf", "3", sound=True)
    file = tmp_path / name
    ffmpeg("-v", "error", "-i", str(uploaded), "-c", "copy", "-output_ts_offset", "7000", str(file))
    chunked, whole = await both(file, tmp_path)
    assert chunked.plan.frames == whole.plan.frames > 0
    for made in (chunked, whole):
        found = marks(made.file(made.top))
        # Where the sound begins some milliseconds earlier, with its encoder's priming, half a frame stands twice.
        assert found in (list(range(260)), [0, *range(260)], [*range(260), 259])


async def test_an_edit_list_hides_what_it_hides(tmp_path: Path) -> None:
    """As a phone trims: packets from a keyframe on; an edit list says that the first ones are only decoded."""
    uploaded = marked(tmp_path / "whole.mp4", 400, "25", "-g", "100", "-bf", "3", "-sc_threshold", "0")
    file = tmp_path / "cut.mp4"
    ffmpeg("-v", "error", "-ss", "5.2", "-i", str(uploaded), "-c", "copy", str(file))
    chunked, whole = await both(file, tmp_path)
    assert chunked.plan.frames == whole.plan.frames > 0
    for made in (chunked, whole):
        assert marks(made.file(made.top)) == list(range(130, 400))


@pytest.mark.parametrize("name", some(["late.mkv", "late.ts", "late.mp4"], ["late.mp4"]))
async def test_a_picture_that_starts_after_the_sound(tmp_path: Path, name: str) -> None:
    """The first frame stands from the title's beginning on; all others keep their distance to the sound."""
    silent = marked(tmp_path / "silent.mp4", 200, "25")
    file = tmp_path / name
    sound = ("-f", "lavfi", "-i", "sine=duration=9", "-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "aac")
    ffmpeg("-v", "error", "-itsoffset", "0.8", "-i", str(silent), *sound, str(file))
    chunked, whole = await both(file, tmp_path)
    found = marks(chunked.file(chunked.top))
    assert found == marks(whole.file(whole.top))
    assert found == [*[0] * 20, *range(200), *[199] * 5], "the last frame stands until the sound ends"


# A film, looped


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 s of it at 640x360: FILM_FRAMES frames, and its own frame numbers on them."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    source = shared("core/tears_of_steel_1080p2997_8s_frame_marks.mp4")
    coded = ("-vf", "scale=640:360", "-c:v", "libx264", "-preset", "veryfast", "-crf", "14", "-bf", "3", "-g", "97")
    ffmpeg("-v", "error", "-stream_loop", "1", "-i", str(source), *coded, str(path))
    return path


@pytest.fixture(scope="module")
async def films(film: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Made]:
    """Chunked and whole, as a default encode would be."""
    return await both(film, tmp_path_factory.mktemp("films"), Options(preset="veryfast"))


def test_every_frame_of_a_film_is_nearest_to_its_own(film: Path, films: tuple[Made, Made]) -> None:
    own = [luma.copy() for _, luma in lumas(film, (320, 180))]
    made = [luma.copy() for _, luma in lumas(films[0].file("v360"), (320, 180))]
    assert len(own) == len(made) == FILM_FRAMES
    for number, picture in enumerate(made):
        right = psnr(picture, own[number])
        beside = max(psnr(picture, own[near]) for near in (number - 1, number + 1) if 0 <= near < FILM_FRAMES)
        assert right > 30, number
        assert right > beside + 3, f"frame {number}: {right:.1f} dB, a neighbour {beside:.1f} dB"


def vmaf(film: Path, made: Path) -> list[float]:
    """Frame by frame."""
    log = made.with_suffix(".csv")
    graph = f"[0:v]setpts=N/TB/30[a];[1:v]setpts=N/TB/30[b];[a][b]libvmaf=log_fmt=csv:log_path={log}:n_threads=2"
    ffmpeg("-v", "error", "-i", str(made), "-i", str(film), "-lavfi", graph, "-f", "null", "-")
    head, *rows = log.read_text().splitlines()
    column = head.split(",").index("vmaf")
    return [float(row.split(",")[column]) for row in rows]


def test_joins_look_as_good_as_the_rest(film: Path, films: tuple[Made, Made]) -> None:
    """Frame by frame against the whole encode: the same content, so what differs is the chunks' doing."""
    chunked, whole = (np.array(vmaf(film, made.file("v360"))) for made in films)
    assert len(chunked) == len(whole) == FILM_FRAMES
    lost = whole - chunked
    joins = films[0].plan.chunks[1:]
    assert joins
    near = np.zeros(FILM_FRAMES, bool)
    for join in joins:
        near[join - 12 : join + 12] = True
    assert near.sum() == 24 * len(joins)
    assert lost[near].mean() <= lost[~near].mean() + 2
    for join in joins:
        assert lost[join - 12 : join].mean() <= 4, "the end of a chunk"
        assert lost[join : join + 12].mean() <= 2, "the beginning of one"
    assert chunked[near].mean() > chunked[~near].mean() - 2


# Trim


@pytest.mark.parametrize("name", some(["a.mp4", "a.mkv", "a.ts"], ["a.mkv"]))
async def test_a_trim_is_exact_to_the_frame(tmp_path: Path, name: str) -> None:
    file = marked(tmp_path / name, 400, "30000/1001", *OPEN_GOP, sound=True)
    options = replace(SHORT, start_s=Fraction("3.21"), end_s=Fraction("11.37"))
    chunked, whole = await both(file, tmp_path, options)
    first, frames_kept = round(Fraction("3.21") * NTSC), round(Fraction("8.16") * NTSC)
    for made in (chunked, whole):
        assert marks(made.file(made.top)) == list(range(first, first + frames_kept))


async def test_a_trim_of_fast_pictures_begins_where_it_was_asked_on_every_rung(tmp_path: Path) -> None:
    file = marked(tmp_path / "a.mp4", 200, "60", size=(640, 540))
    options = replace(SHORT, start_s=Fraction("1.05"), end_s=Fraction("3.05"))
    made = await make(file, tmp_path / "made", options)
    assert marks(made.file("v540")) == list(range(63, 183))
    assert marks(made.file("v360")) == list(range(63, 183, 2))


@pytest.mark.parametrize("name", some(["a.mp4", "a.mkv", "a.ts"], ["a.mp4"]))
async def test_sound_that_goes_on_after_the_picture(tmp_path: Path, name: str) -> None:
    """The last frame stands, in the last chunk that has a picture."""
    silent = marked(tmp_path / "silent.mp4", 150, "25", "-g", "50")
    file = tmp_path / name
    sound = ("-f", "lavfi", "-i", "sine=duration=13", "-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "aac")
    ffmpeg("-v", "error", "-i", str(silent), *sound, str(file))
    chunked, whole = await both(file, tmp_path)
    assert chunked.plan.frames == whole.plan.frames > 0
    for made in (chunked, whole):
        found = marks(made.file(made.top))
        assert len(found) in (325, 326)
        assert found[:150] == list(range(150))
        assert set(found[150:]) == {149}
