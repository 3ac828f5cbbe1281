"""publish: the stored segments of all parts -> playlists, the manifest object, and the asset's pointer to it."""

from core.db import assets, steps
from core.db import tracks as track_rows
from core.db.postgres import Connection
from core.errors import Transient
from core.media.encoded import Encoded
from core.model import StepKind
from core.step_kinds import ENCODE_PARTS
from core.telemetry.failpoint import failpoint
from packager import revision
from transcode.encode.join import join
from transcode.plan.encode_plan import EncodePlan
from transcode.plan.options import Downloads, downloads_from_json
from workers import artifacts, encrypt, published_audio, title_tracks
from workers.engine.contract import ClaimedStep, NextStep, Outcome, WorkerContext
from workers.step_context import StepContext
from workers.steps import pictures


async def publish(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Join the parts of the run, add the asset's tracks, and publish the revision; downloads and pictures follow."""
    asset_id, run = claimed.asset.id, claimed.step.input["run"]
    plan = await artifacts.load_plan(worker, asset_id, claimed.step.input["plan"])
    joined = join(plan, await _parts(worker, claimed, plan))
    upload = await published_audio.source_of_run(worker, asset_id, run)
    title = await title_tracks.with_tracks(worker, claimed.asset, joined, upload)
    delivered = await encrypt.as_delivered(worker, claimed.asset, title.encoded)
    encryption = encrypt.encryption_of(claimed.asset)
    new = revision.build_revision(asset_id, delivered, subtitles=title.subtitles, encryption=encryption)
    await StepContext(worker=worker, claimed=claimed).put_revision(new)
    failpoint(worker.settings, "publish.before_flip")

    async def on_commit(connection: Connection) -> None:
        await assets.publish(connection, asset_id, new.id, revision.summary(new.manifest))
        await track_rows.upload_published(connection, asset_id, upload, claimed.step.id)
        await track_rows.published(connection, asset_id, title.version)

    following: tuple[NextStep, ...] = ()
    if downloads_from_json(claimed.asset.options) is not Downloads.NONE:
        following = ((StepKind.DOWNLOADS, {"revision": new.id}),)
    following += pictures.steps_of_revision(plan, new.id, claimed.asset)
    return Outcome(output={"revision": new.id}, on_commit=on_commit, next_steps=following)


async def _parts(worker: WorkerContext, claimed: ClaimedStep, plan: EncodePlan) -> list[Encoded]:
    """What the parts of the run made, in the order of their chunks. Raises Transient where there are none.

    Of a remux only the video track is kept, and only where the plan says so.
    """
    done = await steps.done_of_run(worker.pool, claimed.asset.id, claimed.step.input["run"], ENCODE_PARTS)
    copied = plan.passthrough.rung.id if plan.passthrough and plan.passthrough.lasting else None
    parts = []
    for step in sorted(done, key=lambda step: step.input.get("chunk", 0)):
        if step.kind is StepKind.REMUX and copied is None:
            continue
        encoded = await artifacts.load_encoded(worker, claimed.asset.id, step.output["encoded"])
        if step.kind is StepKind.REMUX:  # its audio was encoded again, at the right loudness
            encoded = Encoded(renditions=tuple(r for r in encoded.renditions if r.id == copied))
        parts.append(encoded)
    if not parts:
        raise Transient("a publication without parts")
    return parts
