"""publish: stored segments -> playlists, the manifest object, and one pointer flip."""

import json

from core import assets, keys
from core.db import Connection
from core.failpoint import failpoint
from core.media import encoded_from_json
from packager import revision
from workers.stage import Assignment, Outcome, Tools


async def publish(tools: Tools, work: Assignment) -> Outcome:
    bucket, storage, asset_id = tools.settings.media_bucket, tools.storage, work.asset.id
    listing = await storage.get(bucket, keys.media_object(asset_id, work.step.input["encoded"]))
    new = revision.revision(asset_id, encoded_from_json(json.loads(listing)))
    # Media lies there already; now the playlists, the manifest after them, and the pointer last.
    for key, body in new.texts.items():
        await storage.put(bucket, key, body, revision.PLAYLIST_TYPE)
    await storage.put(bucket, keys.revision_manifest(asset_id, new.id), new.body, "application/json")
    failpoint(tools.settings, "publish.before_flip")

    async def effect(connection: Connection) -> None:
        await assets.publish(connection, asset_id, new.id, revision.summary(new.manifest))

    return Outcome(output={"revision": new.id}, effect=effect)
