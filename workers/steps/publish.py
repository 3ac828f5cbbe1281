"""publish: the stored segments of all parts -> playlists, the manifest object, and the asset's pointer to it."""

from core.db import publication
from core.db.assets import Asset
from core.db.postgres import Connection
from core.model import RevisionId, StepKind
from core.telemetry.failpoint import failpoint
from packager.revision import build_revision, summary
from transcode.plan.encode_plan import EncodePlan
from transcode.plan.options import Downloads, downloads_from_json
from transcode.plan.told import told_rungs
from workers import artifacts
from workers.engine.contract import ClaimedStep, NextStep, Outcome, WorkerContext
from workers.steps import pictures
from workers.title import load_title


async def publish(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Gather the title, build its revision, store it, and publish it with the end of the step."""
    asset = claimed.asset
    plan = await artifacts.load_plan(worker, asset.id, claimed.step.input["plan"])
    title = await load_title(worker, claimed, plan)
    new = build_revision(asset.id, title.encoded, subtitles=title.subtitles, encryption=title.encryption)
    await artifacts.store_revision(worker, asset.id, new)
    failpoint(worker.settings, "publish.before_flip")

    async def on_commit(connection: Connection) -> None:
        facts = {**summary(new.manifest), "told": told_rungs(plan)}
        await publication.publish(connection, asset.id, new.id, facts, title=title.rows, by=claimed.step.id)

    return Outcome(
        output={"revision": new.id},
        on_commit=on_commit,
        next_steps=_extras(plan, new.id, asset),
        warnings=title.warnings,
    )


def _extras(plan: EncodePlan, revision_id: RevisionId, asset: Asset) -> tuple[NextStep, ...]:
    """The steps that add to a published title: downloads, and pictures where the upload shows something else."""
    following = pictures.steps_of_revision(plan, revision_id, asset)
    if downloads_from_json(asset.options) is Downloads.NONE:
        return following
    return ((StepKind.DOWNLOADS, {"revision": revision_id}), *following)
