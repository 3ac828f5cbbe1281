"""ingest.studio.made: what was made of an upload, and why, in words of both languages."""

from typing import Any

import pytest

from ingest.studio.made import made_of
from studio.texts import LANGUAGES, catalogue, text_in
from transcode.plan.told import WHY

VIDEO = {
    "shown_width": 1280,
    "shown_height": 720,
    "frame_rate": "30000/1001",
    "codec": "h264",
    "bit_rate_bps": 1_518_282,
}
SOUND = {"codec": "aac", "channels": 2, "sample_rate_hz": 44_100, "language": "eng"}


def asset(**changes: Any) -> dict[str, Any]:
    return {
        "source": {"container": "mp4", "bytes": 3_312_853, "duration_s": "481/30", "video": VIDEO, "audio": [SOUND]},
        "options": {"codec": "h264", "ladder": "smart", "effort": "balanced"},
        "renditions": [rendition("v720", why="top", vmaf=93.4), rendition("a1", kind="audio", codec="mp4a.40.2")],
        "left_out": [{"id": "v540", "instead": "v720"}],
        "downloads": [{"bytes": 1_000_000}],
        "timings": {"playable_s": 3.79, "ready_s": 37.234},
        **changes,
    }


def rendition(name: str, **changes: Any) -> dict[str, Any]:
    sized = name.startswith("v")
    known = {"id": name, "kind": "video", "codec": "avc1.64001f", "why": None, "vmaf": None, "passthrough": False}
    size = {"width": 1280 if sized else None, "height": 720 if sized else None, "frame_rate": 30.0 if sized else None}
    return {**known, **size, "average_bandwidth_bps": 870_698, "bytes": 1_753_098, **changes}


def test_in_words() -> None:
    made = made_of(asset(), "en", text_in("en"))
    assert dict(made.facts) == {
        "The upload": "MP4 · 3.3 MB · 0:16 · 1280 × 720 · 29.97 frames/s · H.264 · 1.5 Mb/s",
        "Its sound": "AAC · channels: 2 · 44.1 kHz · eng",
        "How it was made": "H.264 · chosen by measuring this video · balanced",
        "All files together": "4.5 MB",
        "Time it took": "playable after 3.8 s, finished after 37 s",
    }
    first, second = made.qualities
    assert (first.name, first.picture, first.codec, first.vmaf) == ("720p", "1280 × 720 · 30 frames/s", "H.264", "93")
    assert (second.name, second.picture, second.codec, second.vmaf, second.why) == ("Sound", "", "AAC", "", "")
    assert made.left_out == ["540p: 720p serves its viewers as well"]
    assert made.measured


def test_what_is_not_known_is_not_said() -> None:
    """A title that is being made, and one of an earlier release."""
    nothing = {"source": None, "renditions": [], "left_out": [], "downloads": []}
    made = made_of(asset(**nothing, timings={"playable_s": None, "ready_s": None}), "ru", text_in("ru"))
    assert [name for name, _ in made.facts] == ["Как сделано"]
    assert (made.qualities, made.left_out, made.measured) == ([], [], False)
    old = made_of(asset(renditions=[rendition("v720")], left_out=[]), "ru", text_in("ru"))
    assert [(one.why, one.vmaf) for one in old.qualities] == [("", "")]
    silent = made_of(asset(source={"container": "webm", "video": None, "audio": []}), "en", text_in("en"))
    assert silent.facts[:2] == [("The upload", "WEBM"), ("Its sound", "none")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_text(language: str) -> None:
    assert {key for key in catalogue(language) if key.startswith("made.why.")} == {f"made.why.{why}" for why in WHY}


def test_the_upload_itself() -> None:
    own = asset(renditions=[rendition("v720", passthrough=True), rendition("a1", kind="audio", passthrough=True)])
    assert [one.why for one in made_of(own, "en", text_in("en")).qualities] == [
        "The upload itself, as it is good enough for players",
        "as uploaded",
    ]
