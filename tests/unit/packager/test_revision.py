"""packager.revision: content decides the id, and the manifest knows every file."""

import hashlib
import json
import re
from dataclasses import replace
from fractions import Fraction

import pytest

from core.media.encoded import (
    Blob,
    Cue,
    Encoded,
    Keyframe,
    Rendition,
    RenditionKind,
    Segment,
    encoded_from_json,
    encoded_to_json,
)
from core.model import AssetId, RevisionId
from packager import playlist
from packager.dash import mpd
from packager.multivariant import multivariant
from packager.revision import (
    DASH_TYPE,
    INIT_TYPE,
    PLAYLIST_TYPE,
    SEGMENT_TYPE,
    VTT_TYPE,
    build_revision,
    manifest_from_bytes,
    summary,
)
from subtitles.formats import vtt_writer

ASSET = AssetId("as_1")


def blob(content: str) -> Blob:
    return Blob(sha256=hashlib.sha256(content.encode()).hexdigest(), size_bytes=len(content) * 1000)


def rendition(name: str, kind: RenditionKind, **more) -> Rendition:
    return Rendition(
        id=name,
        kind=kind,
        timescale=30_000,
        init=blob(f"{name} init"),
        segments=tuple(Segment(blob=blob(f"{name} {n}"), duration=180_180) for n in range(3)),
        **more,
    )


VIDEO = rendition(
    "v720", RenditionKind.VIDEO, codec="avc1.64001f", width=1280, height=720, frame_rate=Fraction(30000, 1001)
)
SOUND = replace(
    rendition("a1", RenditionKind.AUDIO, codec="mp4a.40.2", channels=2, language="en"),
    segments=tuple(Segment(blob=blob(f"a1 {n}"), duration=180_300) for n in range(3)),
)
ENCODED = Encoded(renditions=(VIDEO, SOUND))
KEYED = replace(
    VIDEO,
    segments=tuple(
        replace(segment, keyframes=(Keyframe(offset=0, size_bytes=2000, duration=segment.duration),))
        for segment in VIDEO.segments
    ),
)
CUES = [Cue(start_ms=0, end_ms=2_000, text="Ja")]
GERMAN = vtt_writer.track(CUES, id="s1", language="de", name="Deutsch", duration_s=VIDEO.duration_s)


def test_equal_content_is_one_revision() -> None:
    again = encoded_from_json(encoded_to_json(ENCODED))
    assert again == ENCODED
    assert build_revision(ASSET, again) == build_revision(ASSET, ENCODED)
    assert len(build_revision(ASSET, ENCODED).id) == 20


def changed_segment(**change) -> Encoded:
    first, *rest = VIDEO.segments
    return Encoded(renditions=(replace(VIDEO, segments=(replace(first, **change), *rest)), SOUND))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(changed_segment(blob=blob("v720 x")), id="bytes of one segment"),
        pytest.param(changed_segment(duration=180_179), id="duration of one segment"),
        pytest.param(Encoded(renditions=(replace(VIDEO, init=blob("x")), SOUND)), id="init"),
        pytest.param(Encoded(renditions=(replace(VIDEO, codec="avc1.640028"), SOUND)), id="codec"),
        pytest.param(Encoded(renditions=(VIDEO,)), id="no sound"),
        pytest.param(Encoded(renditions=(SOUND, VIDEO)), id="order"),
    ],
)
def test_other_content_is_another_revision(other: Encoded) -> None:
    assert build_revision(ASSET, other).id != build_revision(ASSET, ENCODED).id


def test_other_asset_is_another_revision() -> None:
    assert build_revision(AssetId("as_2"), ENCODED).id != build_revision(ASSET, ENCODED).id


def test_every_file_is_in_the_manifest() -> None:
    made = build_revision(ASSET, ENCODED)
    files = made.manifest.files
    names = {"init.mp4", "00000.m4s", "00001.m4s", "00002.m4s", "index.m3u8"}
    assert set(files) == {"index.m3u8", "manifest.mpd", *(f"{r}/{name}" for r in ("v720", "a1") for name in names)}
    types = {"m3u8": PLAYLIST_TYPE, "mp4": INIT_TYPE, "m4s": SEGMENT_TYPE, "mpd": DASH_TYPE}
    for path, file in files.items():
        assert file.type == types[path.rpartition(".")[2]]
        assert file.key == f"assets/as_1/objects/{file.sha256}"
    stored = {blob.sha256: blob for r in ENCODED.renditions for blob in (r.init, *(s.blob for s in r.segments))}
    media = [file for file in files.values() if file.key not in made.texts]
    assert {(file.sha256, file.size_bytes) for file in media} == {(b.sha256, b.size_bytes) for b in stored.values()}


def test_every_text_is_handed_over_with_its_hash() -> None:
    made = build_revision(ASSET, ENCODED, subtitles=[GERMAN])
    told = (PLAYLIST_TYPE, DASH_TYPE, VTT_TYPE)
    texts = {path: file for path, file in made.manifest.files.items() if file.type in told}
    assert {file.key for file in texts.values()} == set(made.texts)
    for file in texts.values():
        body = made.texts[file.key]
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (file.sha256, file.size_bytes)
    assert made.texts[texts["index.m3u8"].key].decode() == multivariant(
        ENCODED.renditions, subtitles=[GERMAN.subtitles]
    )
    assert made.texts[texts["manifest.mpd"].key].decode() == mpd(ENCODED.renditions, subtitles=[GERMAN.subtitles])
    # One target duration for all renditions [8.2].
    assert made.texts[texts["a1/index.m3u8"].key].decode() == playlist.media_playlist(SOUND, 6)


