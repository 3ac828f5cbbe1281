"""downloads: the renditions of a published revision -> progressive files in storage, which a republication then lists.

Nothing the title needs: it is ready before, and where this fails it plays on without them.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path

from core import keys, metrics
from core.errors import Transient
from core.media import Blob, Rendition
from core.media_types import download_type
from core.model import StepKind
from packager import revision
from packager.revision import Download, download_from_json, download_to_json
from transcode import static
from transcode.static import StaticFile
from workers.encode import bench
from workers.stage import Assignment, Outcome, Tools
from workers.tracks import is_dub


async def downloads(tools: Tools, work: Assignment) -> Outcome:
    """Raises Transient, also where a file did not become what it should be, or ToolFailed."""
    key = keys.revision_manifest(work.asset.id, work.step.input["revision"])
    manifest = revision.manifest_from_bytes(await tools.storage.get(tools.settings.media_bucket, key))
    wanted = _wanted(manifest.renditions)
    made: list[Download] = []

    def progress(share: float) -> None:
        work.progress((len(made) + share) / len(wanted))

    for file in wanted:
        path = await _made(tools, work, file, progress)
        made.append(await _stored(tools, work, file, path))
    listing = [download_to_json(entry) for entry in made]
    return Outcome(output={"downloads": listing}, then=((StepKind.REPUBLISH, {"downloads": listing}),))


def still_of(renditions: Iterable[Rendition], offered: Iterable[Download]) -> tuple[Download, ...]:
    """Those that are made of exactly these renditions; of two with a name the later one."""
    fitting = {file.name: file.of for file in _wanted(renditions)}
    by_name = {entry.name: entry for entry in offered if fitting.get(entry.name) == entry.of}
    return tuple(by_name[name] for name in static.NAMES if name in by_name)


def listed(step_input: dict[str, object]) -> tuple[Download, ...]:
    """What a republication is to list beside what is there."""
    given = step_input.get("downloads") or []
    return tuple(download_from_json(entry) for entry in given) if isinstance(given, list) else ()


def _wanted(renditions: Iterable[Rendition]) -> tuple[StaticFile, ...]:
    """A sound that was added is not the title's own."""
    return static.choose([rendition for rendition in renditions if not is_dub(rendition)])


async def _made(tools: Tools, work: Assignment, wanted: StaticFile, on_progress: static.Progress) -> Path:
    tracks = [await joined(tools, work, source, lambda share: on_progress(0.5 * share)) for source in wanted.sources]
    try:
        return await static.make(
            bench(tools, work),
            wanted,
            tracks,
            max_pixels=tools.settings.max_pixels,
            max_duration_s=tools.settings.max_duration_s,
            on_progress=lambda share: on_progress(0.5 + 0.4 * share),
        )
    finally:
        for track in tracks:
            await asyncio.to_thread(track.unlink, missing_ok=True)


async def joined(tools: Tools, work: Assignment, rendition: Rendition, on_progress: static.Progress) -> Path:
    """Its init segment and segments as one file. Raises Transient where storage holds something else."""
    path = work.work_dir / f"track-{rendition.id}.mp4"
    await asyncio.to_thread(path.unlink, missing_ok=True)
    blobs = [rendition.init, *(segment.blob for segment in rendition.segments)]
    for number, blob in enumerate(blobs, 1):
        key = keys.media_object(work.asset.id, blob.sha256)
        found = await tools.storage.download(tools.settings.media_bucket, key, path, append=True)
        if found != blob.sha256:
            raise Transient(f"{key} holds other bytes")
        on_progress(number / len(blobs))
    return path


async def _stored(tools: Tools, work: Assignment, file: StaticFile, path: Path) -> Download:
    """Under its own hash; it is gone from here then."""
    blob = await asyncio.to_thread(_blob, path)
    key = keys.media_object(work.asset.id, blob.sha256)
    await tools.storage.put_file(tools.settings.media_bucket, key, path, download_type(file.name))
    metrics.BYTES.labels("encoded").inc(blob.size_bytes)
    await asyncio.to_thread(path.unlink)
    picture = file.picture
    return Download(
        name=file.name,
        blob=blob,
        of=file.of,
        width=picture.width if picture else None,
        height=picture.height if picture else None,
    )


def _blob(path: Path) -> Blob:
    with path.open("rb") as opened:
        return Blob(sha256=hashlib.file_digest(opened, "sha256").hexdigest(), size_bytes=path.stat().st_size)
