"""transcode.fmp4: real encodes, read, checked and cut; and whatever is wrong with them is WrongOutput, nothing else."""

import hashlib
import io
import struct
import subprocess
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import FFMPEG, generate
from tests.unit.test_plan import source
from transcode.command import AUDIO_FILE, encode_argv
from transcode.fmp4 import AAC_FRAME_SAMPLES, Cut, WrongOutput, cut_audio, cut_video, read
from transcode.plan import EncodePlan, VideoRung, plan

BEEPS_S = (1.0, 5.95, 7.5)  # the second one spans the end of the first segment
FRAMES = 251
SEGMENT_S = Fraction(180 * 1001, 30_000)
PROPERTY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Encodes:
    """One finished ffmpeg run: `video` and `audio` are its files."""

    plan: EncodePlan
    folder: Path

    @property
    def video(self) -> Path:
        return self.folder / "v64.mp4"

    @property
    def audio(self) -> Path:
        return self.folder / AUDIO_FILE

    def cut_video(self, path: Path | None = None, **changed: int) -> Cut:
        planned = {
            "frames": self.plan.frames,
            "frame_ticks": self.plan.frame_ticks,
            "timescale": self.plan.timescale,
            "gop": self.plan.gop_frames,
            "segment": self.plan.segment_frames,
        }
        return cut_video(path or self.video, **{**planned, **changed})

    def cut_audio(self, path: Path | None = None) -> Cut:
        return cut_audio(path or self.audio, duration_s=self.plan.duration_s, segment_s=SEGMENT_S)


@pytest.fixture(scope="module")
def encodes(tmp_path_factory: pytest.TempPathFactory) -> Encodes:
    """8.4 s at 29.97 fps with three beeps, through the real command."""
    folder = tmp_path_factory.mktemp("fmp4")
    beeps = "+".join(f"between(t,{at},{at + 0.1})" for at in BEEPS_S)
    sound = f"aevalsrc=exprs='0.8*sin(2*PI*1000*t)*({beeps})':sample_rate=48000:duration=9"
    generate(folder / "in.mov", "testsrc2=size=112x64:rate=30000/1001:duration=9", sound, "-c:a", "pcm_s16le")
    made = plan(source(duration_s=FRAMES * Fraction(1001, 30_000)), preset="veryfast")
    made = replace(made, rungs=(VideoRung(id="v64", width=112, height=64, cap_bps=100_000),))
    argv = encode_argv(made, FFMPEG, folder / "in.mov")
    subprocess.run(argv, check=True, cwd=folder, capture_output=True, timeout=60)
    return Encodes(plan=made, folder=folder)


@pytest.fixture(scope="module")
def video(encodes: Encodes) -> Cut:
    return encodes.cut_video()


@pytest.fixture(scope="module")
def audio(encodes: Encodes) -> Cut:
    return encodes.cut_audio()


def content(cut: Cut) -> list[bytes]:
    """init, segment, segment, ..."""
    pieces = [cut.init, *(piece for piece, _ in cut.segments)]
    return [piece.path.read_bytes()[piece.offset : piece.offset + piece.blob.size_bytes] for piece in pieces]


def joined(cut: Cut) -> bytes:
    return b"".join(content(cut))


def test_video_is_cut_where_planned(encodes: Encodes, video: Cut) -> None:
    assert (encodes.plan.gop_frames, encodes.plan.segment_frames) == (60, 180)
    assert [ticks for _, ticks in video.segments] == [180 * 1001, 71 * 1001]
    assert video.timescale == 30_000
    assert video.codec.startswith("avc1.6400")


