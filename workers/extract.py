"""extract: an upload -> tracks of the text subtitles that lie in it. Nothing the title needs: it plays on without."""

from core import assets, tracks
from core.db import Connection
from core.languages import language_name
from core.model import AssetId
from core.tracks import UNKNOWN, TrackKind, TrackSource
from subtitles.embedded import EmbeddedTrack, embedded
from transcode.options import options_from_json
from transcode.sniff import DEMUXERS
from transcode.sounds import language_tag
from transcode.source import from_json
from workers import texts
from workers.stage import Assignment, Outcome, Tools


async def extract(tools: Tools, work: Assignment) -> Outcome:
    """Raises Transient."""
    upload, asset = work.step.input["source"], work.asset
    if upload != asset.source_sha256 or asset.source is None:
        return Outcome(output={"replaced": True})
    source, options = from_json(asset.source), options_from_json(asset.options)
    end_s = source.duration_s if options.end_s is None else min(options.end_s, source.duration_s)
    if end_s <= options.start_s:
        return Outcome(output={"nothing": True})  # the plan refuses it
    file = await tools.sources.fetch(tools.storage, tools.settings.media_bucket, asset.source_key or "", upload)
    found = await embedded(
        file,
        DEMUXERS[source.container],
        work.work_dir,
        tools.runner,
        origin_s=source.origin_s + options.start_s,
        duration_s=end_s - options.start_s,
    )
    kept = [(track, await texts.keep_text(tools, asset.id, track.cues)) for track in found.tracks]

    async def effect(connection: Connection) -> None:
        await tracks.lock(connection, asset.id)
        now = await assets.by_id(connection, asset.id)
        if now is not None and now.source_sha256 == upload:
            await _add(connection, asset.id, upload, kept)

    warnings = (_warning(found.pictures),) if found.pictures else ()
    return Outcome(output={"tracks": len(kept)}, effect=effect, warnings=warnings)


async def _add(connection: Connection, asset_id: AssetId, upload: str, kept: list[tuple[EmbeddedTrack, str]]) -> None:
    """Those that are not there yet."""
    there = await tracks.of_asset(connection, asset_id)
    origins = [track.wanted for track in there]
    for track, text in kept:
        origin = {"upload": upload, "stream": track.index}
        if origin in origins:
            continue
        language = language_tag(track.language)
        track_id = await tracks.insert(
            connection,
            asset_id,
            kind=TrackKind.CAPTIONS if track.captions else TrackKind.SUBTITLES,
            language=language,
            name=_name(track, language or UNKNOWN),
            source=TrackSource.EMBEDDED,
            wanted=origin,
            made={"text": text},
        )
        await tracks.changed(connection, asset_id, "video.track.ready", track_id)


def _name(track: EmbeddedTrack, language: str) -> str:
    """As its file calls it, in the form that a playlist can carry."""
    called = "".join(c for c in track.title if c.isprintable() and c != '"').strip()[:80]
    return (called or language_name(language)) + (" (forced)" if track.forced else "")


def _warning(pictures: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    told = ", ".join(f"{codec} ({language})" if language else codec for codec, language in pictures)
    return "subtitles_unreadable", f"Subtitles that are pictures, not text, are left out: {told}."
