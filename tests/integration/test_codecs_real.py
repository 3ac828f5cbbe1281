"""presets.codec against the real encoders: exact closed GOPs, cuts where they are asked for, caps that bind.

Everything a plan relies on without looking at the encoder's name.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import av
import pytest

from presets.codec import codec_preset, cut_times
from presets.effort import Effort
from presets.profile import NAMES, profile
from presets.rung import Codec
from tests.media import FFMPEG
from tests.selection import MORE_VALUES, some
from transcode.encode.fragments import Fragment, FragmentReader, Init
from transcode.plan.grid import longest_segment

RATE = Fraction(30_000, 1001)
FRAMES, TICKS, TIMESCALE = 150, 1001, 30_000
GOP = 60
CUTS = (0, 31, 32, 77, 120)  # as a passthrough rung gives them: irregular, one GOP of a single frame, none on a grid
CAP_BPS = 200_000


class UnknownParameter(Exception):
    """The encoder does not know one of its parameters."""


@dataclass(frozen=True)
class Encoded:
    """One encode: its bytes, its init segment and its fragments."""

    content: bytes
    init: Init
    fragments: list[Fragment]

    @property
    def init_bytes(self) -> bytes:
        return self.content[: self.init.size]

    def decode(self, fragment: Fragment, folder: Path) -> list[av.VideoFrame]:
        """The pictures of one fragment with nothing but the init segment before it."""
        alone = folder / "alone.mp4"
        alone.write_bytes(self.init_bytes + self.content[fragment.offset : fragment.offset + fragment.size])
        with av.open(str(alone)) as opened:
            return list(opened.decode(video=0))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 frames with hard scene cuts at 40 and 100, where no GOP begins, and noise, which costs bits."""
    path = tmp_path_factory.mktemp("codecs") / "in.mkv"
    scenes = [("testsrc2", 40), ("mandelbrot", 60), ("smptehdbars", 50)]
    inputs = [
        word
        for name, _ in scenes
        for word in ("-f", "lavfi", "-i", f"{name}=size=192x108:rate={RATE}".replace("'", ""))
    ]
    cuts = "".join(
        f"[{i}:v]format=yuv420p,noise=alls=12:allf=t,trim=end_frame={n}[s{i}];" for i, (_, n) in enumerate(scenes)
    )
    joined = "".join(f"[s{i}]" for i in range(len(scenes))) + f"concat=n={len(scenes)}"
    argv = [FFMPEG, "-v", "error", *inputs, "-filter_complex", cuts + joined, "-c:v", "ffv1", str(path)]
    subprocess.run(argv, check=True, timeout=60)
    return path


def encode(picture: Path, folder: Path, options: Mapping[str, str | int | float], *more: str) -> Encoded:
    path = folder / "out.mp4"
    finished = subprocess.run(
        [
            *(FFMPEG, "-v", "warning", "-y", "-i", str(picture)),
            *(word for key, value in options.items() for word in (f"-{key}", str(value))),
            *("-fps_mode", "passthrough", "-video_track_timescale", str(TIMESCALE), *more),
            *("-f", "mp4", "-movflags", "+cmaf+frag_keyframe+frag_discont", str(path)),
        ],
        check=True,
        timeout=120,
        stderr=subprocess.PIPE,
    )
    if found := re.search(rb"(?i)error parsing option.*|unknown option.*", finished.stderr):
        raise UnknownParameter(found[0])
    reader = FragmentReader(path)
    fragments = reader.finish()  # refuses edit lists and half fragments
    assert reader.init is not None
    return Encoded(content=path.read_bytes(), init=reader.init, fragments=fragments)


def check_grid(made: Encoded, lengths: list[int]) -> None:
    """Fragments of exactly these frames; decode times without a gap, presentation from 0, a sync sample first."""
    assert [len(fragment.sizes) for fragment in made.fragments] == lengths
    starts = [0, *accumulate(lengths)][:-1]
    assert [fragment.decode_time for fragment in made.fragments] == [start * TICKS for start in starts]
    assert {tick for fragment in made.fragments for tick in fragment.durations} == {TICKS}
    assert {fragment.first_offset for fragment in made.fragments} == {0}
    assert all(fragment.starts_with_sync for fragment in made.fragments)
    assert made.init.timescale == TIMESCALE


