"""transcode.encode.cutters: real encodes, checked and cut while they grow; whatever is wrong with them is WrongOutput
alone."""

import hashlib
import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.media.encoded import Blob
from tests.encodes import BEEPS_S, FRAMES, Encodes, body_of, content, grid_of, patched, ran
from tests.media import FFMPEG, generate
from tests.sources import source
from transcode.encode.argv import audio_argv, video_argv
from transcode.encode.cutters import AAC_FRAME_SAMPLES, AudioCutter, ByteRange, Cut, VideoCutter
from transcode.encode.fragments import Fragment, FragmentReader, WrongOutput
from transcode.plan.build import build_plan

SEGMENT_S = Fraction(180 * 1001, 30_000)
PROPERTY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def sound(encodes: Encodes) -> Cut:
    return encodes.cut("sound")


@pytest.fixture(scope="module")
def video(encodes: Encodes) -> Cut:
    return encodes.cut("video")


def joined(cut: Cut) -> bytes:
    return b"".join(content(cut))


def read(body: bytes, folder: Path) -> list[Fragment]:
    """The fragments of a whole file."""
    path = folder / "read.mp4"
    path.write_bytes(body)
    return FragmentReader(path).finish()


def blobs(cut: Cut) -> list[tuple[Blob, int]]:
    return [(cut.init.blob, 0), *((piece.blob, ticks) for piece, ticks in cut.segments)]


def test_video_is_cut_where_planned(encodes: Encodes, video: Cut) -> None:
    assert (encodes.plan.gop_frames, encodes.plan.cuts) == (60, (0, 180))
    assert [ticks for _, ticks in video.segments] == [180 * 1001, 71 * 1001]
    assert video.timescale == 30_000
    assert video.codec.startswith("avc1.6400")


