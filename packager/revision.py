"""Renditions -> a revision: its files, its manifest object and its id. Pure.

The manifest is what the origin trusts: path -> size, hash, type and object key of every file. The revision's id is the
hash of the manifest, so equal content is one revision and a URL below it never changes its bytes.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from core.media.checked_json import adapter
from core.media.encoded import (
    Blob,
    Encoded,
    Rendition,
    RenditionKind,
    SubtitleFiles,
    Subtitles,
    target_duration,
)
from core.media.media_types import INIT_TYPE as INIT_TYPE
from core.media.media_types import SEGMENT_TYPE as SEGMENT_TYPE
from core.media.media_types import download_type
from core.model import AssetId, RevisionId
from core.storage import keys
from packager import names, playlist
from packager.dash import mpd
from packager.encryption import KEY_NAME, Encryption
from packager.multivariant import multivariant

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
DASH_TYPE = "application/dash+xml"
VTT_TYPE = "text/vtt"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a revision: its object key, bytes, SHA-256 in hex and media type."""

    key: str
    size_bytes: int
    sha256: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A progressive file of the title. `of` is the digest of its source segments; no size where it is audio only."""

    name: str
    blob: Blob
    of: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A published revision. `files` is by path below `/v/{asset}/{revision}/`."""

    asset_id: str
    duration_s: Fraction
    renditions: tuple[Rendition, ...]
    files: dict[str, File]
    provisional: bool = False  # playable before the ladder is ready
    subtitles: tuple[Subtitles, ...] = ()
    encryption: Encryption = Encryption.NONE  # of every segment of `renditions`
    downloads: tuple[Download, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A manifest with its id, its bytes (`body`) and the text files still to be stored, by object key."""

    id: RevisionId
    manifest: Manifest
    body: bytes
    texts: dict[str, bytes]


def build_revision(
    asset_id: AssetId,
    encoded: Encoded,
    *,
    provisional: RevisionId | None = None,
    subtitles: Sequence[SubtitleFiles] = (),
    encryption: Encryption = Encryption.NONE,
    downloads: Sequence[Download] = (),
) -> Revision:
    """Build playlists and manifest of an encode; `provisional` is the fixed id of a revision that is not final."""
    files: dict[str, File] = {}
    texts: dict[str, bytes] = {}

    def add_text(path: str, text: str, kind: str = PLAYLIST_TYPE) -> None:
        body = text.encode()
        blob = Blob(sha256=hashlib.sha256(body).hexdigest(), size_bytes=len(body))
        files[path] = _file(asset_id, blob, kind)
        texts[files[path].key] = body

    key_uri = None if encryption is Encryption.NONE else KEY_NAME
    target_s = target_duration(*encoded.renditions)  # one for all [8.2]
    for rendition in encoded.renditions:
        files |= media_files(asset_id, rendition)
        text = playlist.media_playlist(rendition, target_s, key_uri=key_uri)
        add_text(f"{rendition.id}/{names.PLAYLIST_NAME}", text)
        if rendition.kind is RenditionKind.VIDEO and rendition.keyframes_known:
            add_text(f"{rendition.id}/{names.IFRAMES_NAME}", playlist.iframe_playlist(rendition, target_s))
    subtitle_tracks = tuple(track.subtitles for track in subtitles)
    for track in subtitles:
        files |= subtitle_files(asset_id, track.subtitles)
        texts |= {keys.media_object(asset_id, sha256): body for sha256, body in track.files.items()}
        add_text(f"{track.subtitles.id}/{names.PLAYLIST_NAME}", playlist.subtitle_playlist(track.subtitles))
    if encryption is Encryption.NONE:
        add_text(names.MPD_NAME, mpd(encoded.renditions, subtitles=subtitle_tracks), DASH_TYPE)
    add_text(names.PLAYLIST_NAME, multivariant(encoded.renditions, subtitles=subtitle_tracks))
    for entry in downloads:
        files[download_path(entry.name)] = _file(asset_id, entry.blob, download_type(entry.name))
    video = [rendition for rendition in encoded.renditions if rendition.kind is RenditionKind.VIDEO]
    manifest = Manifest(
        asset_id=asset_id,
        # Of the video where there is any: the last audio frame may end a little later.
        duration_s=max(r.duration_s for r in video or encoded.renditions),
        renditions=encoded.renditions,
        files=files,
        provisional=provisional is not None,
        subtitles=subtitle_tracks,
        encryption=encryption,
        downloads=tuple(downloads),
    )
    body = json.dumps(
        adapter(Manifest).dump_python(manifest, mode="json"), sort_keys=True, separators=(",", ":")
    ).encode()
    revision_id = provisional or RevisionId(hashlib.sha256(body).hexdigest()[:20])
    return Revision(id=revision_id, manifest=manifest, body=body, texts=texts)


def media_files(asset_id: AssetId, rendition: Rendition) -> dict[str, File]:
    """The init segment and the segments of a rendition, by path below the revision."""
    files = {f"{rendition.id}/{names.INIT_NAME}": _file(asset_id, rendition.init, INIT_TYPE)}
    for number, segment in enumerate(rendition.segments):
        files[f"{rendition.id}/{names.segment_name(number)}"] = _file(asset_id, segment.blob, SEGMENT_TYPE)
    return files


def subtitle_files(asset_id: AssetId, track: Subtitles) -> dict[str, File]:
    """The segments and the whole file of a subtitle track, by path below the revision."""
    files = {
        f"{track.id}/{names.subtitle_segment_name(number)}": _file(asset_id, segment.blob, VTT_TYPE)
        for number, segment in enumerate(track.segments)
    }
    if track.whole is not None:
        files[f"{track.id}/{names.WHOLE_NAME}"] = _file(asset_id, track.whole, VTT_TYPE)
    return files


def download_path(name: str) -> str:
    """Path of a progressive file below its revision."""
    return f"downloads/{name}"


def download_to_json(download: Download) -> dict[str, Any]:
    """The download as plain JSON values."""
    return adapter(Download).dump_python(download, mode="json")  # type: ignore[no-any-return]


def download_from_json(value: Any) -> Download:
    """The download that `download_to_json` made this value of. Raises pydantic.ValidationError."""
    return adapter(Download).validate_python(value)


def _file(asset_id: AssetId, blob: Blob, kind: str) -> File:
    return File(key=keys.media_object(asset_id, blob.sha256), size_bytes=blob.size_bytes, sha256=blob.sha256, type=kind)


def manifest_from_bytes(body: bytes) -> Manifest:
    """Parse a stored manifest object. Raises pydantic.ValidationError."""
    return adapter(Manifest).validate_json(body)


def summary(manifest: Manifest) -> dict[str, Any]:
    """Fields of a revision in API responses: duration, `renditions` and `downloads`, as in reference/api."""
    return {
        "duration_s": round(float(manifest.duration_s), 6),
        "renditions": [
            {
                "id": r.id,
                "kind": r.kind.value,
                "codec": r.codec,
                "width": r.width,
                "height": r.height,
                "frame_rate": None if r.frame_rate is None else round(float(r.frame_rate), 3),
                "bandwidth_bps": r.bandwidth_bps,
                "average_bandwidth_bps": r.average_bandwidth_bps,
                "bytes": r.size_bytes,
                "passthrough": r.passthrough,
            }
            for r in manifest.renditions
        ],
        "downloads": [
            {"name": d.name, "bytes": d.blob.size_bytes, "width": d.width, "height": d.height}
            for d in manifest.downloads
        ],
    }
