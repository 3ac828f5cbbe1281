"""The sandboxed probe on real clips. What is expected was read by decoding every frame with another reader."""

import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from core.errors import Rejected
from core.sandbox.child import ChildRunner
from tests.clips import PICTURES
from tests.media import FFMPEG, shared
from tests.selection import some
from transcode.probe.probe import probe
from transcode.probe.probe_child import SMALL_LEAD_S
from transcode.probe.source import Index, Source, from_json, index_from_json, index_to_json, to_json

SOME_PICTURES = {
    "core/phone_rot270_720p30_5s.mp4",
    "odd/m4v_two_movtext_subs_vfr_7s.m4v",
    "odd/mpeg2_1080i50_hdv_anamorphic_1s.mov",
    "odd/fragmented_h264_aac_33s.mp4",
    "odd/avi_two_video_two_audio_18s.avi",
    "hdr/hdr10_av1_1080p60_mdcv_clli_1s.mp4",
    "broken/no_initial_keyframe.ts",
}
INTERLACED = {"odd/mpeg2_1080i50_hdv_anamorphic_1s.mov", "odd/sony_a7m3_1080i25_ac3_pgs_0.5s.mts"}
VARIABLE = {"odd/h263_amr_176x144_15s.3gp", "odd/m4v_two_movtext_subs_vfr_7s.m4v", "odd/mkv_pgs_subs_1s.mkv"}
NOT_CONSTANT = VARIABLE | {
    "core/elephantsdream_576p24_20s_2audio.ts",
    "odd/4k60_portrait_rot90_0.3s.mp4",
    "odd/avi_two_video_two_audio_18s.avi",
    "odd/interview_320x180_35s.mp4",
    "odd/product_joyrides_ad_720p24_19s_opus.ts",
    "broken/no_initial_keyframe.ts",
}


@pytest.fixture(scope="module")
async def runner() -> ChildRunner:
    return await ChildRunner.detect("best-effort")


async def read(file: Path, work_dir: Path, runner: ChildRunner) -> tuple[Source, Index | None]:
    return await probe(file, work_dir, runner, max_pixels=50_000_000, max_duration_s=12 * 3600)


async def read_pictures(file: Path, work_dir: Path, runner: ChildRunner) -> tuple[Source, Index]:
    source, index = await read(file, work_dir, runner)
    assert index is not None
    return source, index


@pytest.mark.parametrize("name", some(PICTURES, SOME_PICTURES))
async def test_pictures(name: str, tmp_path: Path, runner: ChildRunner) -> None:
    shown, rotation, rate, frames, seconds, sounds = PICTURES[name]
    source, index = await read_pictures(shared(name), tmp_path, runner)
    video = source.video
    assert video is not None
    assert f"{video.shown_width}x{video.shown_height}" == shown
    assert video.rotation == rotation
    assert video.frame_rate == Fraction(rate)
    assert video.frames == frames
    # Sound that leads by less than two frames is cut to where the picture begins.
    lead_s = -min(track.start_s for track in (video, *source.audio))
    assert 0 <= lead_s <= SMALL_LEAD_S
    assert abs(float(source.duration_s + lead_s) - seconds) < 0.001
    assert len(source.audio) == sounds
    assert source.unplayable_audio == ()
    assert video.interlaced is (name in INTERLACED)
    assert video.variable is (name in VARIABLE)
    assert index.constant is (name not in NOT_CONSTANT)
    consistent(index, frames)
    assert (from_json(to_json(source)), index_from_json(index_to_json(index))) == (source, index)


def consistent(index: Index, frames: int) -> None:
    at = 0
    for gop in index.gops:
        assert gop.frame == at
        assert gop.frames > 0
        assert gop.bytes > 0
        at += gop.frames
    assert at == frames


