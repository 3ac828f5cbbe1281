"""`kadr assets list | show | delete` and `kadr token`: the library and playback tokens, through the public API."""

import argparse
import json
from collections.abc import Sequence

from kadr.commands.api_client import Target, connect
from kadr_client import Asset, Kadr

COLUMNS = "{:<29}  {:<10}  {:>8}  {:<6}  {}"
MOST_ON_A_PAGE = 100


async def run_assets(target: Target, args: argparse.Namespace) -> int:
    """Run `kadr assets`; returns the exit code. Raises CannotIngest."""
    async with connect(target) as kadr:
        match args.what:
            case "list":
                shown = await _list(kadr, args)
                print(json.dumps(shown, indent=2) if args.json else _table(shown))
            case "show":
                asset = await kadr.assets.get(args.id)
                print(json.dumps(asset, indent=2) if args.json else _facts(asset))
            case "delete":
                for asset_id in args.ids:
                    await kadr.assets.delete(asset_id)
                    print(f"{asset_id} deleted")
    return 0


async def run_token(target: Target, args: argparse.Namespace) -> int:
    """Run `kadr token`: print a signed playback URL, or the whole answer as JSON. Raises CannotIngest."""
    names = ("ttl_s", "viewer", "max_sessions", "domain", "ip", "country")
    limits = {name: value for name in names if (value := getattr(args, name)) is not None}
    async with connect(target) as kadr:
        token = await kadr.playback_tokens.create(args.id, **limits)
    print(json.dumps(token, indent=2) if args.json else token["url"])
    return 0


async def _list(kadr: Kadr, args: argparse.Namespace) -> list[Asset]:
    """At most `args.limit` assets, newest first."""
    found: list[Asset] = []
    if args.limit < 1:
        return found
    page_size = min(MOST_ON_A_PAGE, args.limit)
    async for asset in kadr.assets.list(status=args.status, ref=args.ref, q=args.q, page_size=page_size):
        found.append(asset)
        if len(found) == args.limit:
            break
    return found


def _table(assets: Sequence[Asset]) -> str:
    rows = [COLUMNS.format("ID", "STATUS", "DURATION", "POLICY", "TITLE")]
    rows += [
        COLUMNS.format(one["id"], one["status"], _duration(one["duration_s"]), one["policy"], one["title"])
        for one in assets
    ]
    return "\n".join(rows)


def _facts(asset: Asset) -> str:
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
