"""pictures: a title -> candidates for its poster, storyboard and preview. poster: the picture that its owner chose.

Made of the upload, which is better than any rendition; of the published renditions where the title shows something
else than the upload: a part of it, or an upright window. Nothing the title needs: where this fails it plays on.
"""

import asyncio
import base64
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from core import assets, keys, metrics, pictures
from core.assets import Asset
from core.db import Connection
from core.digest import digest
from core.errors import Rejected, Transient
from core.media import Rendition, RenditionKind
from core.model import RevisionId, StepKind
from core.pictures import Album, Candidate, Choice, Image, Poster
from core.pictures import Storyboard as StoryboardRow
from core.steps import newest_input
from packager import revision
from packager.encryption import Encryption
from presets.profile import profile_or_default
from thumbnails import images_make, posters
from thumbnails.images import ImageFile, Made, PosterSet
from thumbnails.images_make import Chosen
from thumbnails.of_rendition import picture_of_rendition
from thumbnails.picture import Picture
from thumbnails.posters import Selection
from transcode.encode_plan import EncodePlan
from transcode.source import from_json
from workers import kept
from workers.downloads import joined
from workers.pictured import picture_of
from workers.stage import Assignment, Outcome, Then, Tools

TIMED_OUT, TIMED_OUT_RUN = "timed_out", "timed out"  # as thumbnails says it
VERSION = 1  # part of what an album is made of: a change of how it is made makes it again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Title:
    """A file that shows the title, and for how long."""

    file: Path
    picture: Picture
    duration_s: Fraction


def of_upload(plan: EncodePlan, planned: str, source_sha: str, asset: Asset) -> tuple[Then, ...]:
    """What a title owes that shows its upload whole."""
    if plan.video is None or _altered(plan, asset):
        return ()
    return ((StepKind.PICTURES, {"source": source_sha, "plan": planned}),)


def of_revision(plan: EncodePlan, revision_id: RevisionId, asset: Asset) -> tuple[Then, ...]:
    """What any other title owes."""
    if plan.video is None or not _altered(plan, asset):
        return ()
    return ((StepKind.PICTURES, {"revision": revision_id}),)


def _altered(plan: EncodePlan, asset: Asset) -> bool:
    cropped = plan.video is not None and plan.video.crop is not None
    whole_s = from_json(asset.source or {}).duration_s
    return cropped or plan.first_frame > 0 or whole_s - plan.duration_s > 2 / plan.frame_rate


async def pictures_of_title(tools: Tools, work: Assignment) -> Outcome:
    """Raises Transient."""
    given, before = work.step.input, await pictures.of_asset(tools.pool, work.asset.id)
    profile = work.asset.options.get("posters") or profile_or_default(work.asset.options.get("profile")).posters
    made_of = digest([VERSION, given.get("source") or given["revision"], profile, tools.settings.poster_avif])
    if before is not None and before.made_of == made_of:
        return Outcome(output={"kept": True})
    title = await _title(tools, work.asset, given, work)
    if title is None:
        return Outcome(output={"nothing": True})
    selection = await posters.select(title.file, title.picture, profile, work.work_dir, tools.runner)
    work.progress(0.4)
    found = selection.candidates
    made = await images_make.make_all(
        title.file,
        title.picture,
        work.work_dir,
        tools.runner,
        posters=[Chosen(file=work.work_dir / one.file, width=one.width, height=one.height) for one in found],
        duration_s=title.duration_s,
        moment_s=found[0].time_s if found else title.picture.start_s,
        avif=tools.settings.poster_avif,
    )
    if selection.fallback == TIMED_OUT or any(why.startswith(TIMED_OUT_RUN) for why in made.skipped.values()):
        raise Transient("pictures took too long")  # a busy machine: an album of nothing would stay
    work.progress(0.8)
    album = await _stored_album(tools, work, title, selection, made)

    async def effect(connection: Connection) -> None:
        now = await assets.by_id(connection, work.asset.id)
        if now is not None and now.source_sha256 == work.asset.source_sha256:  # not replaced meanwhile
            await pictures.keep_album(connection, work.asset.id, made_of, album)

    skipped = {**made.skipped, **({"posters": selection.fallback} if selection.fallback else {})}
    return Outcome(output={"skipped": skipped}, effect=effect)


async def poster(tools: Tools, work: Assignment) -> Outcome:
    """Raises Rejected `picture_refused` or `no_video`."""
    wanted = work.step.input["wanted"]
    choice = await (_own(tools, work, wanted["own"]) if "own" in wanted else _moment(tools, work, wanted["time_s"]))

    async def effect(connection: Connection) -> None:
        await pictures.made(connection, work.asset.id, wanted, choice)

    return Outcome(output={"poster": choice.poster.version}, effect=effect)