@pytest.mark.parametrize(
    "name",
    some(
        [
            "odd/sony_a7m3_1080i25_ac3_pgs_0.5s.mts",  # two packets per frame
            "odd/vp9_10bit_426x240_3s.webm",  # hidden frames in packets of their own
            "odd/iibbibb_editlist_yuv444_1fps.mp4",
            "odd/slowmo_sef_320x240.mp4",
            "hdr/hlg_hevc10_1080p60_iphone_8frames.mov",
            "broken/no_initial_keyframe.ts",
        ],
        ["odd/sony_a7m3_1080i25_ac3_pgs_0.5s.mts", "odd/vp9_10bit_426x240_3s.webm"],
    ),
)
async def test_pictures_are_those_a_decoder_shows(name: str, tmp_path: Path, runner: ChildRunner) -> None:
    source, _ = await read_pictures(shared(name), tmp_path, runner)
    assert source.video is not None
    with av.open(str(shared(name))) as container:
        stream = container.streams[source.video.index]
        times = sorted(frame.pts * stream.time_base for frame in container.decode(stream))
    assert source.video.frames == len(times)
    assert source.video.duration_s >= times[-1] - times[0]
    assert source.video.longest_gap_s >= max(b - a for a, b in pairwise(times))


async def test_facts_of_the_whole_clip(tmp_path: Path, runner: ChildRunner) -> None:
    source, index = await read_pictures(shared("core/bbb_1080p24_20s_aac51.mp4"), tmp_path, runner)
    video, sound = source.video, source.audio[0]
    assert video is not None
    assert (video.codec, video.profile, video.level, video.bit_depth) == ("h264", "Main", 40, 8)
    assert (video.keyframes, video.longest_gop_s, video.longest_gap_s) == (11, 2, Fraction(1, 24))
    assert 4_400_000 < video.bit_rate_bps < 4_500_000
    assert (sound.codec, sound.profile, sound.channels, sound.sample_rate_hz) == ("aac", "LC", 6, 48_000)
    assert 190_000 < sound.bit_rate_bps < 195_000
    assert index.all_idr
    assert [gop.frame for gop in index.gops] == [48 * n for n in range(11)]
    assert sum(gop.bytes for gop in index.gops) * 8 / video.duration_s == pytest.approx(video.bit_rate_bps, abs=1)


@pytest.mark.parametrize(
    ("name", "primaries", "transfer", "matrix", "full_range", "hdr"),
    some(
        [
            ("odd/bt601_full_range_2s.mp4", "smpte170m", "smpte170m", "unspecified", True, False),
            ("odd/4k60_portrait_rot90_0.3s.mp4", "bt470bg", "smpte170m", "itu601", True, False),
            ("core/head_vertical_hevc_1080x1920_20s.mp4", "bt709", "bt709", "itu709", False, False),
            ("hdr/hdr10_av1_720x1280_4s.mp4", "bt2020", "smpte2084", "bt2020", False, True),
            ("hdr/hdr10_av1_1080p60_mdcv_clli_1s.mp4", "bt2020", "smpte2084", "bt2020", False, True),
            ("hdr/hdr10plus_hevc10_256x144_10.8s.mkv", "bt2020", "smpte2084", "bt2020", False, True),
            ("hdr/hlg_hevc10_1080p60_iphone_8frames.mov", "bt2020", "arib-std-b67", "bt2020", False, True),
            ("hdr/hlg_hevc10_1080p_rot90_editlist_2.5s.mp4", "bt2020", "arib-std-b67", "bt2020", False, True),
            ("hdr/dolbyvision_p9_avc_1080p60_1.3s.mp4", "unspecified", "unspecified", "unspecified", False, False),
        ],
        ["odd/bt601_full_range_2s.mp4", "hdr/hdr10_av1_720x1280_4s.mp4"],
    ),
)
async def test_colour(
    name: str,
    primaries: str,
    transfer: str,
    matrix: str,
    full_range: bool,
    hdr: bool,
    tmp_path: Path,
    runner: ChildRunner,
) -> None:
    source, _ = await read(shared(name), tmp_path, runner)
    video = source.video
    assert video is not None
    assert (video.primaries, video.transfer, video.matrix) == (primaries, transfer, matrix)
    assert (video.full_range, video.is_hdr) == (full_range, hdr)


