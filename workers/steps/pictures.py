"""pictures: a title -> candidates for its poster, storyboard and preview, its album.

Made from the upload, which is better than any rendition; from a published rendition where the title shows something
else than the upload: a part of it, or an upright window. An extra: where it fails the title plays on without.
"""

import asyncio
import base64
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from core.concurrency import gather_bounded
from core.db import assets, pictures
from core.db.assets import Asset
from core.db.pictures import Album, Candidate, Image, Poster
from core.db.pictures import Storyboard as StoryboardRow
from core.db.postgres import Connection
from core.errors import Transient
from core.media import advice
from core.media.encoded import Rendition, RenditionKind
from core.model import RevisionId, StepKind
from core.storage.digest import digest
from core.telemetry import metrics
from packager.encryption import Encryption
from presets.profile import profile_or_default
from thumbnails.images import make
from thumbnails.images.image_files import ImageFile, PosterSet, TitleImages
from thumbnails.posters.selection import Selection
from thumbnails.reading.rendition_facts import video_of_rendition
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.vision.face_model import face_model
from transcode.plan.encode_plan import EncodePlan
from transcode.probe.source import from_json
from workers import artifacts
from workers.engine.contract import ClaimedStep, NextStep, Outcome, WorkerContext
from workers.steps.downloads import join_rendition
from workers.video_facts import video_facts

TIMED_OUT, TIMED_OUT_RUN = "timed_out", "timed out"  # as thumbnails says it
VERSION = 1  # part of what an album is made of: increase it when albums are made differently


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleVideo:
    """A local file that shows the title, the facts of its video track, and the title's duration."""

    file: Path
    video: VideoFacts
    duration_s: Fraction


def steps_of_upload(plan: EncodePlan, plan_sha256: str, source_sha256: str, asset: Asset) -> tuple[NextStep, ...]:
    """The pictures step of a title that shows its whole upload; () for any other."""
    if plan.video is None or _differs_from_upload(plan, asset):
        return ()
    return ((StepKind.PICTURES, {"source": source_sha256, "plan": plan_sha256}),)


def steps_of_revision(plan: EncodePlan, revision_id: RevisionId, asset: Asset) -> tuple[NextStep, ...]:
    """The pictures step of a published title that shows something else than its upload; () for any other."""
    if plan.video is None or not _differs_from_upload(plan, asset):
        return ()
    return ((StepKind.PICTURES, {"revision": revision_id}),)


def _differs_from_upload(plan: EncodePlan, asset: Asset) -> bool:
    """Whether the title is cropped, or more than two frames shorter than its upload."""
    cropped = plan.video is not None and plan.video.crop is not None
    whole_s = from_json(asset.source or {}).duration_s
    return cropped or plan.first_frame > 0 or whole_s - plan.duration_s > 2 / plan.frame_rate


