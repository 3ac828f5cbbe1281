"""kadr-node against the whole stack, as a school's server uses it: from its tarball, in a folder of its own."""

import json
from pathlib import Path
from typing import Any

from tests import js_package
from tests.js_package import folder_with_package, run
from tests.stack import PLAIN, Stack, as_owner

__all__ = ["folder_with_package"]
pytestmark = js_package.needed
SCHOOL = """
import { createServer } from "node:http";
const [, , file, options] = process.argv;
let secret = "";
const events = [];
const refused = [];
const hook = createServer(async (request, response) => {
  let body = "";
  for await (const text of request.setEncoding("utf8")) body += text;
  try {
    events.push(verifyWebhook(body, request.headers, secret));
    response.writeHead(204).end();
  } catch (error) {
    refused.push(error.message);
    response.writeHead(400).end();
  }
});
await new Promise((listening) => hook.listen(0, "127.0.0.1", listening));
const url = `http://127.0.0.1:${hook.address().port}/hook`;
const until = async (good) => {
  while (!good()) await new Promise((later) => setTimeout(later, 20));
};

const endpoint = await kadr.webhookEndpoints.create({ url, types: ["video.asset.*", "webhook_endpoint.test"] });
({ secret } = endpoint);
const { cursor } = await kadr.events.page({ after: "now" });
const fields = { title: "Урок", ref: "lesson:1", policy: "signed", ...JSON.parse(options) };
const upload = await kadr.uploads.file(file, fields);
const asset = await kadr.assets.wait(upload.asset_id);
const token = await kadr.playbackTokens.create(asset.playback_ids[0].id, { viewer: "u1" });
const played = [await fetch(token.url), await fetch(token.url.split("?")[0])].map(({ status }) => status);
say({ asset, played });

await until(() => events.some(({ type }) => type === "video.asset.ready"));
for await (const { events: page } of kadr.events.follow({ after: cursor, types: ["video.asset.*"] })) {
  say(page.map(({ type, object }) => [type, object.id]));
  break;
}
const tested = await kadr.webhookEndpoints.test(endpoint.id);
await until(() => events.some(({ id }) => id === tested.event_id));
say({ told: events.map(({ type, object }) => [type, object.id]), refused });

const states = async () => {
  const found = [];
  for await (const { state } of kadr.webhookEndpoints.deliveries(endpoint.id, { limit: 1 })) found.push(state);
  return found;
};
while ((await states()).includes("pending")) await new Promise((later) => setTimeout(later, 20));
const { attempts } = await kadr.webhookEndpoints.delivery(endpoint.id, tested.event_id);
const all = await states();
const rotated = await kadr.webhookEndpoints.rotateSecret(endpoint.id);
const again = await failure(() => kadr.webhookEndpoints.rotateSecret(endpoint.id));
const { description } = await kadr.webhookEndpoints.update(endpoint.id, { description: "School" });
const sent = await kadr.webhookEndpoints.redeliver(endpoint.id, { event_id: tested.event_id });
const statuses = attempts.map(({ status }) => status);
say({ statuses, all, rotated: rotated.secret !== secret, again: again.code, description, sent });

const listed = [];
for await (const { id } of kadr.webhookEndpoints.list()) listed.push(id);
const uploading = await kadr.uploadTokens.create({ ref: "lesson:2", origins: ["http://localhost:3000"] });
const { title } = await kadr.assets.update(asset.id, { title: "Урок 1" });
const found = [];
for await (const { id } of kadr.assets.list({ ref: "lesson:1", limit: 1 })) found.push(id);
await kadr.webhookEndpoints.delete(endpoint.id);
await kadr.assets.delete(asset.id);
const gone = [];
for (const call of [() => kadr.assets.get(asset.id), () => kadr.webhookEndpoints.get(endpoint.id)])
  gone.push((await failure(call)).code);
say({ listed: listed.length, uploading, title, found, gone });
hook.close();
hook.closeAllConnections();
"""


async def test_a_school_uploads_plays_and_is_told(stack: Stack, folder_with_package: Path, tiny: Path) -> None:
    owner = await as_owner(stack, "school")
    env = {"KADR_API_URL": owner.endpoints["api"], "KADR_API_KEY": owner.endpoints["api_key"]}
    played, feed, hooks, log, rest = await run(folder_with_package, SCHOOL, str(tiny), json.dumps(PLAIN), **env)

    asset: dict[str, Any] = played["asset"]
    assert (asset["status"], asset["title"], asset["ref"]) == ("ready", "Урок", {"type": "lesson", "id": "1"})
    assert played["played"] == [200, 403], "with the token, and without"

    happened = [[f"video.asset.{what}", asset["id"]] for what in ("created", "playable", "ready")]
    assert feed == happened
    assert [event for event in hooks["told"] if event[0].startswith("video.asset.")] == happened
    assert hooks["told"][-1][0] == "webhook_endpoint.test"
    assert hooks["refused"] == []

    assert (log["statuses"], log["all"], log["sent"]) == (
        [204],
        ["delivered"] * 4,
        {"deliveries": 1, "next_from": None},
    )
    assert (log["rotated"], log["again"], log["description"]) == (True, "rotation_in_progress", "School")
    assert (rest["listed"], rest["title"], rest["found"]) == (1, "Урок 1", [asset["id"]])
    assert rest["uploading"]["token"].startswith("ut_")
    assert rest["gone"] == ["not_found"] * 2