async def _own(tools: Tools, work: Assignment, sha256: str) -> Choice:
    key = keys.media_object(work.asset.id, sha256)
    file = await tools.sources.fetch(tools.storage, tools.settings.media_bucket, key, sha256)
    made = await images_make.own_picture(file, work.work_dir, tools.runner, avif=tools.settings.poster_avif)
    return Choice(by="upload", poster=await _stored_poster(tools, work, made))


async def _moment(tools: Tools, work: Assignment, time_s: str) -> Choice:
    """Of the upload where its pictures are, else of what is published."""
    given = await newest_input(tools.pool, work.asset.id, StepKind.PICTURES)
    title = None if given is None else await _title(tools, work.asset, given, work)
    if title is None and work.asset.revision_id is not None:
        title = await _published(tools, work, work.asset.revision_id)
    if title is None:
        raise Rejected("no_video", "The title has no picture to take one of.", "Upload a picture of your own.")
    made, shown_s = await images_make.poster_at(
        title.file,
        title.picture,
        Fraction(time_s),
        work.work_dir,
        tools.runner,
        avif=tools.settings.poster_avif,
    )
    return Choice(by="time", poster=await _stored_poster(tools, work, made), time_s=float(shown_s))


async def _title(tools: Tools, asset: Asset, given: dict[str, Any], work: Assignment) -> _Title | None:
    """None for sound alone, and for an upload that was replaced meanwhile."""
    if "revision" in given:
        return await _published(tools, work, given["revision"])
    if given["source"] != asset.source_sha256 or asset.source is None:
        return None
    picture = picture_of(from_json(asset.source))
    if picture is None:
        return None
    plan = await kept.plan(tools, asset.id, given["plan"])
    file = await tools.sources.fetch(
        tools.storage, tools.settings.media_bucket, asset.source_key or "", given["source"]
    )
    return _Title(file=file, picture=picture, duration_s=plan.duration_s)


async def _published(tools: Tools, work: Assignment, revision_id: RevisionId) -> _Title | None:
    """The largest rendition as one file; None where its segments are encrypted."""
    key = keys.revision_manifest(work.asset.id, revision_id)
    manifest = revision.manifest_from_bytes(await tools.storage.get(tools.settings.media_bucket, key))
    top = _largest(manifest.renditions)
    if top is None or manifest.encryption is not Encryption.NONE:
        return None
    file = await joined(tools, work, top, lambda done: work.progress(0.2 * done))
    return _Title(file=file, picture=picture_of_rendition(top), duration_s=top.duration_s)


def _largest(renditions: Iterable[Rendition]) -> Rendition | None:
    videos = [one for one in renditions if one.kind is RenditionKind.VIDEO]
    return max(videos, key=lambda one: one.height or 0, default=None)


async def _stored_album(tools: Tools, work: Assignment, title: _Title, selection: Selection, made: Made) -> Album:
    candidates = []
    for found, poster_set in zip(selection.candidates, made.posters, strict=True):
        if poster_set is None:
            continue
        stored = await _stored_poster(tools, work, poster_set)
        candidates.append(
            Candidate(
                id=f"c{stored.version}",
                time_s=float(found.time_s),
                score=round(found.score, 4),
                signals={name: round(value, 4) for name, value in found.signals.items()},
                reason=found.reason,
                low_confidence=found.low_confidence,
                poster=stored,
            )
        )
    board = None
    if made.storyboard is not None:
        board = StoryboardRow(
            duration_ms=made.storyboard.plan.duration_ms,
            shown_width=title.picture.shown_width,
            shown_height=title.picture.shown_height,
            sheets=await _stored(tools, work, made.storyboard.files),
        )
    preview = (await _stored(tools, work, [made.preview.file]))[0] if made.preview else None
    return Album(
        candidates=tuple({one.id: one for one in candidates}.values()),
        storyboard=board,
        preview=preview,
        fallback=selection.fallback,
    )


async def _stored_poster(tools: Tools, work: Assignment, made: PosterSet) -> Poster:
    return Poster(
        images=await _stored(tools, work, made.files),
        thumbhash=base64.b64encode(made.thumbhash).decode(),
        colour=made.colour,
    )


async def _stored(tools: Tools, work: Assignment, files: Iterable[ImageFile]) -> tuple[Image, ...]:
    turns = asyncio.Semaphore(kept.PARALLEL_PUTS)

    async def put(file: ImageFile) -> Image:
        async with turns:
            body = await asyncio.to_thread(file.path.read_bytes)
            key = keys.media_object(work.asset.id, file.sha256)
            await tools.storage.put(tools.settings.media_bucket, key, body, file.media_type)
        metrics.BYTES.labels("pictures").inc(file.size_bytes)
        return Image(
            shape=file.shape,
            type=file.media_type,
            width=file.width,
            height=file.height,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
        )

    # Not a TaskGroup: what is wrong with storage is to come out as it is, not in a group.
    return tuple(await asyncio.gather(*(put(file) for file in files)))
