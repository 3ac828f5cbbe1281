"""A title as its next revision delivers it: its renditions, its tracks as they are now, encrypted where the asset is.

In: the parts of a finished run (publish), or the manifest of the published revision (republish). Out: a `Title`, which
packager.revision turns into playlists and a manifest. Segments are read only where they have to be encrypted.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from core.concurrency import gather_bounded
from core.db import content_keys, publication, steps
from core.db.assets import Asset
from core.db.publication import TitleRows
from core.db.steps import Done
from core.db.tracks import Track, TrackKind, TrackSource
from core.errors import Rejected, Transient
from core.media.encoded import Blob, Encoded, Rendition, RenditionKind, Segment, SubtitleFiles
from core.media.media_types import SEGMENT_TYPE
from core.model import StepKind
from packager.encryption import Encryption, encrypted, encryption_from_json, with_encrypted
from packager.revision import Manifest
from subtitles.formats import caption_reader, cue_times, vtt_writer
from transcode.encode.join import join
from transcode.plan.encode_plan import EncodePlan
from workers import artifacts
from workers.engine.contract import ClaimedStep, WorkerContext

CERTAIN = 0.8  # a probability of a heard language with which the sound is said to be in it
PARALLEL_SEGMENTS = 4  # in memory at once, twice each


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """What a revision is built from, and the rows it was read from, which the transaction that publishes it needs."""

    encoded: Encoded
    subtitles: tuple[SubtitleFiles, ...]
    encryption: Encryption
    rows: TitleRows
    warnings: tuple[tuple[str, str], ...] = ()  # (code, message) of what was changed for the title's sake


async def load_title(worker: WorkerContext, claimed: ClaimedStep, plan: EncodePlan) -> Title:
    """The title that a run has encoded. Raises Transient where none of its parts is done."""
    rows = await publication.read_title(worker.pool, claimed.asset.id, claimed.step.run)
    parts = await _load_parts(worker, claimed.asset, plan, rows.parts)
    left_out = {step.output["left_out"] for step in rows.parts if "left_out" in step.output}
    return await _complete(worker, claimed.asset, join(plan, parts, left_out=left_out), rows)


async def reload_title(worker: WorkerContext, asset: Asset, manifest: Manifest) -> Title:
    """The title of the published revision, with the tracks that were added, changed or removed since.

    Raises Transient where the publication of that revision has not ended yet.
    """
    publish_input = await steps.newest_input(worker.pool, asset.id, StepKind.PUBLISH)
    if publish_input is None:
        raise Transient("a published title without its publication")
    rows = await publication.read_title(worker.pool, asset.id, publish_input["run"])
    return await _complete(worker, asset, Encoded(renditions=manifest.renditions), rows, delivered=manifest.renditions)


async def _load_parts(worker: WorkerContext, asset: Asset, plan: EncodePlan, done: Sequence[Done]) -> list[Encoded]:
    """The listings of what the parts of a run made, in the order of their chunks.

    Of a remux only the video track is used, and only where the plan says so: its audio was encoded again, levelled.
    """
    copied = plan.passthrough.rung.id if plan.passthrough and plan.passthrough.lasting else None
    parts = []
    for step in sorted(done, key=lambda step: step.input.get("chunk", 0)):
        if "encoded" not in step.output or (step.kind is StepKind.REMUX and copied is None):
            continue
        encoded = await artifacts.load_encoded(worker, asset.id, step.output["encoded"])
        if step.kind is StepKind.REMUX:
            encoded = Encoded(renditions=tuple(r for r in encoded.renditions if r.id == copied))
        parts.append(encoded)
    if not parts:
        raise Transient("a publication without parts")
    return parts


async def _complete(
    worker: WorkerContext, asset: Asset, encoded: Encoded, rows: TitleRows, *, delivered: Collection[Rendition] = ()
) -> Title:
    """`encoded` with the asset's tracks, encrypted where the asset is; those in `delivered` are encrypted already.

    A track that is being made again stays as it is until then. Dubs that `encoded` carries are replaced.
    """
    ready = [track for track in rows.tracks if track.made and belongs_to_upload(track, rows.upload)]
    dubs = [await _load_dub(worker, track) for track in ready if track.kind is TrackKind.AUDIO]
    language = asset.language or heard_language(ready)
    renditions = tuple(_with_language(r, language) for r in encoded.renditions if not is_dub(r))
    videos = [r for r in renditions if r.kind is RenditionKind.VIDEO]
    duration_s = max(r.duration_s for r in videos or renditions)
    texts = [await _load_text(worker, track, duration_s) for track in ready if track.kind is not TrackKind.AUDIO]
    encryption = encryption_from_json(asset.options)
    encoded = Encoded(renditions=(*renditions, *dubs))
    if encryption is not Encryption.NONE:
        encoded = await encrypt(worker, asset, encoded, already=delivered)
    return Title(
        encoded=encoded,
        subtitles=tuple(files for files, _ in texts),
        encryption=encryption,
        rows=rows,
        warnings=tuple(warning for _, warnings in texts for warning in warnings),
    )


def belongs_to_upload(track: Track, upload: str) -> bool:
    """Whether a track fits a title made of this upload: a person's work fits any, a machine's what it was made of."""
    if track.source is TrackSource.EMBEDDED:
        return (track.wanted or {}).get("upload") == upload
    return not track.generated or track.reviewed or (track.made or {}).get("upload") == upload


def is_dub(rendition: Rendition) -> bool:
    """Whether this is audio that was added to the title, not the title's own."""
    return rendition.kind is RenditionKind.AUDIO and rendition.id.startswith("d")


