"""Every clip of ../shared/media/core and broken ends as its index says. `make acceptance`; minutes."""

import time
from fractions import Fraction
from pathlib import Path

import pytest

from tests.conftest import shared
from tests.playback import check_playback
from tests.stack import Stack

# name: displayed size, frame rate, seconds of the longest track as an independent demuxer reports them, sound
CORE = {
    "bbb_1080p24_20s_aac51.mp4": ("1920x1080", "24", 20.083, True),
    "bbb_1080p60_2s_5mbps.mp4": ("1920x1080", "60", 2.0, True),
    "elephantsdream_576p24_20s_2audio.ts": ("1024x576", "24", 20.246, True),
    "head_vertical_hevc_1080x1920_20s.mp4": ("1080x1920", "25", 20.08, True),
    "phone_rot270_720p30_5s.mp4": ("720x1280", "30000/1001", 4.972, True),
    "product_cups_720p30_10s.mp4": ("1280x720", "30000/1001", 10.01, True),
    "screencast_webcam_1920x880_60fps_14s.mp4": ("1920x880", "60", 13.617, True),
    "sintel_trailer_720p24_52s_av1_opus.webm": ("1280x720", "24", 52.209, True),
    "sintel_trailer_720p30_16s.mp4": ("1280x720", "30", 16.115, True),
    "speaker_slides_googleio_720p30_10s.ts": ("1280x720", "30000/1001", 10.025, True),
    "tears_of_steel_1080p2997_8s_frame_marks.mp4": ("1920x1080", "30000/1001", 8.008, False),
}
# name: the codes it may be rejected with, or the warnings it must carry when ready ("" for none in particular)
BROKEN: dict[str, tuple[set[str], set[str]]] = {
    "zero_bytes.webm": ({"not_media"}, set()),
    "broken_mp4_4kB.mp4": ({"corrupt", "not_media"}, set()),
    "chunk_out_of_range.mp4": ({"corrupt", "not_media"}, set()),
    "malformed_free_box.mp4": ({"corrupt", "not_media"}, set()),
    "fragmented_uuid_undecodable.mp4": ({"corrupt"}, set()),
    "h264_missing_refs_and_errors.264": ({"unsupported_container"}, set()),
    "-video-with-dash-.mp4": ({"dimensions"}, set()),
    "corrupted_720p.mp4": (set(), {"source_damaged"}),
    "invalid_nalu.mp4": (set(), {"source_damaged"}),
    "mdat_too_long.mp4": (set(), set()),
    "empty_second_video_track.mp4": (set(), set()),
    "missing_keyframe_labels_720p60.ts": (set(), set()),
    "no_initial_keyframe.ts": (set(), set()),
    "no_timescale_bad_rotation.mp4": ({"corrupt"}, {"source_damaged"}),
    "ts_hevc_4k_cut_fragment.ts": ({"corrupt"}, {"source_damaged"}),
}


@pytest.mark.parametrize("name", CORE)
async def test_core(stack: Stack, name: str) -> None:
    size, rate, seconds, sound = CORE[name]
    asset = await stack.wait(await stack.upload(shared(f"core/{name}")), within_s=600)
    assert asset["status"] == "ready", asset["error"]
    frame_s = 1 / Fraction(rate)
    assert abs(asset["duration_s"] - seconds) <= frame_s
    top = asset["renditions"][0]
    assert f"{top['width']}x{top['height']}" == size
    assert Fraction(asset["aspect_ratio"].replace(":", "/")) == Fraction(size.replace("x", "/"))
    assert abs(top["frame_rate"] - float(Fraction(rate))) < 0.001
    assert any(r["kind"] == "audio" for r in asset["renditions"]) is sound
    await check_playback(asset)


@pytest.mark.parametrize("name", BROKEN)
async def test_broken(stack: Stack, name: str) -> None:
    codes, warnings = BROKEN[name]
    file = shared(f"broken/{name}")
    if file.stat().st_size == 0:
        status, problem = await stack.api("POST", "/v1/uploads", json={"filename": name, "size_bytes": 0})
        assert (status, problem["code"]) == (422, "not_media")
        assert problem["hint"]
        return
    begun = time.monotonic()
    asset = await stack.wait(await stack.upload(file), within_s=120)
    if asset["status"] == "errored":
        assert asset["error"]["code"] in codes, asset["error"]
        assert asset["error"]["hint"]
        assert time.monotonic() - begun <= 10
    else:
        assert warnings or not codes, f"{name} should have been rejected with {codes}"
        assert warnings <= {warning["code"] for warning in asset["warnings"]}
        await check_playback(asset)
    assert Path(name).stem == asset["title"]
