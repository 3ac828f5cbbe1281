"""extract: an upload -> tracks of the text subtitles inside it. An extra: where it fails the title plays on without."""

from core.db import assets, steps, tracks
from core.db.assets import Asset
from core.db.postgres import Connection
from core.db.tracks import UNKNOWN, TrackKind, TrackSource
from core.event_types import TrackReady
from core.media.languages import language_name
from core.model import AssetId, StepKind
from core.step_kinds import PROBES
from subtitles.embedded.ass_events import MOST_TRACKS
from subtitles.embedded.read import CONTAINERS, Embedded, EmbeddedTrack, embedded
from transcode.plan.audio import language_tag
from transcode.plan.options import options_from_json
from transcode.probe.sniff import DEMUXERS
from transcode.probe.source import from_json
from workers import text_artifacts
from workers.engine.contract import ClaimedStep, NextStep, Outcome, WorkerContext
from workers.step_context import StepContext

_UNREADABLE, _LEFT_OUT = "subtitles_unreadable", "subtitles_left_out"


async def steps_of_upload(worker: WorkerContext, claimed: ClaimedStep) -> tuple[NextStep, ...]:
    """The extraction of a run that began with an upload or a pull; nothing for a reprocess of the same source.

    Queued by the step after which there is something to watch: reading a file from end to end takes the disk and the
    CPU from whoever makes that.
    """
    source = claimed.asset.source
    if source is None or source["container"] not in CONTAINERS:
        return ()
    probes = await steps.done_of_run(worker.pool, claimed.asset.id, claimed.step.run, PROBES)
    if all("again" in probe.input for probe in probes):
        return ()
    return ((StepKind.EXTRACT, {"source": claimed.step.input["source"]}),)


def warned_before(asset: Asset) -> tuple[tuple[str, str], ...]:
    """What an extraction has told of the asset's source, which still holds where it is not read again."""
    told = [(warning["code"], warning["message"]) for warning in asset.warnings]
    return tuple((code, message) for code, message in told if code in (_UNREADABLE, _LEFT_OUT))


async def extract(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Read the subtitles of the upload and add a track for each; a warning names those that are images, not text."""
    upload, asset = claimed.step.input["source"], claimed.asset
    if upload != asset.source_sha256 or asset.source is None:
        return Outcome(output={"replaced": True})
    source, options = from_json(asset.source), options_from_json(asset.options)
    end_s = source.duration_s if options.end_s is None else min(options.end_s, source.duration_s)
    if end_s <= options.start_s:
        return Outcome(output={"nothing": True})  # the plan refuses it
    subtitles = await embedded(
        await StepContext(worker=worker, claimed=claimed).local_source(),
        DEMUXERS[source.container],
        claimed.work_dir,
        worker.runner,
        origin_s=source.origin_s + options.start_s,
        duration_s=end_s - options.start_s,
        video=source.video.index if source.video else None,
        programme=source.programme,
    )
    stored = [(track, await text_artifacts.store_text(worker, asset.id, track.cues)) for track in subtitles.tracks]

    async def add_tracks(connection: Connection) -> None:
        await tracks.lock(connection, asset.id)
        now = await assets.by_id(connection, asset.id)
        if now is not None and now.source_sha256 == upload:
            await _add(connection, asset.id, upload, stored)

    return Outcome(output={"tracks": len(stored)}, on_commit=add_tracks, warnings=_warnings(subtitles))


async def _add(connection: Connection, asset_id: AssetId, upload: str, stored: list[tuple[EmbeddedTrack, str]]) -> None:
    """Insert the tracks that are not there yet; `stored` pairs each with the hash of its text."""
    present = [track.wanted for track in await tracks.of_asset(connection, asset_id)]
    for track, text in stored:
        origin = {"upload": upload, "stream": track.index}
        if origin in present:
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
            made={"text": text, "forced": True} if track.forced else {"text": text},
        )
        await tracks.changed(connection, asset_id, TrackReady, track_id)


def _name(track: EmbeddedTrack, language: str) -> str:
    """The name of a track as the file gives it, else its language, in characters that a playlist can carry."""
    title = "".join(c for c in track.title if c.isprintable() and c != '"').strip()[:80]
    return (title or language_name(language)) + (" (forced)" if track.forced else "")


def _warnings(subtitles: Embedded) -> tuple[tuple[str, str], ...]:
    """(code, message) about subtitles that are images or whose letters are lost, and about those beyond the number that
    is read."""
    warnings = []
    kinds = (("are pictures, not text,", subtitles.pictures), ("have no readable letters", subtitles.lost))
    if told := [f"Subtitles that {what} are left out: {_listed(tracks)}." for what, tracks in kinds if tracks]:
        warnings.append((_UNREADABLE, " ".join(told)))
    if subtitles.left_out:
        message = f"{subtitles.left_out} subtitle tracks are left out: a title takes the first {MOST_TRACKS}."
        warnings.append((_LEFT_OUT, message))
    return tuple(warnings)


def _listed(tracks: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{codec} ({language})" if language else codec for codec, language in tracks)
