"""republish: the media of the published revision, its tracks and downloads as they are now -> a new revision."""

from core.db import assets, steps, tracks
from core.db.postgres import Connection
from core.errors import Transient
from core.media.encoded import Encoded
from core.model import StepKind, new_id
from core.storage import keys
from packager import revision
from workers import encrypt, published_audio
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.step_context import StepContext
from workers.steps import downloads
from workers.title_tracks import with_tracks


async def republish(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Publish again without encoding; nothing where only a provisional revision is published, or none."""
    asset = claimed.asset
    old = asset.revision_id
    if old is None or asset.provisional or asset.deleted_at is not None:
        return Outcome(output={"nothing": True})  # the publication that is to come reads the tracks itself
    body = await worker.storage.get(worker.settings.media_bucket, keys.revision_manifest(asset.id, old))
    manifest = revision.manifest_from_bytes(body)
    title = await published_audio.published_title(worker, asset.id)
    if title is None:
        raise Transient("a published title without its publication")
    now = await with_tracks(worker, asset, Encoded(renditions=manifest.renditions), title.upload)
    offered = (*manifest.downloads, *downloads.downloads_of_input(claimed.step.input))
    new = revision.build_revision(
        asset.id,
        await encrypt.as_delivered(worker, asset, now.encoded, already=manifest.renditions),
        subtitles=now.subtitles,
        encryption=manifest.encryption,
        downloads=downloads.downloads_still_valid(now.encoded.renditions, offered),
    )
    await StepContext(worker=worker, claimed=claimed).put_revision(new)

    async def on_commit(connection: Connection) -> None:
        summary = revision.summary(new.manifest)
        if not await assets.republish(connection, asset.id, new.id, summary, instead_of=old):
            # Another revision was published meanwhile: once more, on top of that one.
            again = {**claimed.step.input, "again": new_id("st")}
            await steps.insert(connection, asset.id, StepKind.REPUBLISH, again)
            return
        await tracks.published(connection, asset.id, now.version)

    return Outcome(output={"revision": new.id}, on_commit=on_commit)
