"""What does a sitemap of a million titles cost?

Rows of listed titles, all of the same revision, are copied into the database of a stack of its own. Then, in turn:

  entries  the sitemap's entries of all of them are made, as workers do in the background
  index    /sitemap.xml is read from the origin
  part     one file of it is read from the origin, plain and gzipped
  change   the title of one video changes until the index shows it

Told are seconds and CPU seconds of the stack, the origin's memory before and after, the files that one change touches,
and the plan of the statement that reads a page of a file.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import aiohttp
import asyncpg

from benchmarks.harness.machine import facts, report
from benchmarks.harness.stack import Stack, running
from core.db import postgres, sql
from core.db.owners import FIRST_OWNER
from core.db.postgres import Pool
from core.settings import Settings

REVISION = "ab" * 10
SUMMARY = {
    "duration_s": 61.5,
    "renditions": [{"width": 1280, "height": 720, "kind": "video"}],
    "downloads": [{"name": "high.mp4", "bytes": 1, "width": 1280, "height": 720}],
}
IMAGE = {"shape": "full", "type": "image/jpeg", "width": 1280, "height": 720, "sha256": "0" * 64, "size_bytes": 1}
CHOSEN = {"by": "upload", "poster": {"images": [IMAGE], "thumbhash": "", "colour": "#000000"}}
DESCRIPTION = "Чаша из белой глины, от комка до глазури & обжига. " * 4  # two bytes a letter, as of half of the users
WITHIN_S = 3600.0
_MEMORY = re.compile(r"^process_resident_memory_bytes ([0-9.e+]+)$", re.MULTILINE)


async def measured(titles: int) -> dict[str, Any]:
    """All figures for so many titles."""
    async with running(1, {"KADR_RECONCILE_S": "1", "KADR_METRICS_PORT": "0"}) as stack:
        pool = await postgres.connect(Settings(database_url=stack.database_url))
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S)) as session:
                return await _measured(stack, pool, session, titles)
        finally:
            await pool.close()


async def _measured(stack: Stack, pool: Pool, session: aiohttp.ClientSession, titles: int) -> dict[str, Any]:
    origin, begun = stack.origin_url, time.monotonic()
    await _copy(stack, titles)
    copied_s = time.monotonic() - begun
    _say(f"{titles:,} rows copied in {copied_s:.0f} s")
    begun, cpu = time.monotonic(), stack.cpu_s()
    await _until_kept(pool)
    entries = {"s": time.monotonic() - begun, "cpu_s": stack.cpu_s() - cpu}
    await pool.execute("ANALYZE", timeout=WITHIN_S)
    parts = await pool.fetchval("SELECT count(*) FROM sitemap_parts WHERE listed > 0")
    before = await _memory(session, stack)
    index = await _read(session, stack, f"{origin}/sitemap.xml")
    part = await _read(session, stack, f"{origin}/sitemaps/videos-1.xml", **{"Accept-Encoding": "identity"})
    zipped = await _read(session, stack, f"{origin}/sitemaps/videos-2.xml", **{"Accept-Encoding": "gzip"})
    after = await _memory(session, stack)
    return {
        "titles": titles,
        "parts": parts,
        "copied_s": copied_s,
        "entries": entries,
        "index": index,
        "part": part,
        "part_gzipped": zipped,
        "origin_bytes": {"before": before, "after": after},
        "touched_by_a_change": await _change(pool),
        "plan": await _plan(pool),
    }


async def _copy(stack: Stack, titles: int) -> None:
    """Rows that are as listed as any, in the order of their ids."""
    ids = [f"{number:026d}" for number in range(titles)]
    summary, chosen = json.dumps(SUMMARY), json.dumps(CHOSEN)
    columns = ("id", "owner_id", "status", "title", "policy", "description", "tags", "listed", "revision_id")
    asset = (FIRST_OWNER, "ready", "Bowl", "public", DESCRIPTION, ["bowl"], True, REVISION)
    # COPY knows no codec of the pool.
    connection = await asyncpg.connect(stack.database_url.get_secret_value())
    try:
        await _into(connection, "assets", columns, ((f"as_{i}", *asset) for i in ids))
        await _into(
            connection, "revisions", ("id", "asset_id", "summary"), ((REVISION, f"as_{i}", summary) for i in ids)
        )
        await _into(
            connection, "playback_ids", ("id", "asset_id", "policy"), ((f"pb_{i}", f"as_{i}", "public") for i in ids)
        )
        await _into(connection, "pictures", ("asset_id", "chosen"), ((f"as_{i}", chosen) for i in ids))
    finally:
        await connection.close()


async def _into(connection: Any, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=columns, timeout=WITHIN_S)
    _say(f"{table} copied")


async def _read(session: aiohttp.ClientSession, stack: Stack, url: str, **headers: str) -> dict[str, float]:
    begun, cpu, size = time.monotonic(), stack.cpu_s(), 0
    async with session.get(url, headers=headers, auto_decompress=False) as answer:
        answer.raise_for_status()
        async for block in answer.content.iter_any():
            size += len(block)
    return {"s": time.monotonic() - begun, "cpu_s": stack.cpu_s() - cpu, "bytes": size}


async def _memory(session: aiohttp.ClientSession, stack: Stack) -> float:
    async with session.get(stack.origin_metrics_url) as answer:
        found = _MEMORY.search(await answer.text())
    return float(found[1]) if found else 0.0


async def _change(pool: Pool) -> int:
    """How many files one changed title touches."""
    states = "SELECT number, changed_at FROM sitemap_parts"
    before = {row["number"]: row["changed_at"] for row in await pool.fetch(states)}
    await pool.execute("UPDATE assets SET title = 'Another' WHERE id = (SELECT min(id) FROM assets)")
    await _until_kept(pool)
    return sum(row["changed_at"] != before[row["number"]] for row in await pool.fetch(states))


async def _until_kept(pool: Pool) -> None:
    """Until the workers have brought all entries up to date."""
    while (left := await pool.fetchval("SELECT count(*) FROM listing_changes")) > 0:
        _say(f"{left:,} changes are not in the sitemap yet")
        await asyncio.sleep(2)


async def _plan(pool: Pool) -> str:
    statement = sql.load("listed")["page_of_part"]
    rows = await pool.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement}", 2, "", 500)
    return "\n".join(row[0] for row in rows)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench sitemap", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--titles", type=int, default=1_000_000)
    args = parser.parse_args(argv)
    result = asyncio.run(measured(args.titles))
    memory = result["origin_bytes"]
    table = "\n".join(
        [
            f"{result['titles']:,} titles in {result['parts']} files",
            f"entries made: {result['entries']['s']:.1f} s, {result['entries']['cpu_s']:.1f} CPU s",
            *(
                f"{name}: {one['bytes']:,.0f} bytes in {one['s']:.2f} s, {one['cpu_s']:.2f} CPU s"
                for name in ("index", "part", "part_gzipped")
                for one in (result[name],)
            ),
            f"origin: {memory['before'] / 1e6:.0f} MB before, {memory['after'] / 1e6:.0f} MB after",
            f"files touched by one change: {result['touched_by_a_change']}",
            result["plan"],
        ]
    )
    report(table, {"benchmark": "sitemap", **result}, facts())
    return 0
