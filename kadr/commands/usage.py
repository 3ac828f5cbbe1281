"""`kadr usage import | show`: what CDNs have delivered, counted from their logs into the database, and shown.

The database is that of KADR_DATABASE_URL, else of the `kadr up` in KADR_HOME.
"""

import argparse
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from core.db import postgres, usage
from core.db.postgres import Connection, Pool
from core.db.usage import Delivered, LogFile
from core.errors import ConfigError, KadrError
from core.model import OwnerId, UsageBy
from kadr.commands.studio_link import where_from
from kadr.delivery_logs import reader
from kadr.delivery_logs.formats import FORMATS
from kadr.delivery_logs.reader import Result

DAYS = 30
GB = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of one file. `state`: "counted", "grown" (a part of it had been), "known" (all of it had), "refused".

    `problem` says why a file was refused.
    """

    file: str
    state: str
    result: Result
    problem: str = ""


async def run(args: argparse.Namespace) -> int:
    """Run `kadr usage`; returns the exit code. Raises KadrError."""
    async with _database() as pool:
        if args.what == "import":
            return await _import(pool, args.files, args.log_format, args.pathway or args.log_format, args.json)
        return await _show(pool, args)


@asynccontextmanager
async def _database() -> AsyncIterator[Pool]:
    pool = await postgres.connect(where_from(os.environ).settings)
    try:
        yield pool
    except TimeoutError as exc:
        raise KadrError("the database did not answer in time; nothing was counted of the file at hand") from exc
    except asyncpg.UndefinedTableError as exc:
        raise KadrError("the database is that of an older release: run `kadr migrate`") from exc
    finally:
        await pool.close()


async def _import(pool: Pool, files: Sequence[Path], log_format: str, pathway: str, as_json: bool) -> int:
    """Tells of each file as soon as it is done: what was counted stays so, whatever happens to the next one."""
    done = []
    for file in files:
        try:
            one = await import_file(pool, file, log_format, pathway)
        except KadrError as exc:
            one = Imported(file=str(file), state="refused", result=Result(), problem=str(exc))
        done.append(one)
        _tell(one, as_json)
    if as_json:
        print(json.dumps([_as_json(one) for one in done], indent=2))
    return 1 if any(one.problem or one.result.malformed for one in done) else 0


def _tell(one: Imported, as_json: bool) -> None:
    for number, reason in one.result.named:
        print(f"{one.file}:{number}: not counted: {reason}", file=sys.stderr)
    if (more := one.result.malformed - len(one.result.named)) > 0:
        print(f"{one.file}: {more} more lines were not counted", file=sys.stderr)
    if one.problem:
        print(one.problem, file=sys.stderr)
    elif not as_json:
        print(_sentence(one), flush=True)


def _as_json(one: Imported) -> dict[str, object]:
    counts = {"requests": one.result.requests, "bytes": one.result.bytes, "malformed": one.result.malformed}
    return {"file": one.file, "state": one.state, **counts, "problem": one.problem or None}


def _sentence(one: Imported) -> str:
    if one.state == "known":
        return f"{one.file}: was counted before"
    new = " that are new" if one.state == "grown" else ""
    return f"{one.file}: {one.result.requests} requests{new}, {one.result.bytes / GB:.3f} GB"


async def import_file(pool: Pool, path: Path, log_format: str, pathway: str) -> Imported:
    """Count a log, all of it or nothing. Raises KadrError for a file that cannot be read, or is none of this format."""
    log, lines, result = reader.described(path), FORMATS[log_format](), Result()
    async with pool.acquire() as connection, connection.transaction():
        if not await usage.begin(connection, log):
            return Imported(file=str(path), state="known", result=result)
        span = await _uncounted(connection, path, log, grows=lines.GROWS)
        for tallies in reader.tallied(path, lines, span, result):
            await usage.add(connection, pathway, tallies)
        if result.malformed and not result.requests and span == (0, log.size_bytes):
            number, reason = result.named[0]
            raise KadrError(f"{path}: is no log of {log_format}: in line {number} {reason}")
        await usage.note(
            connection,
            log,
            name=path.name,
            log_format=log_format,
            pathway=pathway,
            requests=result.requests,
            malformed=result.malformed,
        )
    return Imported(file=str(path), state="counted" if span == (0, log.size_bytes) else "grown", result=result)


async def _uncounted(connection: Connection, path: Path, log: LogFile, *, grows: bool) -> tuple[int, int]:
    """From where to where the file is new; it may begin with several logs that were counted, joined into one file."""
    begin, end = reader.uncounted(path, log, await usage.counted(connection, log), grows=grows)
    while 0 < begin < end and (head := reader.head_at(path, begin)):
        rest = replace(log, head=head, tail=b"", size_bytes=end - begin)
        further = reader.continued(path, begin, await usage.counted(connection, rest))
        if further == begin:
            break
        begin = min(further, end)
    return begin, end


async def _show(pool: Pool, args: argparse.Namespace) -> int:
    today = datetime.now(UTC).date()
    until = args.until or today
    since = args.since or until - timedelta(days=DAYS - 1)
    if since > until:
        raise ConfigError(f"--since {since} is after --until {until}")
    by = UsageBy(args.by)
    found = await usage.summed(pool, by, since, until, OwnerId(args.owner) if args.owner else None)
    if args.json:
        print(
            json.dumps({"since": str(since), "until": str(until), by.value: [asdict(one) for one in found]}, indent=2)
        )
    else:
        print(f"{since} to {until}, UTC, by the logs that were imported\n{table(by, found)}")
    return 0


def table(by: UsageBy, found: Sequence[Delivered]) -> str:
    """One row for each, and one for all."""
    rows = [f"{by.value:<30}  {'GB':>12}  {'requests':>12}  {'errors':>10}"]
    names = [one.name or "(none)" for one in found]
    for name, one in zip([*names, "all"], [*found, usage.total(found)], strict=True):
        rows.append(f"{name:<30}  {one.bytes / GB:>12.3f}  {one.requests:>12}  {one.errors:>10}")
    return "\n".join(rows)
