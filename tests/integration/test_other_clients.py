"""Clients that are no players on titles as they are published: python-m3u8, yt-dlp and streamlink.

What they make of an encrypted title is in test_encrypted.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import webvtt

from core.media.timestamps import cue_timestamp
from tests.catalogue import LESSON_CUES, LESSON_S, Titles
from tests.clients import PROGRAMS, decoded, read_by_m3u8, streamlink, yt_dlp
from tests.web import fetch

CLIP_S = 7
FRAMES = 210  # of the clip
MANIFESTS = ("index.m3u8", "manifest.mpd")


def url_of(asset: Any, manifest: str) -> str:
    return str(asset["playback_url"]).replace("index.m3u8", manifest)


def heights(asset: Any) -> list[int]:
    return sorted(one["height"] for one in asset["renditions"] if one["kind"] == "video")


# python-m3u8


async def test_m3u8_reads_all_playlists_of_a_title(title: Titles) -> None:
    asset = await title("public")
    master = await read_by_m3u8(asset["playback_url"])
    assert sorted(one.stream_info.resolution[1] for one in master.playlists) == heights(asset)
    assert [one.type for one in master.media] == ["AUDIO"]
    assert len(master.iframe_playlists) == len(master.playlists) > 1

    media = [await read_by_m3u8(one.absolute_uri) for one in (*master.playlists, *master.media)]
    lengths = [sum(segment.duration for segment in one.segments) for one in media]
    assert lengths == pytest.approx([CLIP_S] * len(media), abs=0.05)
    assert {one.playlist_type for one in media} == {"vod"}
    assert {len(one.segments) for one in media} == {2}
    assert [(one.is_endlist, one.media_sequence, len(one.segment_map)) for one in media] == [(True, 0, 1)] * len(media)
    piece = await fetch(media[0].segments[-1].absolute_uri)
    assert (piece.status, piece.body[4:8] in (b"styp", b"moof")) == (200, True)


async def test_m3u8_finds_each_keyframe(title: Titles) -> None:
    asset = await title("public")
    listed = (await read_by_m3u8(asset["playback_url"])).iframe_playlists[0]
    frames = await read_by_m3u8(listed.absolute_uri)
    assert frames.is_i_frames_only
    assert sum(frame.duration for frame in frames.segments) == pytest.approx(CLIP_S, abs=0.05)
    length, _, offset = frames.segments[-1].byterange.partition("@")
    last = int(offset) + int(length) - 1
    found = await fetch(frames.segments[-1].absolute_uri, Range=f"bytes={offset}-{last}")
    assert (found.status, len(found.body), found.body[4:8]) == (206, int(length), b"moof")


async def test_m3u8_reads_subtitles(title: Titles) -> None:
    asset = await title("lesson")
    (listed,) = (await read_by_m3u8(asset["playback_url"])).media
    assert (listed.type, listed.language, listed.forced) == ("SUBTITLES", "en", "NO")
    texts = await read_by_m3u8(listed.absolute_uri)
    assert sum(segment.duration for segment in texts.segments) == pytest.approx(LESSON_S, abs=0.05)
    assert (await fetch(texts.segments[0].absolute_uri)).body.startswith(b"WEBVTT")


# yt-dlp


@pytest.mark.parametrize("manifest", MANIFESTS)
@pytest.mark.acceptance(PROGRAMS)
async def test_yt_dlp_lists_every_format_and_saves_the_best(title: Titles, tmp_path: Path, manifest: str) -> None:
    asset = await title("public")
    found = await yt_dlp(tmp_path, url_of(asset, manifest), "--format", "bestvideo+bestaudio")
    formats = found["formats"]
    assert sorted(one["height"] for one in formats if one["vcodec"] != "none") == heights(asset)
    assert len([one for one in formats if one["vcodec"] == "none"]) == 1
    assert {one["protocol"] for one in formats} <= {"m3u8_native", "http_dash_segments"}
    assert found["height"] == heights(asset)[-1]
    saved = await decoded(tmp_path / "title.mp4")
    assert (saved.frames, saved.seconds) == (FRAMES, pytest.approx(CLIP_S, abs=0.1))


@pytest.mark.parametrize("manifest", MANIFESTS)
@pytest.mark.acceptance(PROGRAMS)
async def test_yt_dlp_saves_subtitles_with_every_cue_once(title: Titles, tmp_path: Path, manifest: str) -> None:
    asset = await title("lesson")
    await yt_dlp(tmp_path, url_of(asset, manifest), "--write-subs", "--sub-langs", "all", "--skip-download")
    saved = [(cue.start, cue.end, cue.text) for cue in webvtt.read(tmp_path / "title.en.vtt")]
    assert saved == [(cue_timestamp(cue.start_ms), cue_timestamp(cue.end_ms), cue.text) for cue in LESSON_CUES]


# streamlink


@pytest.mark.parametrize("manifest", MANIFESTS)
@pytest.mark.acceptance(PROGRAMS)
async def test_streamlink_finds_every_stream_and_reads_the_best_to_its_end(
    title: Titles, tmp_path: Path, manifest: str
) -> None:
    asset = await title("public")
    url = url_of(asset, manifest)
    streams = json.loads(await streamlink(tmp_path, "--json", url))["streams"]
    assert set(streams) == {"best", "worst", *(f"{height}p" for height in heights(asset))}
    await streamlink(tmp_path, "--output", "title.mkv", url, "best")
    saved = await decoded(tmp_path / "title.mkv")
    assert (saved.frames, saved.seconds) == (FRAMES, pytest.approx(CLIP_S, abs=0.1))
