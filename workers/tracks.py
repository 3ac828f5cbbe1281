"""What was added to a title, as its next revision carries it. Used by publish and republish."""

import asyncio
from dataclasses import dataclass, replace
from fractions import Fraction

from core import assets, keys, tracks
from core.assets import Asset
from core.media import Encoded, Kind, Rendition, SubtitleFiles
from core.tracks import Track, TrackKind, TrackSource
from packager import captions, vtt
from workers import kept
from workers.stage import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A title with its tracks. `version` is the asset's count of changes that they were read at."""

    encoded: Encoded
    subtitles: tuple[SubtitleFiles, ...]
    version: int


async def added(tools: Tools, asset: Asset, own: Encoded, upload: str) -> Added:
    """`own`, which is made of this upload and may carry tracks of before, with the tracks as they are now."""
    # The version first: what changes while the rest is read is published once more, never forgotten.
    now = await assets.by_id(tools.pool, asset.id)
    # What is being made again stays as it is until then.
    ready = [track for track in await tracks.of_asset(tools.pool, asset.id) if track.made and is_said_in(track, upload)]
    sounds = [await _sound(tools, track) for track in ready if track.kind is TrackKind.AUDIO]
    renditions = tuple(_spoken(r, asset.language) for r in own.renditions if not is_dub(r))
    pictures = [r for r in renditions if r.kind is Kind.VIDEO]
    duration_s = max(r.duration_s for r in pictures or renditions)
    texts = [await _text(tools, track, duration_s) for track in ready if track.kind is not TrackKind.AUDIO]
    return Added(
        encoded=Encoded(renditions=(*renditions, *sounds)),
        subtitles=tuple(texts),
        version=now.tracks_version if now else 0,
    )


def _spoken(rendition: Rendition, language: str | None) -> Rendition:
    """Where the file does not say what is spoken in it, its owner does: the first sound is in the asset's language."""
    first = rendition.kind is Kind.AUDIO and rendition.id == "a1"
    return replace(rendition, language=language) if first and rendition.language is None else rendition


def is_said_in(track: Track, upload: str) -> bool:
    """Whether it belongs to a title of this upload: a person's work does to any, a machine's to what it was made of."""
    if track.source is TrackSource.EMBEDDED:
        return (track.wanted or {}).get("upload") == upload
    return not track.generated or track.reviewed or (track.made or {}).get("upload") == upload


def is_dub(rendition: Rendition) -> bool:
    """Whether it was added to the title."""
    return rendition.kind is Kind.AUDIO and rendition.id.startswith("d")


async def _sound(tools: Tools, track: Track) -> Rendition:
    encoded = await kept.encoded(tools, track.asset_id, (track.made or {})["encoded"])
    return replace(encoded.renditions[0], name=track.name)


async def _text(tools: Tools, track: Track, duration_s: Fraction) -> SubtitleFiles:
    key = keys.media_object(track.asset_id, (track.made or {})["text"])
    body = await tools.storage.get(tools.settings.media_bucket, key)
    cues = await asyncio.to_thread(captions.cues, body)
    return vtt.track(
        cues,
        id=track.rendition_id,
        language=track.language,
        name=track.name,
        duration_s=duration_s,
        machine_generated=track.generated and not track.reviewed,
        captions=track.kind is TrackKind.CAPTIONS,
    )
