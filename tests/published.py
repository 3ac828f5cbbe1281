"""Every published title in the tests goes through the checker: `assert await faults(url) == []`."""

import asyncio
import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from hls_checker import rules
from hls_checker.fetch import CheckLimits
from hls_checker.gather import CannotCheck, gather
from hls_checker.rules import Severity
from tests import runs
from tests.stack import Stack
from tests.web import fetch

QUICK = CheckLimits(file_s=20, total_s=120)


async def faults(url: str, *, dash_url: str | None = None, shoulds: bool = True) -> list[str]:
    """A line per broken rule in the title at `url`, also of rules that should hold unless `shoulds` is False.

    Raises hls_checker.gather.CannotCheck where there is no multivariant playlist.
    """
    title = await gather(url, dash_url=dash_url, limits=QUICK, on_progress=lambda *_: None)
    found = [str(fault) for fault in rules.faults(title) if shoulds or fault.severity is Severity.MUST]
    if shoulds and not found and "/play/" in url and (revision := await _revision(url)):
        runs.note("checked", revision=revision)
    return found


async def broken_rules(stack: Stack) -> dict[str, list[str]]:
    """Faults by asset id, of every title that is ready on this stack and is shown: what all tests have left there.

    Each revision is read once: what a test has checked already is left out. On as many cores as there are.
    """
    checked = {one["revision"] for one in runs.noted("checked")}
    urls: dict[str, str] = {}
    for asset in await _ready(stack):
        url = asset["playback_url"]
        if url and await _revision(url) not in checked:
            urls[asset["id"]] = url
    loop, spawn = asyncio.get_running_loop(), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(len(urls), os.cpu_count() or 1) or 1, mp_context=spawn) as pool:
        told = await asyncio.gather(*(loop.run_in_executor(pool, _check, url) for url in urls.values()))
    return {asset_id: found for asset_id, found in zip(urls, told, strict=True) if found}


def _check(url: str) -> list[str]:
    try:
        return asyncio.run(faults(url))
    except CannotCheck as exc:
        return [f"cannot be checked: {exc}"]


async def _revision(url: str) -> str | None:
    """Asset and revision of what this URL plays now; None where nothing is to be had."""
    answer = await fetch(url)
    found = re.search(rb"/v/(as_\w+/[0-9a-f]+)/", answer.body) if answer.status == 200 else None
    return found[1].decode() if found else None


async def _ready(stack: Stack) -> list[Any]:
    assets: list[Any] = []
    cursor: str | None = None
    while True:
        after = f"&cursor={cursor}" if cursor else ""
        status, body = await stack.api("GET", f"/v1/assets?status=ready&limit=100{after}")
        if status != 200:
            return assets  # a stack that some test has taken apart
        assets += body["data"]
        cursor = body["next_cursor"]
        if cursor is None:
            return assets
