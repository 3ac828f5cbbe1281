"""Two sessions of a viewer who may have one, by a signed playback id: the first is 200, the second 403.

sessions.py API_KEY ASSET, with the API on 127.0.0.1:8080. Exit code 1 for anything else.
"""

import json
import sys
import urllib.error
import urllib.request
from typing import Any

API = "http://127.0.0.1:8080/v1"
TIMEOUT_S = 20


def post(key: str, path: str, body: dict[str, Any]) -> Any:
    """The data of the API's answer."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(API + path, json.dumps(body).encode(), headers)  # noqa: S310 - http, as API says
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
        return json.load(answer)["data"]


def status_of(url: str) -> int:
    """The status of a GET, whatever it is."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - of our API
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        return exc.code


def main(key: str, asset: str) -> int:
    playback_id = post(key, f"/assets/{asset}/playback_ids", {"policy": "signed"})["id"]
    viewer = {"viewer": f"v-{playback_id}", "max_sessions": 1}
    statuses = [status_of(post(key, f"/playback_ids/{playback_id}/token", viewer)["url"]) for _ in range(2)]
    sys.stdout.write(f"{statuses}\n")
    return int(statuses != [200, 403])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