def heard_language(tracks: Sequence[Track]) -> str | None:
    """What is spoken in the title by those of its tracks that were heard in it; None where that is not certain."""
    heard = (track for track in tracks if track.source is TrackSource.GENERATED and track.language_probability)
    return next((track.language for track in heard if (track.language_probability or 0.0) >= CERTAIN), None)


def _with_language(rendition: Rendition, language: str | None) -> Rendition:
    """The first audio rendition in this language, where the file names none; any other as it is."""
    first = rendition.kind is RenditionKind.AUDIO and rendition.id == "a1"
    return replace(rendition, language=language) if first and rendition.language is None else rendition


async def _load_dub(worker: WorkerContext, track: Track) -> Rendition:
    """The audio rendition that an added audio track was encoded to, under the name its owner gave it."""
    encoded = await artifacts.load_encoded(worker, track.asset_id, (track.made or {})["encoded"])
    return replace(encoded.renditions[0], name=track.name)


async def _load_text(
    worker: WorkerContext, track: Track, duration_s: Fraction
) -> tuple[SubtitleFiles, list[tuple[str, str]]]:
    """A text track cut into WebVTT segments for a title of this duration, and warnings about its times.

    The title's length is known here at last: text may be added before anything is encoded.
    """
    body = await worker.artifacts.get(track.asset_id, (track.made or {})["text"])
    cues, warnings = await asyncio.to_thread(caption_reader.cues, body), []
    try:
        cues, hours = cue_times.fitted(cues, round(duration_s * 1000))
        if hours:
            warnings.append((cue_times.MOVED, f"{track.name}: {cue_times.moved_message(hours)}"))
    except Rejected as exc:
        warnings.append((exc.code, f"{track.name}: {exc} {exc.hint}"))
    files = vtt_writer.track(
        cues,
        id=track.rendition_id,
        language=track.language,
        name=track.name,
        duration_s=duration_s,
        machine_generated=track.generated and not track.reviewed,
        captions=track.kind is TrackKind.CAPTIONS,
        forced=track.forced,
    )
    return files, warnings


async def encrypt(
    worker: WorkerContext, asset: Asset, encoded: Encoded, *, already: Collection[Rendition] = ()
) -> Encoded:
    """The same renditions with encrypted segments, stored beside the clear ones, which no manifest names.

    Done when a revision is made, not when its parts are encoded: the same encode can then be published again, and only
    here a segment's number in its rendition, which is its IV, is known for certain. Renditions whose segments are those
    of one in `already` stay as they are. Raises Rejected without content keys, and the first error of storage as it is.
    """
    key = await content_keys.obtain(worker.pool, asset.id, content_keys.required_wrapping_keys(worker.settings))
    unchanged = {rendition.segments for rendition in already}

    async def encrypt_segment(numbered: tuple[int, Segment]) -> Blob:
        number, segment = numbered
        clear = await worker.artifacts.get(asset.id, segment.blob.sha256)
        body = await asyncio.to_thread(encrypted, clear, key, number)
        return await worker.artifacts.put(asset.id, body, SEGMENT_TYPE)

    renditions = []
    for rendition in encoded.renditions:
        if rendition.segments not in unchanged:
            blobs = await gather_bounded(encrypt_segment, enumerate(rendition.segments), limit=PARALLEL_SEGMENTS)
            rendition = with_encrypted(rendition, blobs)
        renditions.append(rendition)
    return replace(encoded, renditions=tuple(renditions))