def test_keyframes_bring_their_list() -> None:
    made = build_revision(ASSET, Encoded(renditions=(KEYED, SOUND)))
    lists = made.manifest.files
    assert made.texts[lists["v720/iframes.m3u8"].key].decode() == playlist.iframe_playlist(KEYED, 6)
    assert 'URI="v720/iframes.m3u8"' in made.texts[lists["index.m3u8"].key].decode()
    assert "a1/iframes.m3u8" not in lists
    again = encoded_from_json(encoded_to_json(Encoded(renditions=(KEYED,))))
    assert again.renditions == (KEYED,)


def test_a_listing_without_keyframes_is_read() -> None:
    """Stored before they were listed."""
    stored = encoded_to_json(ENCODED)
    for rendition in stored["renditions"]:
        for segment in rendition["segments"]:
            assert not segment.pop("keyframes")
    assert encoded_from_json(stored) == ENCODED


def test_subtitles_are_part_of_a_revision() -> None:
    made = build_revision(ASSET, ENCODED, subtitles=[GERMAN])
    files = made.manifest.files
    assert manifest_from_bytes(made.body).subtitles == (GERMAN.subtitles,)
    assert {path: file.type for path, file in files.items() if path.startswith("s1/")} == {
        "s1/00000.vtt": VTT_TYPE,
        "s1/whole.vtt": VTT_TYPE,
        "s1/index.m3u8": PLAYLIST_TYPE,
    }
    assert made.texts[files["s1/whole.vtt"].key] == b"WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nJa\n"
    assert set(files["s1/00000.vtt"].key.rsplit("/")[-1:]) <= set(GERMAN.files)
    assert b'SUBTITLES="subtitles"' in made.texts[files["index.m3u8"].key]
    assert b"s1/whole.vtt" in made.texts[files["manifest.mpd"].key]
    assert made.id != build_revision(ASSET, ENCODED).id
    renamed = replace(GERMAN, subtitles=replace(GERMAN.subtitles, name="German"))
    assert made.id != build_revision(ASSET, ENCODED, subtitles=[renamed]).id


def test_every_uri_of_the_playlists_is_a_file() -> None:
    made = build_revision(ASSET, Encoded(renditions=(KEYED, SOUND)), subtitles=[GERMAN])
    named = set()
    for path, file in made.manifest.files.items():
        if file.type == PLAYLIST_TYPE:
            text, folder = made.texts[file.key].decode(), path.rpartition("/")[0]
            uris = re.findall(r'^(?!#).+|(?<=URI=")[^"]+', text, re.MULTILINE)
            assert uris, path
            named |= {f"{folder}/{uri}".removeprefix("/") for uri in uris}
    assert {"v720/index.m3u8", "v720/init.mp4", "a1/index.m3u8"} <= named <= set(made.manifest.files)


def test_every_name_is_one_the_origin_serves() -> None:
    made = build_revision(ASSET, Encoded(renditions=(KEYED, SOUND)), subtitles=[GERMAN])
    assert "index.m3u8" in made.manifest.files
    assert all(re.fullmatch(r"(?:[0-9a-z]+/)?[0-9a-z]+\.[0-9a-z]+", path) for path in made.manifest.files)


def test_manifest_round_trip() -> None:
    made = build_revision(ASSET, ENCODED)
    assert manifest_from_bytes(made.body) == made.manifest
    assert made.manifest.duration_s == Fraction(3 * 180_180, 30_000), "the picture's, not the longer sound's"
    assert hashlib.sha256(made.body).hexdigest().startswith(made.id)


def test_summary() -> None:
    shown = summary(build_revision(ASSET, ENCODED).manifest)
    assert shown["duration_s"] == 18.018
    video, sound = shown["renditions"]
    assert (video["id"], video["kind"], video["frame_rate"], video["width"]) == ("v720", "video", 29.97, 1280)
    assert (sound["id"], sound["frame_rate"], sound["height"]) == ("a1", None, None)
    assert video["bytes"] == 9_000 + 3 * 6_000


def test_a_provisional_revision_has_the_id_it_is_given() -> None:
    """Something to watch meanwhile is named before its bytes are known."""
    named = RevisionId("p-0123456789")
    made = build_revision(ASSET, ENCODED, provisional=named)
    assert made.id == named
    assert made.manifest.provisional
    assert manifest_from_bytes(made.body) == made.manifest
    assert made.body != build_revision(ASSET, ENCODED).body


def test_what_is_ready_is_not_provisional() -> None:
    final, early = build_revision(ASSET, ENCODED), build_revision(ASSET, ENCODED, provisional=RevisionId("p-0"))
    assert not final.manifest.provisional
    assert final.manifest == replace(early.manifest, provisional=False), "the same files, whole VOD playlists"
    assert final.texts == early.texts
    assert all("#EXT-X-PLAYLIST-TYPE:EVENT" not in text.decode() for text in early.texts.values())


def test_a_manifest_that_does_not_say_is_final() -> None:
    """Stored before there were provisional ones."""
    body = json.loads(build_revision(ASSET, ENCODED).body)
    assert body.pop("provisional") is False
    assert body.pop("subtitles") == []
    assert not manifest_from_bytes(json.dumps(body).encode()).provisional


def test_a_revision_of_sound_alone() -> None:
    made = build_revision(ASSET, Encoded(renditions=(SOUND,)))
    assert made.manifest.duration_s == SOUND.duration_s
    assert summary(made.manifest)["renditions"][0]["width"] is None