def test_sound_is_cut_near_the_videos_grid(encodes: Encodes, sound: Cut) -> None:
    assert (sound.codec, sound.timescale) == ("mp4a.40.2", 48_000)
    total = sum(ticks for _, ticks in sound.segments)
    assert 0 <= Fraction(total, 48_000) - encodes.plan.duration_s < Fraction(AAC_FRAME_SAMPLES, 48_000)
    assert abs(Fraction(sound.segments[0][1], 48_000) - SEGMENT_S) <= Fraction(AAC_FRAME_SAMPLES // 2, 48_000)


@pytest.mark.parametrize("kind", ["video", "sound"])
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


@pytest.mark.parametrize("kind", ["video", "sound"])
def test_decode_times_are_continuous(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Apple 7.3: tfdt continuous across segments; from 0."""
    cut: Cut = request.getfixturevalue(kind)
    init, *segments = content(cut)
    assert len(segments) == 2
    clock = 0
    for body, (_, ticks) in zip(segments, cut.segments, strict=True):
        fragments = read(init + body, tmp_path)
        assert fragments[0].decode_time == clock
        assert fragments[0].starts_with_sync
        assert sum(len(fragment.durations) * fragment.durations[0] for fragment in fragments) == ticks
        clock += ticks


def test_every_frame_is_shown_from_zero(video: Cut, tmp_path: Path) -> None:
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
    first = read(joined(video), tmp_path)[0]
    assert first.decode_time + first.first_offset == 0


def test_every_keyframe_is_shown_by_its_range_alone(video: Cut) -> None:
    """Apple 6.10: a byte range of an I-frame list includes the moof; nothing after it is needed to show the picture."""
    init = content(video)[0]
    with av.open(io.BytesIO(joined(video))) as opened:
        whole = [frame.to_ndarray() for frame in opened.decode(video=0)]
    shown, first = [], 0
    for piece, ticks in video.segments:
        assert sum(frame.duration for frame in piece.keyframes) == ticks
        body = body_of(piece)
        for frame in piece.keyframes:
            part = body[frame.offset : frame.offset + frame.size_bytes]
            assert part[4:8] == b"moof"
            with av.open(io.BytesIO(init + part)) as opened:
                assert np.array_equal(next(opened.decode(video=0)).to_ndarray(), whole[first])
            shown.append(first)
            first += frame.duration // 1001
            if first not in (180, FRAMES):
                at = frame.offset + frame.size_bytes
                assert body.find(b"moof", at) > at, "other pictures follow before the next fragment"
    assert (shown, first) == ([0, 60, 120, 180, 240], FRAMES)


def test_sound_has_no_keyframes(sound: Cut) -> None:
    assert [piece.keyframes for piece, _ in sound.segments] == [()] * 2


def onsets(media: bytes) -> list[float]:
    """Seconds at which sound begins after silence."""
    with av.open(io.BytesIO(media)) as opened:
        frames = list(opened.decode(audio=0))
    first = float(frames[0].pts * frames[0].time_base)
    loud = np.abs(np.concatenate([frame.to_ndarray()[0] for frame in frames])) > 0.3
    marks = np.flatnonzero(loud)
    rate = frames[0].sample_rate
    return [first + marks[n] / rate for n in range(len(marks)) if n == 0 or marks[n] - marks[n - 1] > rate // 2]


def test_sound_is_in_time(sound: Cut) -> None:
    """AAC priming left in makes all sound 21 ms late: a beep is where it was within 5 ms."""
    assert onsets(joined(sound)) == pytest.approx(BEEPS_S, abs=0.005)
    init, _, second = content(sound)
    assert onsets(init + second)[-1:] == pytest.approx(BEEPS_S[-1:], abs=0.005)


def test_sound_copied_from_an_upload_is_in_time(encodes: Encodes, tmp_path: Path) -> None:
    """AAC of 44.1 kHz taken as it is, its priming hidden by the upload's edit list."""
    upload = tmp_path / "in.mp4"
    ran(
        [FFMPEG, "-i", str(encodes.folder / "in.mov"), "-c:v", "copy", "-c:a", "aac", "-ar", "44100", str(upload)],
        tmp_path,
    )
    ran(audio_argv(encodes.plan, FFMPEG, upload, encodes.plan.audio[0], copy=True), tmp_path)
    cut = encodes.cut("sound", tmp_path / "a1.mp4")
    assert cut.timescale == 44_100
    assert onsets(joined(cut)) == pytest.approx(BEEPS_S, abs=0.03)


def test_the_last_gop_stands_alone(encodes: Encodes) -> None:
    cutter = encodes.cutter("video", encodes.video)
    assert isinstance(cutter, VideoCutter)
    with pytest.raises(WrongOutput, match="no frames"):
        cutter.gops()
    cutter.finish()
    gop = cutter.gops()[-1]
    body = encodes.video.read_bytes()
    with av.open(io.BytesIO(body[: gop.init_size] + body[gop.offset : gop.offset + gop.size])) as opened:
        assert len(list(opened.decode(video=0))) == gop.frames == 11


def grown(encodes: Encodes, kind: str, folder: Path, stops: Sequence[int]) -> tuple[list[tuple[ByteRange, int]], Cut]:
    """(what the polls gave, the whole) of a file that grew to each of `stops` bytes and then to its end."""
    whole = encodes.file(kind).read_bytes()
    path = folder / f"{kind}.mp4"
    path.unlink(missing_ok=True)
    cutter = encodes.cutter(kind, path)
    polled: list[tuple[ByteRange, int]] = list(cutter.poll())
    assert not polled, "there is no file yet"
    written = 0
    for stop in (*stops, len(whole)):
        with path.open("ab") as file:
            file.write(whole[written:stop])
        written = max(written, stop)
        new = cutter.poll()
        assert not new or cutter.init is not None
        polled += new
    return polled, cutter.finish()


@pytest.mark.parametrize("kind", ["video", "sound"])
@PROPERTY
@given(data=st.data())
def test_a_file_that_grows_gives_the_same_segments(
    encodes: Encodes, kind: str, tmp_path: Path, data: st.DataObject
) -> None:
    whole = encodes.cut(kind)
    positions = st.integers(0, encodes.file(kind).stat().st_size)
    polled, cut = grown(encodes, kind, tmp_path, sorted(data.draw(st.lists(positions, max_size=12))))
    assert polled == list(cut.segments), "each segment once, in order"
    assert blobs(cut) == blobs(whole)
    assert (cut.codec, cut.timescale) == (whole.codec, whole.timescale)
    assert content(cut) == content(whole)


@pytest.mark.parametrize("kind", ["video", "sound"])
def test_a_file_that_grows_box_by_box(encodes: Encodes, kind: str, tmp_path: Path) -> None:
    """A segment is given as soon as its last byte is there, and not a byte before."""
    path = encodes.file(kind)
    last = [fragment.offset + fragment.size for fragment in FragmentReader(path).finish()]
    stops = sorted([*(end - 1 for end in last), *last])
    polled, cut = grown(encodes, kind, tmp_path, stops)
    assert polled == list(cut.segments)
    assert blobs(cut) == blobs(encodes.cut(kind))
    whole, cutter = path.read_bytes(), encodes.cutter(kind, tmp_path / "early.mp4")
    first_end = next(end for end in last if piece_end(encodes, kind) <= end)
    (tmp_path / "early.mp4").write_bytes(whole[: first_end - 1])
    assert cutter.poll() == []
    (tmp_path / "early.mp4").write_bytes(whole[:first_end])
    assert [piece.blob for piece, _ in cutter.poll()] == [cut.segments[0][0].blob]


def piece_end(encodes: Encodes, kind: str) -> int:
    """Where in the encoder's own file the samples of the first segment end."""
    frames = encodes.cut(kind).segments[0][1] // (1001 if kind == "video" else AAC_FRAME_SAMPLES)
    shown = 0
    for fragment in FragmentReader(encodes.file(kind)).finish():
        at, time = fragment.payload, fragment.decode_time - (0 if kind == "video" else 480_000)
        for size, duration in zip(fragment.sizes, fragment.durations, strict=True):
            at += size
            shown += time >= 0
            time += duration
            if shown == frames:
                return at
    raise AssertionError("the first segment is not in the file")


@pytest.mark.parametrize(
    "wrong",
    [
        {"end": FRAMES - 1},
        {"end": FRAMES + 1},
        {"first": 1},
        {"frame_ticks": 1000},
        {"timescale": 25_000},
        {"gop": 50},
        {"cuts": (0, 179)},
        {"cuts": (0, 60, 150)},
    ],
    ids=str,
)
def test_another_plan_than_encoded_is_refused(encodes: Encodes, wrong: dict[str, int]) -> None:
    with pytest.raises(WrongOutput):
        encodes.cut("video", **wrong)


def test_any_cut_on_a_keyframe_is_taken(encodes: Encodes) -> None:
    """gop 0: what somebody else encoded may have GOPs of any length."""
    cut = encodes.cut("video", cuts=(0, 60, 120, 240), gop=0)
    assert [ticks // 1001 for _, ticks in cut.segments] == [60, 60, 120, 11]
    assert b"".join(content(cut)) == joined(encodes.cut("video"))


def without(body: bytes, fragment: Fragment) -> bytes:
    return body[: fragment.offset] + body[fragment.offset + fragment.size :]


@pytest.mark.parametrize("number", [0, 1, 3, 4])
@pytest.mark.parametrize("kind", ["video", "sound"])
def test_a_missing_fragment_is_refused(encodes: Encodes, kind: str, number: int, tmp_path: Path) -> None:
    body = encodes.file(kind).read_bytes()
    fragments = FragmentReader(encodes.file(kind)).finish()
    path = tmp_path / "hole.mp4"
    path.write_bytes(without(body, fragments[number]))
    with pytest.raises(WrongOutput):
        encodes.cut(kind, path)


def test_a_missing_last_fragment_is_told_in_frames(encodes: Encodes, tmp_path: Path) -> None:
    path = tmp_path / "v64.mp4"
    path.write_bytes(encodes.video.read_bytes()[: FragmentReader(encodes.video).finish()[-1].offset])
    with pytest.raises(WrongOutput, match=f"frames end at 240 of {FRAMES}"):
        encodes.cut("video", path)


def test_a_frame_of_another_length_is_refused(encodes: Encodes, tmp_path: Path) -> None:
    """A frame is missing, and the one before stands for two: 60 samples last 61 frames."""
    ran(
        [
            *(FFMPEG, "-i", str(encodes.folder / "in.mov"), "-an", "-vf", "select=not(eq(n\\,70)),trim=end_frame=250"),
            *("-fps_mode", "passthrough", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-bf", "0"),
            *("-video_track_timescale", "30000", "-movflags", "+cmaf+frag_keyframe+frag_discont", "v64.mp4"),
        ],
        tmp_path,
    )
    with pytest.raises(WrongOutput, match=r"fragment at frame 60 .* frames of \[1001, 2002\] ticks"):
        encodes.cut("video", tmp_path / "v64.mp4")


U32_NON_SYNC = (0x01010000).to_bytes(4, "big")


def test_a_fragment_without_a_sync_sample_is_refused(encodes: Encodes, tmp_path: Path) -> None:
    body = encodes.video.read_bytes()
    third = FragmentReader(encodes.video).finish()[2].offset
    trun = body.index(b"trun", third)
    assert body[trun + 7] & 4, "the encoder says it in first-sample-flags"
    at = trun + 16
    path = tmp_path / "v64.mp4"
    path.write_bytes(body[:at] + U32_NON_SYNC + body[at + 4 :])
    with pytest.raises(WrongOutput, match="sync False"):
        encodes.cut("video", path)


def test_too_little_sound_is_refused(encodes: Encodes, tmp_path: Path) -> None:
    path = Path(shutil.copy(encodes.sound, tmp_path))
    cutter = AudioCutter(path, duration_s=encodes.plan.duration_s + 1, cuts_s=encodes.plan.cuts_s)
    with pytest.raises(WrongOutput, match="audio frames, more are needed"):
        cutter.finish()


def test_a_hole_in_the_sound_is_refused_even_where_enough_is_left(encodes: Encodes, tmp_path: Path) -> None:
    fragments = FragmentReader(encodes.sound).finish()
    path = tmp_path / "a1.mp4"
    path.write_bytes(without(encodes.sound.read_bytes(), fragments[2]))
    with pytest.raises(WrongOutput, match=r"audio frames at \d+, expected at \d+"):
        AudioCutter(path, duration_s=Fraction(5), cuts_s=(Fraction(0),)).finish()


def test_segments_of_sound_are_numbered(sound: Cut) -> None:
    """ISO/IEC 14496-12 8.8.5: sequence numbers of fragments increase; mfhd is the first box of a moof."""
    segments = content(sound)[1:]
    assert [body[12:16] for body in segments] == [b"mfhd"] * 2
    assert [int.from_bytes(body[20:24], "big") for body in segments] == [1, 2]


def test_sound_that_begins_a_second_late_is_refused(encodes: Encodes, tmp_path: Path) -> None:
    """A hole before the first frame is a hole, too: its segments would not be where the playlist says."""
    ran(
        [
            *(FFMPEG, "-i", str(encodes.folder / "in.mov"), "-vn", "-c:a", "aac", "-output_ts_offset", "11"),
            *("-movflags", "+cmaf+frag_keyframe+frag_discont", "-frag_duration", "1000000", "a1.mp4"),
        ],
        tmp_path,
    )
    cutter = AudioCutter(tmp_path / "a1.mp4", duration_s=Fraction(6), cuts_s=(Fraction(0),))
    with pytest.raises(WrongOutput):
        cutter.finish()


def test_sound_has_no_segment_of_nothing(encodes: Encodes, tmp_path: Path) -> None:
    """Two cuts a picture apart at 60 fps may be nearest to the same frame of sound: 16.7 ms against 21.3."""
    path = Path(shutil.copy(encodes.sound, tmp_path))
    cuts_s = tuple(Fraction(at, 60) for at in (0, 363, 364))
    cut = AudioCutter(path, duration_s=encodes.plan.duration_s, cuts_s=cuts_s).finish()
    assert len(cut.segments) >= 2
    assert all(ticks > 0 for _, ticks in cut.segments), [ticks for _, ticks in cut.segments]


@pytest.mark.parametrize(
    ("box", "at", "value"),
    [
        pytest.param("mdhd", 12, 0, id="timescale 0"),
        pytest.param("mdhd", 12, 1, id="timescale 1"),
        pytest.param("mdhd", 12, 44_100, id="another timescale"),
        pytest.param("tfdt", 8, 7, id="a fragment that is late"),
    ],
)
@pytest.mark.parametrize("kind", ["video", "sound"])
def test_a_wrong_time_is_refused(encodes: Encodes, kind: str, box: str, at: int, value: int, tmp_path: Path) -> None:
    path = tmp_path / "wrong.mp4"
    path.write_bytes(patched(encodes.file(kind).read_bytes(), box, at, value.to_bytes(4, "big")))
    with pytest.raises(WrongOutput):
        encodes.cut(kind, path)


def test_chunks_cut_apart_are_one_rendition(tmp_path: Path) -> None:
    """Two chunks of 50 fps, cut where the source's keyframes are, and a rung of half the rate: equal init segments,
    segments of the same times, and every frame of the source in its place."""
    upload = tmp_path / "in.mp4"
    generate(upload, "testsrc2=size=112x64:rate=50:duration=8", None, "-g", "40")
    made = build_plan(source(width=112, height=64, frame_rate=Fraction(50), duration_s=Fraction(8), audio=()), None)
    full = replace(made.rungs[0], frame_step=1)
    half = replace(full, id="v32", width=56, height=32, frame_step=2)
    made = replace(made, rungs=(full, half), cuts=(0, 90, 190, 310), chunks=(0, 190), preset="veryfast")
    cuts: dict[str, list[Cut]] = {"v64": [], "v32": []}
    for chunk, (first, end) in enumerate((made.chunk(0), made.chunk(1))):
        folder = tmp_path / str(chunk)
        folder.mkdir()
        ran(video_argv(made, FFMPEG, upload, first=first, end=end, rungs=made.rungs), folder)
        for rung in made.rungs:
            cuts[rung.id].append(VideoCutter(folder / f"{rung.id}.mp4", grid_of(made, rung, chunk)).finish())
    assert len(made.rungs) == 2
    for rung in made.rungs:
        one, two = cuts[rung.id]
        assert one.init.blob == two.init.blob
        assert [ticks for _, ticks in (*one.segments, *two.segments)] == [90_000, 100_000, 120_000, 90_000]
        with av.open(io.BytesIO(joined(one) + b"".join(content(two)[1:]))) as opened:
            shown = [frame.pts for frame in opened.decode(video=0)]
        ticks = 1000 * rung.frame_step
        assert [at - shown[0] for at in shown] == [n * ticks for n in range(400 // rung.frame_step)]


@cache
def headers(path: Path) -> list[int]:
    """Positions of all bytes that are not samples: read once for all the examples that break one of them."""
    inside: set[int] = set()
    for fragment in FragmentReader(path).finish():
        inside |= set(range(fragment.payload, fragment.offset + fragment.size))
    return [at for at in range(path.stat().st_size) if at not in inside]


def only_wrong_output(finish: Callable[[], Cut]) -> None:
    """It is refused as WrongOutput, or cut into pieces that lie in the file that was written."""
    try:
        cut = finish()
    except WrongOutput:
        return
    for piece in (cut.init, *(piece for piece, _ in cut.segments)):
        assert 0 < piece.blob.size_bytes <= piece.path.stat().st_size - piece.offset
    assert all(ticks > 0 for _, ticks in cut.segments)


@pytest.mark.parametrize("kind", ["video", "sound"])
@PROPERTY
@given(data=st.data())
def test_a_cut_off_file_is_wrong_output(encodes: Encodes, kind: str, tmp_path: Path, data: st.DataObject) -> None:
    whole = encodes.file(kind).read_bytes()
    stops = st.sampled_from([0, *headers(encodes.file(kind))]) | st.integers(0, len(whole))
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: data.draw(stops)])
    only_wrong_output(encodes.cutter(kind, path).finish)


@pytest.mark.parametrize("kind", ["video", "sound"])
@PROPERTY
@given(data=st.data())
def test_flipped_bytes_are_wrong_output(encodes: Encodes, kind: str, tmp_path: Path, data: st.DataObject) -> None:
    body = bytearray(encodes.file(kind).read_bytes())
    values = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
    changes = st.tuples(st.sampled_from(headers(encodes.file(kind))), values)
    for at, value in data.draw(st.lists(changes, min_size=1, max_size=3)):
        body[at] = value
    path = tmp_path / "flipped.mp4"
    path.write_bytes(body)
    only_wrong_output(encodes.cutter(kind, path).finish)
