"""The little of the public API that benchmarks need, without the retries that would hide what they measure.

In: where the API is and a key. Out: JSON. Raises KadrError for every answer that is not the expected one.
"""

import asyncio
import io
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.harness.clips import unlike
from core.errors import ConfigError, KadrError

READY_WITHIN_S = 600.0
POLL_S = 0.25  # as often as `kadr ingest` asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A running API and the key to it."""

    url: str
    key: str

    @classmethod
    def from_environment(cls) -> "Api":
        """KADR_API_URL + KADR_API_KEY, or the endpoints.json of KADR_HOME (default: .kadr)."""
        if url := os.environ.get("KADR_API_URL"):
            return cls(url=url.rstrip("/"), key=os.environ.get("KADR_API_KEY", ""))
        return cls.of_home(Path(os.environ.get("KADR_HOME", ".kadr")))

    @classmethod
    def of_home(cls, home: Path) -> "Api":
        try:
            endpoints = json.loads((home / "endpoints.json").read_text())
        except FileNotFoundError as exc:
            raise ConfigError(f"no endpoints.json in {home}: start `kadr up` there, or set KADR_HOME") from exc
        return cls(url=endpoints["api"], key=endpoints["api_key"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def call(self, session: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:
        """Send a request; the `data` of the JSON response, if any. Raises KadrError for a status of 300 and above."""
        async with session.request(method, self.url + path, json=body, headers=self.headers) as answer:
            text = await answer.text()
            if answer.status >= 300:
                raise KadrError(f"{method} {path}: {answer.status} {text[:300]}")
            return json.loads(text)["data"] if text else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An upload whose parts are in storage, not yet completed."""

    upload_id: str
    asset_id: str


async def send(session: aiohttp.ClientSession, api: Api, name: str, content: bytes, **options: str) -> Sent:
    """Create an upload with these options of the asset, and PUT every part."""
    body = {"filename": name, "size_bytes": len(content), **options}
    upload = await api.call(session, "POST", "/v1/uploads", body)
    size = upload["part_size_bytes"]
    if upload["next_part"] is not None:
        raise KadrError("a clip of more than 200 parts is more than this client sends")
    for part in upload["parts"]:
        block = io.BytesIO(content[(part["number"] - 1) * size :][: part["size_bytes"]])
        async with session.put(part["url"], data=block) as answer:
            if answer.status >= 300:
                raise KadrError(f"PUT part {part['number']}: {answer.status} {(await answer.text())[:300]}")
    return Sent(upload_id=upload["id"], asset_id=upload["asset_id"])


async def complete(session: aiohttp.ClientSession, api: Api, sent: Sent) -> float:
    """Complete the upload; when it was answered, on the monotonic clock."""
    await api.call(session, "POST", f"/v1/uploads/{sent.upload_id}/complete", {})
    return time.monotonic()


async def ready(
    session: aiohttp.ClientSession, api: Api, sent: Sent, within_s: float = READY_WITHIN_S
) -> dict[str, Any]:
    """The asset once it is ready. Raises KadrError when it is errored, or not there in time."""
    return await until(session, api, sent, ("ready",), within_s)


async def until(
    session: aiohttp.ClientSession, api: Api, sent: Sent, statuses: Sequence[str], within_s: float
) -> dict[str, Any]:
    """The asset once it has one of these statuses. Raises KadrError when it is errored, or not there in time."""
    deadline = time.monotonic() + within_s
    while True:
        asset: dict[str, Any] = await api.call(session, "GET", f"/v1/assets/{sent.asset_id}")
        if asset["status"] in statuses:
            return asset
        if asset["status"] == "errored" or time.monotonic() > deadline:
            raise KadrError(f"{sent.asset_id} is {asset['status']}, not {statuses[0]}: {asset['error']}")
        await asyncio.sleep(POLL_S)


async def published(api: Api, name: str, content: bytes, **options: str) -> dict[str, Any]:
    """A new public asset of the clip (MP4 or MOV), once it is ready and has its poster."""
    async with aiohttp.ClientSession() as session:
        sent = await send(session, api, name, unlike(content), policy="public", **options)
        await complete(session, api, sent)
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                asset = await ready(session, api, sent)
                if asset["poster_url"]:
                    return asset
                await asyncio.sleep(POLL_S)