def test_audio_is_cut_near_the_videos_grid(encodes: Encodes, audio: Cut) -> None:
    assert (audio.codec, audio.timescale) == ("mp4a.40.2", 48_000)
    total = sum(ticks for _, ticks in audio.segments)
    assert 0 <= Fraction(total, 48_000) - encodes.plan.duration_s < Fraction(AAC_FRAME_SAMPLES, 48_000)
    assert abs(Fraction(audio.segments[0][1], 48_000) - SEGMENT_S) <= Fraction(AAC_FRAME_SAMPLES // 2, 48_000)


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_pieces_have_their_hash_and_leave_no_hole(kind: str, request: pytest.FixtureRequest) -> None:
    cut: Cut = request.getfixturevalue(kind)
    pieces = [cut.init, *(piece for piece, _ in cut.segments)]
    for piece, body in zip(pieces, content(cut), strict=True):
        assert piece.blob.sha256 == hashlib.sha256(body).hexdigest()
        assert len(body) == piece.blob.size_bytes
    assert pieces[0].offset == 0
    assert all(a.offset + a.blob.size_bytes == b.offset for a, b in pairwise(pieces))
    rest = pieces[0].path.read_bytes()[pieces[-1].offset + pieces[-1].blob.size_bytes :]
    assert rest == b"" or rest[4:8] == b"mfra", "only the index at the end, which no player needs, is left out"


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_decode_times_are_continuous(kind: str, request: pytest.FixtureRequest) -> None:
    """Apple 7.3: tfdt continuous across segments; from 0."""
    cut: Cut = request.getfixturevalue(kind)
    init, *segments = content(cut)
    clock = 0
    for body, (_, ticks) in zip(segments, cut.segments, strict=True):
        track = read(init + body)
        assert track.fragments[0].decode_time == clock
        assert track.fragments[0].starts_with_sync
        assert sum(sum(fragment.durations) for fragment in track.fragments) == ticks
        clock += ticks


def test_every_frame_is_shown_from_zero(video: Cut) -> None:
    """Apple 7.4: each segment begins with an IDR; the joined pieces decode to exactly the planned frames.

    libav moves all times of a track with negative composition offsets by the largest one, so here only distances count;
    that the first frame is at 0 is read from the boxes.
    """
    init, _, second = content(video)
    with av.open(io.BytesIO(joined(video))) as opened:
        frames = list(opened.decode(video=0))
    zero = frames[0].pts
    assert [frame.pts - zero for frame in frames] == [n * 1001 for n in range(FRAMES)]
    assert all(frames[n].key_frame for n in range(0, FRAMES, 60))
    with av.open(io.BytesIO(init + second)) as opened:
        assert next(opened.decode(video=0)).pts - zero == 180 * 1001
    first = read(joined(video)).fragments[0]
    assert first.decode_time + first.first_offset == 0


def onsets(media: bytes) -> list[float]:
    """Seconds at which sound begins after silence."""
    with av.open(io.BytesIO(media)) as opened:
        frames = list(opened.decode(audio=0))
    first = float(frames[0].pts * frames[0].time_base)
    loud = np.abs(np.concatenate([frame.to_ndarray()[0] for frame in frames])) > 0.3
    marks = np.flatnonzero(loud)
    return [first + marks[n] / 48_000 for n in range(len(marks)) if n == 0 or marks[n] - marks[n - 1] > 24_000]


def test_sound_is_in_time(audio: Cut) -> None:
    """AAC priming left in makes all sound 21 ms late: a beep is where it was within 5 ms."""
    assert onsets(joined(audio)) == pytest.approx(BEEPS_S, abs=0.005)
    init, _, second = content(audio)
    assert onsets(init + second)[-1:] == pytest.approx(BEEPS_S[-1:], abs=0.005)


@pytest.mark.parametrize(
    "wrong",
    [{"frames": FRAMES - 1}, {"frames": FRAMES + 1}, {"frame_ticks": 1000}, {"timescale": 25_000}, {"gop": 50}],
    ids=str,
)
def test_another_plan_than_encoded_is_refused(encodes: Encodes, wrong: dict[str, int]) -> None:
    with pytest.raises(WrongOutput):
        encodes.cut_video(**wrong)


def test_a_missing_last_fragment_is_refused(encodes: Encodes, tmp_path: Path) -> None:
    body = encodes.video.read_bytes()
    path = tmp_path / "v64.mp4"
    path.write_bytes(body[: read(body).fragments[-1].offset])
    with pytest.raises(WrongOutput, match=f"240 frames of {FRAMES}"):
        encodes.cut_video(path)


def test_too_little_sound_is_refused(encodes: Encodes) -> None:
    with pytest.raises(WrongOutput, match="frames of sound"):
        cut_audio(encodes.audio, duration_s=encodes.plan.duration_s + 1, segment_s=SEGMENT_S)


U32 = struct.Struct(">I").pack


def patched(body: bytes, box: str, at: int, value: bytes) -> bytes:
    """`value` over what is there, `at` bytes after the head of the first box of this name (its name is at -4)."""
    where = body.index(box.encode()) + 4 + at
    return body[:where] + value + body[where + len(value) :]


@pytest.mark.parametrize("kind", ["video", "audio"])
@pytest.mark.parametrize(
    ("box", "at", "value"),
    [
        pytest.param("ftyp", -8, b"\x7f", id="a box longer than the file"),
        pytest.param("moov", -8, U32(3), id="a box shorter than its head"),
        pytest.param("trak", -8, U32(0), id="a box of size 0"),
        pytest.param("moof", -4, b"free", id="no first fragment"),
        pytest.param("mdat", -4, b"free", id="no first samples"),
        pytest.param("mdhd", -4, b"free", id="no media header"),
        pytest.param("tfhd", -4, b"free", id="no fragment header"),
        pytest.param("tfdt", 8, U32(7), id="a fragment that is late"),
        pytest.param("udta", -4, b"free", id="nothing wrong"),
        pytest.param("stsd", 12, b"zzzz", id="another codec"),
        pytest.param("stsd", -8, U32(16), id="no sample entry"),
        pytest.param("mdhd", 12, U32(0), id="timescale 0"),
        pytest.param("mdhd", 12, U32(1), id="timescale 1"),
        pytest.param("trun", 0, U32(0x200), id="no data offset"),
        pytest.param("trun", 8, U32(0x7FFFFFFF), id="samples behind the end"),
        pytest.param("trun", 8, U32(0xFFFFFF00), id="samples before the fragment"),
        pytest.param("trun", 8, U32(0), id="samples in the header"),
        pytest.param("trun", 4, U32(50_000), id="more samples than rows"),
        pytest.param("trun", 4, U32(0), id="no samples"),
        pytest.param("trun", 16, U32(0x00FFFFFF), id="samples larger than their mdat"),
    ],
)
def test_damage_is_wrong_output(
    encodes: Encodes, kind: str, box: str, at: int, value: bytes, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Only WrongOutput may come out: it is what says "encode again" and not "our bug"."""
    name, cut = ("v64.mp4", encodes.cut_video) if kind == "video" else (AUDIO_FILE, encodes.cut_audio)
    path = tmp_path / name
    path.write_bytes(patched((encodes.folder / name).read_bytes(), box, at, value))
    if request.node.callspec.id.endswith("nothing wrong-" + kind):
        assert cut(path).segments
        return
    with pytest.raises(WrongOutput):
        cut(path)


def test_samples_without_rows_are_counted_against_their_mdat(encodes: Encodes) -> None:
    """Sizes by default only: a count alone must not cost time and memory."""
    body = patched(encodes.audio.read_bytes(), "trun", 0, U32(1) + U32(300_000))
    with pytest.raises(WrongOutput):
        read(body)


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_an_edit_list_is_refused(encodes: Encodes, kind: str) -> None:
    name = "v64.mp4" if kind == "video" else AUDIO_FILE
    body = patched((encodes.folder / name).read_bytes(), "tkhd", -4, b"edts")
    with pytest.raises(WrongOutput, match="edit list"):
        read(body)


def headers(body: bytes) -> list[int]:
    """Positions of all bytes that are not samples."""
    track, inside = read(body), set()
    for fragment in track.fragments:
        inside |= set(range(fragment.payload, fragment.offset + fragment.size))
    return [at for at in range(len(body)) if at not in inside]


def only_wrong_output(cut_one, path: Path) -> None:
    """It is refused as WrongOutput, or cut into pieces that lie in the file that was written."""
    try:
        cut: Cut = cut_one(path)
    except WrongOutput:
        return
    for piece in (cut.init, *(piece for piece, _ in cut.segments)):
        assert 0 < piece.blob.size_bytes <= piece.path.stat().st_size - piece.offset
    assert all(ticks > 0 for _, ticks in cut.segments)


@pytest.mark.parametrize("kind", ["video", "audio"])
@PROPERTY
@given(data=st.data())
def test_a_cut_off_file_is_wrong_output(encodes: Encodes, kind: str, tmp_path: Path, data: st.DataObject) -> None:
    name, cut = ("v64.mp4", encodes.cut_video) if kind == "video" else (AUDIO_FILE, encodes.cut_audio)
    whole = (encodes.folder / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[: data.draw(st.sampled_from([0, *headers(whole)]) | st.integers(0, len(whole)))])
    only_wrong_output(cut, path)


@pytest.mark.parametrize("kind", ["video", "audio"])
@PROPERTY
@given(data=st.data())
def test_flipped_bytes_are_wrong_output(encodes: Encodes, kind: str, tmp_path: Path, data: st.DataObject) -> None:
    name, cut = ("v64.mp4", encodes.cut_video) if kind == "video" else (AUDIO_FILE, encodes.cut_audio)
    body = bytearray((encodes.folder / name).read_bytes())
    values = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
    changes = st.tuples(st.sampled_from(headers(bytes(body))), values)
    for at, value in data.draw(st.lists(changes, min_size=1, max_size=3)):
        body[at] = value
    path = tmp_path / name
    path.write_bytes(body)
    only_wrong_output(cut, path)


@given(st.binary(max_size=400))
@example(b"\0\0\0\x01moov")
@example(b"\0\0\0\x08moov")
@example(b"\0\0\0\x08moof\0\0\0\x08mdat")
def test_junk_is_wrong_output(junk: bytes) -> None:
    with pytest.raises(WrongOutput):
        read(junk)
