"""republish: the media of the published revision, its tracks and downloads as they are now -> a new revision."""

from core.db import publication
from core.db.postgres import Connection
from packager.revision import build_revision, summary
from workers import artifacts
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.steps import downloads
from workers.title import reload_title


async def republish(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Publish again without encoding; nothing where only a provisional revision is published, or none."""
    asset = claimed.asset
    old = asset.revision_id
    if old is None or asset.provisional or asset.deleted_at is not None:
        return Outcome(output={"nothing": True})  # the publication that is to come reads the tracks itself
    manifest = await artifacts.load_manifest(worker, asset.id, old)
    title = await reload_title(worker, asset, manifest)
    offered = (*manifest.downloads, *downloads.downloads_of_input(claimed.step.input))
    new = build_revision(
        asset.id,
        title.encoded,
        subtitles=title.subtitles,
        encryption=title.encryption,
        downloads=downloads.downloads_still_valid(title.encoded.renditions, offered),
    )
    await artifacts.store_revision(worker, asset.id, new)

    told = {name: value for name, value in (asset.summary or {}).items() if name == "told"}

    async def on_commit(connection: Connection) -> None:
        await publication.republish(
            connection,
            asset.id,
            new.id,
            {**summary(new.manifest), **told},
            tracks_version=title.rows.tracks_version,
            instead_of=old,
            step_input=claimed.step.input,
        )

    return Outcome(output={"revision": new.id}, on_commit=on_commit, warnings=title.warnings)
