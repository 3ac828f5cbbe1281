"""publish: stored segments of all parts -> playlists, the manifest object, and one pointer flip."""

from core import assets, steps
from core import tracks as track_rows
from core.db import Connection
from core.errors import Transient
from core.failpoint import failpoint
from core.media import Encoded
from core.model import StepKind
from packager import revision
from transcode.join import join
from transcode.options import Downloads, downloads_from_json
from workers import encrypt, heard, kept, pictures, tracks
from workers.first import put_revision
from workers.stage import Assignment, Outcome, Then, Tools

PARTS = frozenset((StepKind.REMUX, StepKind.FIRST_RUNG, StepKind.ENCODE, StepKind.SOUND))


async def publish(tools: Tools, work: Assignment) -> Outcome:
    asset_id, run = work.asset.id, work.step.input["run"]
    plan = await kept.plan(tools, asset_id, work.step.input["plan"])
    done = await steps.done_of_run(tools.pool, asset_id, run, PARTS)
    kept_track = plan.passthrough.rung.id if plan.passthrough and plan.passthrough.lasting else None
    parts = []
    for step in sorted(done, key=lambda step: step.input.get("chunk", 0)):
        if step.kind is StepKind.REMUX and kept_track is None:
            continue
        encoded = await kept.encoded(tools, asset_id, step.output["encoded"])
        if step.kind is StepKind.REMUX:  # its sound was only for the time being
            encoded = Encoded(renditions=tuple(r for r in encoded.renditions if r.id == kept_track))
        parts.append(encoded)
    if not parts:
        raise Transient("a publication without parts")
    joined = join(plan, parts)
    upload = await heard.upload(tools, asset_id, run)
    added = await tracks.added(tools, work.asset, joined, upload)
    delivered = await encrypt.as_delivered(tools, work.asset, added.encoded)
    new = revision.build_revision(asset_id, delivered, subtitles=added.subtitles, encryption=encrypt.wanted(work.asset))
    await put_revision(tools, work, new)
    failpoint(tools.settings, "publish.before_flip")

    async def effect(connection: Connection) -> None:
        await assets.publish(connection, asset_id, new.id, revision.summary(new.manifest))
        await track_rows.upload_published(connection, asset_id, upload, work.step.id)
        await track_rows.published(connection, asset_id, added.version)

    wanted = downloads_from_json(work.asset.options) is not Downloads.NONE
    then: tuple[Then, ...] = ((StepKind.DOWNLOADS, {"revision": new.id}),) if wanted else ()
    then += pictures.of_revision(plan, new.id, work.asset)
    return Outcome(output={"revision": new.id}, effect=effect, then=then)
