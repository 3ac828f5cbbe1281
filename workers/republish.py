"""republish: the media of the published revision, the tracks as they are now, its downloads -> a new revision."""

from core import assets, keys, steps, tracks
from core.db import Connection
from core.errors import Transient
from core.media import Encoded
from core.model import StepKind, new_id
from packager import revision
from workers import downloads, encrypt, heard
from workers.first import put_revision
from workers.stage import Assignment, Outcome, Tools
from workers.tracks import added


async def republish(tools: Tools, work: Assignment) -> Outcome:
    asset = work.asset
    old = asset.revision_id
    if old is None or asset.provisional or asset.deleted_at is not None:
        return Outcome(output={"nothing": True})  # what comes will read the tracks itself
    body = await tools.storage.get(tools.settings.media_bucket, keys.revision_manifest(asset.id, old))
    manifest = revision.manifest_from_bytes(body)
    title = await heard.title(tools, asset.id)
    if title is None:
        raise Transient("a published title without its publication")
    now = await added(tools, asset, Encoded(renditions=manifest.renditions), title.upload)
    offered = (*manifest.downloads, *downloads.listed(work.step.input))
    new = revision.build_revision(
        asset.id,
        await encrypt.as_delivered(tools, asset, now.encoded, already=manifest.renditions),
        subtitles=now.subtitles,
        encryption=manifest.encryption,
        downloads=downloads.still_of(now.encoded.renditions, offered),
    )
    await put_revision(tools, work, new)

    async def effect(connection: Connection) -> None:
        summary = revision.summary(new.manifest)
        if not await assets.republish(connection, asset.id, new.id, summary, instead_of=old):
            # Another revision was published meanwhile: once more, on top of that one.
            again = {**work.step.input, "again": new_id("st")}
            await steps.insert(connection, asset.id, StepKind.REPUBLISH, again)
            return
        await tracks.published(connection, asset.id, now.version)

    return Outcome(output={"revision": new.id}, effect=effect)