async def pictures_of_title(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Make the album and store it, unless the one that is there is made of the same in the same way.

    Raises Transient where the machine was too busy to make it: an album of nothing would stay.
    """
    step_input, previous_album = claimed.step.input, await pictures.of_asset(worker.pool, claimed.asset.id)
    options = claimed.asset.options
    profile = options.get("posters") or profile_or_default(options.get("profile")).posters
    origin = step_input.get("source") or step_input["revision"]
    faces = face_model(worker.settings)
    made_of = digest([VERSION, origin, profile, worker.settings.poster_avif, *([faces.name] if faces else [])])
    if previous_album is not None and previous_album.made_of == made_of:
        kept = advice.of_album(previous_album.album.advice if previous_album.album else ())

        async def advise_again(connection: Connection) -> None:
            await assets.advise(connection, claimed.asset.id, kept)

        return Outcome(output={"kept": True}, on_commit=advise_again)
    title = await title_video(worker, claimed, step_input)
    if title is None:
        return Outcome(output={"nothing": True})
    selection, images = await make.album(
        title.file,
        title.video,
        profile,
        claimed.work_dir,
        worker.runner,
        duration_s=title.duration_s,
        avif=worker.settings.poster_avif,
        face_model=faces,
    )
    if selection.fallback == TIMED_OUT or any(why.startswith(TIMED_OUT_RUN) for why in images.skipped.values()):
        raise Transient("pictures took too long")
    claimed.progress(0.8)
    judged = advice.of_picture(selection.picture)
    album = replace(await _store_album(worker, claimed, title, selection, images), advice=tuple(sorted(judged.found)))

    async def keep_album(connection: Connection) -> None:
        now = await assets.by_id(connection, claimed.asset.id)
        if now is not None and now.source_sha256 == claimed.asset.source_sha256:  # not replaced meanwhile
            await pictures.keep_album(connection, claimed.asset.id, made_of, album)
            await assets.advise(connection, claimed.asset.id, judged)

    skipped = {**images.skipped, **({"posters": selection.fallback} if selection.fallback else {})}
    return Outcome(output={"skipped": skipped}, on_commit=keep_album)


async def title_video(worker: WorkerContext, claimed: ClaimedStep, step_input: dict[str, Any]) -> TitleVideo | None:
    """The video that the input of a pictures step names: of the upload (`source`, `plan`) or of a `revision`.

    None for audio alone, for encrypted segments, and for an upload that was replaced meanwhile.
    """
    asset = claimed.asset
    if "revision" in step_input:
        return await published_video(worker, claimed, step_input["revision"])
    if step_input["source"] != asset.source_sha256 or asset.source is None or asset.source_key is None:
        return None
    video = video_facts(from_json(asset.source))
    if video is None:
        return None
    plan = await artifacts.load_plan(worker, asset.id, step_input["plan"])
    file = await worker.local_copy(asset.source_key, step_input["source"])
    return TitleVideo(file=file, video=video, duration_s=plan.duration_s)


async def published_video(worker: WorkerContext, claimed: ClaimedStep, revision_id: RevisionId) -> TitleVideo | None:
    """The largest video rendition of a revision as one local file; None without one, or where it is encrypted."""
    manifest = await artifacts.load_manifest(worker, claimed.asset.id, revision_id)
    videos = [one for one in manifest.renditions if one.kind is RenditionKind.VIDEO]
    top: Rendition | None = max(videos, key=lambda one: one.height or 0, default=None)
    if top is None or manifest.encryption is not Encryption.NONE:
        return None
    file = await join_rendition(worker, claimed, top, lambda share: claimed.progress(0.2 * share))
    return TitleVideo(file=file, video=video_of_rendition(top), duration_s=top.duration_s)


async def _store_album(
    worker: WorkerContext, claimed: ClaimedStep, title: TitleVideo, selection: Selection, images: TitleImages
) -> Album:
    """All images in storage, as the album that lists them; of candidates with the same picture only one."""
    candidates = []
    for candidate, poster_set in zip(selection.candidates, images.posters, strict=True):
        if poster_set is None:
            continue
        poster = await store_poster(worker, claimed, poster_set)
        candidates.append(
            Candidate(
                id=f"c{poster.version}",
                time_s=float(candidate.time_s),
                score=round(candidate.score, 4),
                signals={name: round(value, 4) for name, value in candidate.signals.items()},
                reason=candidate.reason,
                reasons=candidate.reasons,
                low_confidence=candidate.low_confidence,
                poster=poster,
            )
        )
    storyboard = None
    if images.storyboard is not None:
        storyboard = StoryboardRow(
            duration_ms=images.storyboard.plan.duration_ms,
            shown_width=title.video.shown_width,
            shown_height=title.video.shown_height,
            sheets=await _store_images(worker, claimed, images.storyboard.files),
        )
    preview = (await _store_images(worker, claimed, [images.preview.file]))[0] if images.preview else None
    return Album(
        candidates=tuple({one.id: one for one in candidates}.values()),
        storyboard=storyboard,
        preview=preview,
        fallback=selection.fallback,
    )


async def store_poster(worker: WorkerContext, claimed: ClaimedStep, poster_set: PosterSet) -> Poster:
    """One poster in all its sizes, shapes and types, stored."""
    return Poster(
        images=await _store_images(worker, claimed, poster_set.files),
        thumbhash=base64.b64encode(poster_set.thumbhash).decode(),
        colour=poster_set.colour,
    )


async def _store_images(worker: WorkerContext, claimed: ClaimedStep, files: Iterable[ImageFile]) -> tuple[Image, ...]:
    """Finished image files in storage, in the same order. Raises the first error as it is."""

    async def put(file: ImageFile) -> Image:
        body = await asyncio.to_thread(file.path.read_bytes)
        await worker.artifacts.put(claimed.asset.id, body, file.media_type, sha256=file.sha256)
        metrics.BYTES.labels("pictures").inc(file.size_bytes)
        return Image(
            shape=file.shape,
            type=file.media_type,
            width=file.width,
            height=file.height,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
        )

    return tuple(await gather_bounded(put, files, limit=artifacts.PARALLEL_PUTS))
