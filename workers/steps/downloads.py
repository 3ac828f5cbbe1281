"""downloads: the renditions of a published revision -> progressive files in storage, which a republication then lists.

An extra: the title is ready before, and where this fails it plays on without them.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from core.errors import Transient
from core.media.encoded import Rendition
from core.media.media_types import download_type
from core.model import StepKind
from core.sandbox import niceness
from core.storage import keys
from core.telemetry import metrics
from packager.revision import Download, download_from_json, download_to_json
from transcode.encode import downloads as static
from transcode.encode.downloads import StaticFile
from workers import artifacts
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.step_context import StepContext
from workers.title import is_dub


async def downloads(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Make every file and queue the republication that lists them.

    Raises Transient, also where a file did not become what it should be, or ToolFailed.
    """
    manifest = await artifacts.load_manifest(worker, claimed.asset.id, claimed.step.input["revision"])
    files = _files_of(manifest.renditions)
    stored: list[Download] = []

    def on_progress(share: float) -> None:
        claimed.progress((len(stored) + share) / len(files))

    for file in files:
        path = await _make(worker, claimed, file, on_progress)
        stored.append(await _store(worker, claimed, file, path))
    listing = [download_to_json(entry) for entry in stored]
    return Outcome(output={"downloads": listing}, next_steps=((StepKind.REPUBLISH, {"downloads": listing}),))


def downloads_still_valid(renditions: Iterable[Rendition], offered: Iterable[Download]) -> tuple[Download, ...]:
    """The downloads among `offered` that are made of exactly these renditions; of two of one name the later one."""
    fitting = {file.name: file.of for file in _files_of(renditions)}
    by_name = {entry.name: entry for entry in offered if fitting.get(entry.name) == entry.of}
    return tuple(by_name[name] for name in static.NAMES if name in by_name)


def downloads_of_input(step_input: dict[str, object]) -> tuple[Download, ...]:
    """The downloads that a republication is to list beside those of the revision before."""
    entries = step_input.get("downloads") or []
    return tuple(download_from_json(entry) for entry in entries) if isinstance(entries, list) else ()


def _files_of(renditions: Iterable[Rendition]) -> tuple[StaticFile, ...]:
    """The files to offer of a title, made of its own renditions, not of dubs."""
    return static.choose([rendition for rendition in renditions if not is_dub(rendition)])


async def _make(worker: WorkerContext, claimed: ClaimedStep, file: StaticFile, on_progress: static.Progress) -> Path:
    """One progressive file in the step's folder."""
    tracks = [
        await join_rendition(worker, claimed, source, lambda share: on_progress(0.5 * share)) for source in file.sources
    ]
    try:
        return await static.make(
            StepContext(worker=worker, claimed=claimed).ffmpeg(niceness.EXTRA),
            file,
            tracks,
            max_pixels=worker.settings.max_pixels,
            max_duration_s=worker.settings.max_duration_s,
            on_progress=lambda share: on_progress(0.5 + 0.4 * share),
        )
    finally:
        for track in tracks:
            await asyncio.to_thread(track.unlink, missing_ok=True)


async def join_rendition(
    worker: WorkerContext, claimed: ClaimedStep, rendition: Rendition, on_progress: static.Progress
) -> Path:
    """A rendition's init segment and segments as one file. Raises Transient where storage answers other bytes."""
    path = claimed.work_dir / f"track-{rendition.id}.mp4"
    await asyncio.to_thread(path.unlink, missing_ok=True)
    blobs = [rendition.init, *(segment.blob for segment in rendition.segments)]
    for number, blob in enumerate(blobs, 1):
        key = keys.media_object(claimed.asset.id, blob.sha256)
        sha256 = await worker.storage.download(worker.settings.media_bucket, key, path, append=True)
        if sha256 != blob.sha256:
            raise Transient(f"{key} holds other bytes")
        on_progress(number / len(blobs))
    return path


async def _store(worker: WorkerContext, claimed: ClaimedStep, file: StaticFile, path: Path) -> Download:
    """The file in storage under its own hash; it is removed from this machine."""
    blob = await worker.artifacts.put_file(claimed.asset.id, path, download_type(file.name))
    metrics.BYTES.labels("encoded").inc(blob.size_bytes)
    await asyncio.to_thread(path.unlink)
    video = file.video
    return Download(
        name=file.name,
        blob=blob,
        of=file.of,
        width=video.width if video else None,
        height=video.height if video else None,
    )
