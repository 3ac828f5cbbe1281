"""The tracks that were added to a title, as its next revision carries them. Used by publish and republish."""

import asyncio
from dataclasses import dataclass, replace
from fractions import Fraction

from core.db import assets, tracks
from core.db.assets import Asset
from core.db.tracks import Track, TrackKind, TrackSource
from core.media.encoded import Encoded, Rendition, RenditionKind, SubtitleFiles
from subtitles.formats import caption_reader, vtt_writer
from workers import artifacts
from workers.engine.contract import WorkerContext


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleWithTracks:
    """A title with its tracks. `version` is the asset's count of track changes when they were read."""

    encoded: Encoded
    subtitles: tuple[SubtitleFiles, ...]
    version: int


async def with_tracks(worker: WorkerContext, asset: Asset, title: Encoded, upload: str) -> TitleWithTracks:
    """`title`, made of the upload with this hash, with the asset's tracks as they are now.

    Dubs that `title` carries from an earlier revision are replaced.
    """
    # The version first: what changes while the rest is read is published once more, never forgotten.
    now = await assets.by_id(worker.pool, asset.id)
    # A track that is being made again stays as it is until then.
    all_tracks = await tracks.of_asset(worker.pool, asset.id)
    ready = [track for track in all_tracks if track.made and belongs_to_upload(track, upload)]
    dubs = [await _dub(worker, track) for track in ready if track.kind is TrackKind.AUDIO]
    renditions = tuple(_with_language(r, asset.language) for r in title.renditions if not is_dub(r))
    videos = [r for r in renditions if r.kind is RenditionKind.VIDEO]
    duration_s = max(r.duration_s for r in videos or renditions)
    texts = [await _text(worker, track, duration_s) for track in ready if track.kind is not TrackKind.AUDIO]
    return TitleWithTracks(
        encoded=Encoded(renditions=(*renditions, *dubs)),
        subtitles=tuple(texts),
        version=now.tracks_version if now else 0,
    )


def _with_language(rendition: Rendition, language: str | None) -> Rendition:
    """The first audio rendition in the asset's language, where the file names none; any other as it is."""
    first = rendition.kind is RenditionKind.AUDIO and rendition.id == "a1"
    return replace(rendition, language=language) if first and rendition.language is None else rendition


def belongs_to_upload(track: Track, upload: str) -> bool:
    """Whether a track fits a title made of this upload: a person's work fits any, a machine's what it was made of."""
    if track.source is TrackSource.EMBEDDED:
        return (track.wanted or {}).get("upload") == upload
    return not track.generated or track.reviewed or (track.made or {}).get("upload") == upload


def is_dub(rendition: Rendition) -> bool:
    """Whether this is audio that was added to the title, not the title's own."""
    return rendition.kind is RenditionKind.AUDIO and rendition.id.startswith("d")


async def _dub(worker: WorkerContext, track: Track) -> Rendition:
    encoded = await artifacts.load_encoded(worker, track.asset_id, (track.made or {})["encoded"])
    return replace(encoded.renditions[0], name=track.name)


async def _text(worker: WorkerContext, track: Track, duration_s: Fraction) -> SubtitleFiles:
    body = await worker.artifacts.get(track.asset_id, (track.made or {})["text"])
    cues = await asyncio.to_thread(caption_reader.cues, body)
    return vtt_writer.track(
        cues,
        id=track.rendition_id,
        language=track.language,
        name=track.name,
        duration_s=duration_s,
        machine_generated=track.generated and not track.reviewed,
        captions=track.kind is TrackKind.CAPTIONS,
    )
