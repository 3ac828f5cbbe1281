"""Every clip of ../shared/media ends as its index says. `make acceptance`; minutes."""

import time
from fractions import Fraction
from pathlib import Path

import pytest

from tests.advised import advised
from tests.clips import PICTURES
from tests.media import shared
from tests.playback import check_playback
from tests.stack import Stack
from transcode.probe.probe_child import SMALL_LEAD_S

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


@pytest.mark.parametrize("name", [name for name in PICTURES if not name.startswith("broken/")])
async def test_a_clip_comes_out_right(stack: Stack, name: str) -> None:
    """Displayed size and shape, rate, duration within a frame, sound, and a revision that plays to its end."""
    size, _, rate, _, seconds, sounds = PICTURES[name]
    asset = await stack.wait(await stack.upload(shared(name)), within_s=900)
    assert asset["status"] == "ready", asset["error"]
    # Sound that leads by less than this is cut to where the picture begins.
    assert abs(asset["duration_s"] - seconds) <= max(1 / Fraction(rate), SMALL_LEAD_S)
    width, height = map(int, size.split("x"))
    shrunk = min(1.0, 1080 / min(width, height))
    top = asset["renditions"][0]
    assert abs(top["width"] - width * shrunk) <= 2
    assert abs(top["height"] - height * shrunk) <= 2
    assert max(top["width"], top["height"]) <= max(width, height)
    shown = min(top["width"], top["height"])
    wanted = float(Fraction(rate)) / (2 if Fraction(rate) > 30 and shown <= 480 else 1)
    assert abs(top["frame_rate"] - wanted) < 0.001
    assert any(r["kind"] == "audio" for r in asset["renditions"]) is (sounds > 0)
    # Subtitles that are images are told of as soon as somebody has looked, which may be later than this.
    expected = {"no_audio", "subtitles_unreadable"} if "_pgs_" in name else {"no_audio"}
    assert {warning["code"] for warning in asset["warnings"]} <= expected
    await check_playback(asset)
    if name.startswith("core/"):
        assert await advised(stack, asset["id"]) == [], "nothing is wrong with it"


REJECTED = {
    "odd/mpeg2_pal_10.6s.mxf": "unsupported_container",
    "odd/vvc_10bit_320x180_5s.mp4": "unsupported_codec",
    "hdr/dolbyvision_p10_av1_4k30_4s.mp4": "unsupported_codec",
    "audio/audio_only_15s.mp4": "no_video",
}


@pytest.mark.parametrize("name", REJECTED)
async def test_what_cannot_be_shown_is_told(stack: Stack, name: str) -> None:
    asset = await stack.wait(await stack.upload(shared(name)), within_s=60)
    assert (asset["status"], asset["error"]["code"]) == ("errored", REJECTED[name])
    assert asset["error"]["hint"]


@pytest.mark.parametrize(
    "name",
    [
        "audio/audio_only_15s.mp4",
        "audio/opus_51.mka",
        "speech/en_jfk_11s.flac",
        "speech/de_azure.wav",
        "speech/en_de_multilingual.mp3",
        "core/product_cups_720p30_10s.mp4",
    ],
)
async def test_sound_alone(stack: Stack, name: str) -> None:
    asset = await stack.wait(await stack.upload(shared(name), profile="audio-only"), within_s=120)
    assert asset["status"] == "ready", asset["error"]
    assert [r["kind"] for r in asset["renditions"]] == ["audio"]
    assert asset["duration_s"] > 2


@pytest.mark.parametrize("name", ["audio/audio_ac3_and_aac_tracks_0.3s.mp4", "audio/mp4_two_51_audio_tracks_5s.mp4"])
async def test_several_sounds(stack: Stack, name: str) -> None:
    asset = await stack.wait(await stack.upload(shared(name)), within_s=120)
    assert asset["status"] == "ready" or asset["error"]["code"] == "no_video", asset["error"]
    if asset["status"] == "ready":
        assert any(r["kind"] == "audio" for r in asset["renditions"])
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