SOME_REFUSED = (
    "odd/vvc_10bit_320x180_5s.mp4",
    "odd/mpeg2_pal_10.6s.mxf",
    "broken/broken_mp4_4kB.mp4",
    "broken/-video-with-dash-.mp4",
    "broken/zero_bytes.webm",
)
# name: container, seconds, (codec, channels, sample rate)
SOUNDS = {
    "audio/audio_only_15s.mp4": ("mp4", 15.019, [("aac", 2, 48_000)]),
    "audio/opus_51.mka": ("matroska", 2.735, [("opus", 6, 48_000)]),
    "audio/audio_ac3_and_aac_tracks_0.3s.mp4": ("mp4", 0.298, [("ac3", 6, 48_000), ("aac", 2, 48_000)]),
    "audio/mp4_two_51_audio_tracks_5s.mp4": ("mp4", 5.013, [("aac", 6, 48_000)] * 2),
    "speech/en_de_multilingual.mp3": ("mp3", 59.9, [("mp3", 1, 24_000)]),
    "speech/en_jfk_11s.flac": ("flac", 11.0, [("flac", 2, 44_100)]),
    "speech/ru_deepspeech_6s.wav": ("wav", 5.667, [("pcm_s16le", 1, 16_000)]),
}


@pytest.mark.parametrize("name", some(SOUNDS, ("audio/opus_51.mka", "speech/en_de_multilingual.mp3")))
async def test_sound_only(name: str, tmp_path: Path, runner: ChildRunner) -> None:
    container, seconds, tracks = SOUNDS[name]
    source, index = await read(shared(name), tmp_path, runner)
    assert (source.container, source.video, index) == (container, None, None)
    assert abs(float(source.duration_s) - seconds) < 0.001
    assert [(track.codec, track.channels, track.sample_rate_hz) for track in source.audio] == tracks
    assert min(track.start_s for track in source.audio) == 0


@pytest.mark.parametrize(
    ("name", "code"),
    some(
        [
            ("odd/vvc_10bit_320x180_5s.mp4", "unsupported_codec"),
            ("hdr/dolbyvision_p10_av1_4k30_4s.mp4", "unsupported_codec"),
            ("odd/mpeg2_pal_10.6s.mxf", "unsupported_container"),
            ("broken/broken_mp4_4kB.mp4", "corrupt"),
            ("broken/chunk_out_of_range.mp4", "corrupt"),
            ("broken/malformed_free_box.mp4", "corrupt"),
            ("broken/fragmented_uuid_undecodable.mp4", "corrupt"),
            ("broken/h264_missing_refs_and_errors.264", "unsupported_container"),
            ("broken/-video-with-dash-.mp4", "dimensions"),
            ("broken/zero_bytes.webm", "not_media"),
        ],
        SOME_REFUSED,
    ),
)
async def test_refused(name: str, code: str, tmp_path: Path, runner: ChildRunner) -> None:
    with pytest.raises(Rejected) as refused:
        await read(shared(name), tmp_path, runner)
    assert refused.value.code == code
    assert refused.value.hint


@pytest.mark.parametrize(
    ("name", "damaged"),
    some(
        [
            ("broken/corrupted_720p.mp4", True),  # its last third: found without decoding that far
            ("broken/invalid_nalu.mp4", True),
            ("broken/no_timescale_bad_rotation.mp4", True),
            ("broken/no_initial_keyframe.ts", True),
            ("broken/ts_hevc_4k_cut_fragment.ts", True),
            ("broken/mdat_too_long.mp4", False),
            ("broken/empty_second_video_track.mp4", False),
            ("broken/missing_keyframe_labels_720p60.ts", False),
        ],
        ["broken/corrupted_720p.mp4", "broken/mdat_too_long.mp4"],
    ),
)
async def test_damage(name: str, damaged: bool, tmp_path: Path, runner: ChildRunner) -> None:
    source, index = await read_pictures(shared(name), tmp_path, runner)
    assert source.damaged is damaged
    assert source.video is not None
    consistent(index, source.video.frames)


def ffmpeg(*options: str) -> None:
    subprocess.run([FFMPEG, "-v", "error", "-y", *options], check=True, timeout=60)