def check_closed(made: Encoded, folder: Path) -> None:
    """Every fragment decodes alone into all its pictures, in their order: nothing refers to another GOP."""
    for fragment in made.fragments:
        frames = made.decode(fragment, folder)
        # ffmpeg's reader moves all times by the reorder delay; check_grid has the absolute ones from the boxes
        shown = [frame.pts - frames[0].pts for frame in frames]
        assert shown == [number * TICKS for number in range(len(fragment.sizes))]
        assert {frame.format.name for frame in frames} == {"yuv420p"}


@pytest.mark.parametrize("effort", some(Effort, [Effort.BALANCED], MORE_VALUES))
@pytest.mark.parametrize("codec", Codec)
def test_gops_are_exact_and_closed(picture: Path, tmp_path: Path, codec: Codec, effort: Effort) -> None:
    options = codec_preset(codec).encoder_options(effort, gop_frames=GOP, cap_bps=4_000_000)
    made = encode(picture, tmp_path, options)
    check_grid(made, [60, 60, 30])
    check_closed(made, tmp_path)
    assert made.init.codec.startswith(f"{codec_preset(codec).sample_entry}.")


@pytest.mark.parametrize("codec", Codec)
def test_gops_start_at_forced_cuts_alone(picture: Path, tmp_path: Path, codec: Codec) -> None:
    options = codec_preset(codec).encoder_options(
        Effort.BALANCED, gop_frames=longest_segment(CUTS, FRAMES), cap_bps=4_000_000
    )
    made = encode(picture, tmp_path, options, "-force_key_frames", cut_times(CUTS, RATE))
    check_grid(made, [b - a for a, b in pairwise((*CUTS, FRAMES))])
    check_closed(made, tmp_path)


@pytest.mark.parametrize("codec", Codec)
def test_the_cap_binds(picture: Path, tmp_path: Path, codec: Codec) -> None:
    """The same CRF takes several times the cap where there is none to speak of."""

    def bits(cap_bps: int) -> int:
        options = codec_preset(codec).encoder_options(Effort.ECONOMY, gop_frames=GOP, cap_bps=cap_bps, crf=12)
        return 8 * sum(sum(fragment.sizes) for fragment in encode(picture, tmp_path, options).fragments)

    free, capped = bits(50_000_000), bits(CAP_BPS)
    duration_s = FRAMES / RATE
    assert free > 3 * CAP_BPS * duration_s
    # a full buffer of two seconds may be spent on top of the cap
    assert capped <= CAP_BPS * (duration_s + 2) * Fraction(11, 10)


@pytest.mark.parametrize("codec", Codec)
def test_chunks_of_other_crfs_share_an_init_segment(picture: Path, tmp_path: Path, codec: Codec) -> None:
    """A rung's CRF is corrected after its first chunk; the chunks are joined behind one init segment."""
    preset = codec_preset(codec)
    first, second = (
        encode(
            picture,
            tmp_path,
            preset.encoder_options(Effort.ECONOMY, gop_frames=GOP, cap_bps=CAP_BPS, crf=crf),
            *("-ss", start),
        )
        for crf, start in ((23, "0"), (30, "3"))
    )
    assert first.init_bytes == second.init_bytes
    assert len(first.fragments) > len(second.fragments)


@pytest.mark.parametrize(
    ("name", "codec"), [(name, codec) for name in NAMES for codec in profile(name).encoder_options]
)
def test_a_profiles_parameters_are_known_to_the_encoder(picture: Path, tmp_path: Path, name: str, codec: Codec) -> None:
    """ffmpeg only warns of a parameter that the encoder does not know, and goes on without it."""
    more = profile(name).encoder_options[codec]
    check_grid(encode(picture, tmp_path, _economy(codec, more)), [60, 60, 30])
    with pytest.raises(UnknownParameter):
        encode(picture, tmp_path, _economy(codec, {"no-such-parameter": "1"}))


def _economy(codec: Codec, more: Mapping[str, str]) -> dict[str, str | int | float]:
    return codec_preset(codec).encoder_options(Effort.ECONOMY, gop_frames=GOP, cap_bps=4_000_000, more=more)
