"""kadr-node believes a webhook exactly where Standard Webhooks says so."""

import base64
import json
from pathlib import Path
from typing import Any

from tests import js_package
from tests.js_package import run

pytestmark = js_package.needed
# Signed by the npm package standardwebhooks 1.1.1.
SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
BODY = '{"id":"ev_1","type":"video.asset.ready","data":{"title":"Ж — урок"}}'
SIGNED_AT_S = 1_790_000_000
HEADERS = {
    "webhook-id": "ev_1",
    "webhook-timestamp": str(SIGNED_AT_S),
    "webhook-signature": "v1,vfQWr9QugwO41vi+NuQSKAphj9698CWGkJIPu9Eiuos=",
}
OTHER = f"whsec_{base64.b64encode(bytes(24)).decode()}"
GIVEN = """
const [SECRET, BODY, HEADERS, AT, OTHER] = JSON.parse(process.argv[2]);
const now = new Date(AT * 1000);
const verified = (body, headers, secrets = SECRET, options = { now }) => {
  try {
    return verifyWebhook(body, headers, secrets, options);
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
const signature = HEADERS["webhook-signature"];
const signed = (more) => ({ ...HEADERS, ...more });
"""


async def told(folder: Path, code: str) -> list[Any]:
    return await run(folder, GIVEN + code, json.dumps([SECRET, BODY, HEADERS, SIGNED_AT_S, OTHER]))


async def test_what_is_believed(folder_with_package: Path) -> None:
    code = """
      say(verified(BODY, HEADERS));
      say(verified(new TextEncoder().encode(BODY), new Headers(HEADERS)));
      const { "webhook-id": id, ...others } = HEADERS;
      say(verified(Buffer.from(BODY), { "Webhook-Id": id, ...others }));
      say(verified(BODY, HEADERS, SECRET.slice(6)));
      say(verified(BODY, HEADERS, [OTHER, SECRET]));
      say(verified(BODY, signed({ "webhook-signature": `v1a,xyz v1,AAAA ${signature} v2,${signature.slice(3)}` })));
      for (const past of [-300, 300]) say(verified(BODY, HEADERS, SECRET, { now: new Date((AT + past) * 1000) }));
      say(verified(BODY, HEADERS, SECRET, { toleranceS: Infinity }));
    """
    assert await told(folder_with_package, code) == [json.loads(BODY)] * 9


async def test_what_is_refused(folder_with_package: Path) -> None:
    code = """
      say(verified(BODY + " ", HEADERS));
      say(verified(BODY, signed({ "webhook-id": "ev_2" })));
      say(verified(BODY, signed({ "webhook-timestamp": String(AT + 1) })));
      say(verified(BODY, HEADERS, OTHER));
      for (const wrong of ["v2" + signature.slice(2), signature.slice(3), "v1,", "v1,AAAA", signature.slice(0, -2)])
        say(verified(BODY, signed({ "webhook-signature": wrong })));
      for (const past of [-301, 301]) say(verified(BODY, HEADERS, SECRET, { now: new Date((AT + past) * 1000) }));
      say(verified(BODY, HEADERS, SECRET, {}));
      for (const time of ["", "soon", "1e9", "-1", " 1790000000"])
        say(verified(BODY, signed({ "webhook-timestamp": time })));
      for (const name of Object.keys(HEADERS)) say(verified(BODY, signed({ [name]: undefined })));
      say(verified(BODY, new Headers()));
    """
    refused = await told(folder_with_package, code)
    assert len(refused) == 4 + 5 + 2 + 1 + 5 + 3 + 1
    assert [one for one in refused if not str(one).startswith("WebhookRefused: ")] == []
    assert [one for one in refused[:9] if one != "WebhookRefused: webhook-signature is of none of the secrets."] == []


async def test_a_mistyped_secret_is_the_programs_own_fault(folder_with_package: Path) -> None:
    code = """
      for (const secret of ["", "whsec_", "whsec_abc$", "whsec_AAAAA", []])
        say(verified(BODY, HEADERS, secret).split(":")[0]);
    """
    assert await told(folder_with_package, code) == ["TypeError"] * 5