def make(path: Path, *options: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=4", *options, str(path))
    return path


X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "25", "-sc_threshold", "0")


@pytest.mark.parametrize("suffix", some(["mp4", "mkv", "ts", "avi"], ["mp4", "ts"]))
@pytest.mark.parametrize(("params", "all_idr"), [("open-gop=0", True), ("open-gop=1", False)])
async def test_idr_pictures_in_both_forms_of_packets(
    suffix: str, params: str, all_idr: bool, tmp_path: Path, runner: ChildRunner
) -> None:
    file = make(tmp_path / f"a.{suffix}", *X264, "-bf", "3", "-x264-params", params)
    source, index = await read_pictures(file, tmp_path, runner)
    assert source.video is not None
    assert (source.video.frames, source.video.frame_rate, source.video.keyframes) == (100, 25, 4)
    assert (index.all_idr, index.constant) == (all_idr, True)
    consistent(index, 100)


@pytest.mark.parametrize("suffix", some(["mp4", "ts"], ["ts"]))
async def test_interlaced_h264_counts_frames(suffix: str, tmp_path: Path, runner: ChildRunner) -> None:
    file = make(tmp_path / f"a.{suffix}", "-vf", "setfield=tff", *X264, "-flags", "+ildct+ilme")
    source, index = await read_pictures(file, tmp_path, runner)
    assert source.video is not None
    assert (source.video.interlaced, source.video.frames, source.video.frame_rate) == (True, 100, 25)
    assert index.constant


async def test_keyframes_alone(tmp_path: Path, runner: ChildRunner) -> None:
    source, index = await read_pictures(make(tmp_path / "a.mov", "-c:v", "prores_ks"), tmp_path, runner)
    assert source.video is not None
    assert (source.video.codec, source.video.keyframes, len(index.gops)) == ("prores", 100, 100)
    assert not index.all_idr


async def test_a_first_track_that_is_neither_picture_nor_sound(tmp_path: Path, runner: ChildRunner) -> None:
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    clip, file = make(tmp_path / "a.mp4", *X264), tmp_path / "a.mkv"
    ffmpeg("-i", str(clip), "-i", str(tmp_path / "a.srt"), "-map", "1", "-map", "0", "-c", "copy", str(file))
    source, _ = await read(file, tmp_path, runner)
    assert source.video is not None
    assert (source.video.index, source.video.frames) == (1, 100)


async def test_a_cover_is_no_video(tmp_path: Path, runner: ChildRunner) -> None:
    cover = make(tmp_path / "cover.png", "-frames:v", "1")
    song = tmp_path / "song.m4a"
    sine = ("-f", "lavfi", "-i", "sine=duration=2", "-i", str(cover), "-map", "0", "-map", "1")
    ffmpeg(*sine, "-c:a", "aac", "-c:v", "copy", "-disposition:v", "attached_pic", str(song))
    source, index = await read(song, tmp_path, runner)
    assert (source.video, index) == (None, None)
    assert [track.codec for track in source.audio] == ["aac"]


async def test_sound_nothing_decodes_is_named(tmp_path: Path, runner: ChildRunner) -> None:
    file = make(tmp_path / "a.mkv", "-f", "lavfi", "-i", "sine=duration=4", *X264, "-c:a", "wmav2")
    source, _ = await read(file, tmp_path, runner)
    assert (source.audio, source.unplayable_audio) == ((), ("wmav2",))
    bare = tmp_path / "bare.mka"
    ffmpeg("-i", str(file), "-vn", "-c", "copy", str(bare))
    with pytest.raises(Rejected, match="wmav2") as refused:
        await read(bare, tmp_path, runner)
    assert refused.value.code == "unsupported_codec"


async def test_too_long_and_too_large_are_refused(tmp_path: Path, runner: ChildRunner) -> None:
    file = make(tmp_path / "a.mp4", *X264)
    for limits, code in (((50_000_000, 3), "too_long"), ((50_000, 100), "dimensions")):
        with pytest.raises(Rejected) as refused:
            await probe(file, tmp_path, runner, max_pixels=limits[0], max_duration_s=limits[1])
        assert refused.value.code == code
