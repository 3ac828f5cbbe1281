"""`kadr assets list | show | delete` and `kadr token`: the library and playback tokens, through the public API."""

import argparse
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp

from kadr.commands.api import Api, Target
from kadr.error_text import CannotIngest

COLUMNS = "{:<29}  {:<10}  {:>8}  {:<6}  {}"
TIMEOUT_S = 60.0


async def run_assets(target: Target, args: argparse.Namespace) -> int:
    """Run `kadr assets`; returns the exit code. Raises CannotIngest."""
    async with _api(target) as api:
        match args.what:
            case "list":
                shown = await _list(api, args)
                print(json.dumps(shown, indent=2) if args.json else _table(shown))
            case "show":
                asset = await api.call("GET", f"/v1/assets/{args.id}")
                print(json.dumps(asset, indent=2) if args.json else _facts(asset))
            case "delete":
                for asset_id in args.ids:
                    await api.call("DELETE", f"/v1/assets/{asset_id}")
                    print(f"{asset_id} deleted")
    return 0


async def run_token(target: Target, args: argparse.Namespace) -> int:
    """Run `kadr token`: print a signed playback URL, or the whole answer as JSON. Raises CannotIngest."""
    names = ("ttl_s", "viewer", "max_sessions", "domain", "ip", "country")
    body = {name: value for name in names if (value := getattr(args, name)) is not None}
    async with _api(target) as api:
        playback_id = args.id if args.id.startswith("pb_") else await _signed_id(api, args.id)
        token = await api.call("POST", f"/v1/playback_ids/{playback_id}/token", body)
    print(json.dumps(token, indent=2) if args.json else token["url"])
    return 0


@asynccontextmanager
async def _api(target: Target) -> AsyncIterator[Api]:
    """The API, with a session of its own."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
        yield Api(session, target)


async def _list(api: Api, args: argparse.Namespace) -> list[dict[str, Any]]:
    """At most `args.limit` assets, newest first."""
    given = {name: value for name in ("status", "ref", "q") if (value := getattr(args, name)) is not None}
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while len(found) < args.limit:
        page = {"limit": min(100, args.limit - len(found)), **({"cursor": cursor} if cursor else {})}
        answer = await api.answer("GET", f"/v1/assets?{urlencode({**given, **page})}")
        found += answer["data"]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    return found


async def _signed_id(api: Api, asset_id: str) -> str:
    """The first signed playback id of an asset. Raises CannotIngest where it has none."""
    asset = await api.call("GET", f"/v1/assets/{asset_id}")
    signed = [one["id"] for one in asset["playback_ids"] if one["policy"] == "signed"]
    if not signed:
        raise CannotIngest(f"{asset_id} has no signed playback id: anybody may play it at its playback_url")
    return str(signed[0])


def _table(assets: list[dict[str, Any]]) -> str:
    rows = [COLUMNS.format("ID", "STATUS", "DURATION", "POLICY", "TITLE")]
    rows += [
        COLUMNS.format(one["id"], one["status"], _duration(one["duration_s"]), one["policy"], one["title"])
        for one in assets
    ]
    return "\n".join(rows)


def _facts(asset: dict[str, Any]) -> str:
    """What people ask about first; `--json` has the rest."""
    error = asset["error"]
    ref = asset["ref"]
    facts = {
        "title": asset["title"],
        "status": asset["status"]
        if asset["status"] in ("ready", "errored")
        else f"{asset['status']}, {asset['progress']:.0%}",
        "duration": _duration(asset["duration_s"]),
        "policy": asset["policy"],
        "domains": ", ".join(asset["allowed_domains"]),
        "ref": f"{ref['type']}:{ref['id']}" if ref else None,
        "metadata": ", ".join(f"{name}={value}" for name, value in asset["metadata"].items()),
        "renditions": ", ".join(one["id"] for one in asset["renditions"]),
        "playback ids": ", ".join(f"{one['id']} ({one['policy']})" for one in asset["playback_ids"]),
        "watch": asset["watch_url"],
        "embed": asset["embed_url"],
        "playback": asset["playback_url"],
        "warnings": "; ".join(one["message"] for one in asset["warnings"]),
        "error": f"{error['code']}: {error['message']} {error['hint']}" if error else None,
    }
    return "\n".join([asset["id"], *(f"  {name:<12}  {value}" for name, value in facts.items() if value)])


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
