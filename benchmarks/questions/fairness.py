"""How long does one owner wait beside another?

Owner B's upload becomes playable in so many seconds on an idle stack, and beside a load of owner A's:

  uploads        fifty small uploads, completed just before
  urls           two pulls from URLs whose server sends a byte now and then
  bombs          six files of 3 MB with three million packets each
  transcription  an hour of speech to be transcribed (--whisper FOLDER and --speech FILE, else left out)

Idle and loaded runs alternate on one stack with one worker; the ratio is that of each pair, and the median of the pairs
is told. 1.3 is the bound that is promised.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks.harness import client
from benchmarks.harness.client import Api
from benchmarks.harness.clips import small_clip, unlike
from benchmarks.harness.local_site import served
from benchmarks.harness.machine import facts, report
from benchmarks.harness.packet_bomb import packet_bomb
from benchmarks.harness.stack import running
from core.db import owners, postgres
from core.db.postgres import Pool
from core.errors import KadrError
from core.model import OwnerId
from core.settings import Settings
from transcode.encode.capabilities import ffmpeg_binary

CASES = ("uploads", "urls", "bombs", "transcription")
BOUND = 1.3
WITHIN_S = 1800.0
TRICKLE_S = 20.0
_PLAIN = {"ladder": "apple", "effort": "economy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A running stack, two owners of it, and what they send."""

    pool: Pool
    session: aiohttp.ClientSession
    a: Api
    b: Api
    clip: bytes
    uploads: int
    packets: int
    trickling_url: str
    speech: Path | None

    async def playable_s(self) -> float:
        """Seconds from the completion of an upload of B's until it can be watched, by the database's clock."""
        sent = await client.send(self.session, self.b, "b.mp4", unlike(self.clip), **_PLAIN)
        await client.complete(self.session, self.b, sent)
        asset = await client.until(self.session, self.b, sent, ("playable", "ready"), WITHIN_S)
        return float(asset["timings"]["playable_s"])

    async def load(self, case: str) -> list[str]:
        """Begin the load of A's; the ids of its assets. Returns once all of it is queued."""
        match case:
            case "uploads":
                return await self._upload([unlike(self.clip) for _ in range(self.uploads)])
            case "bombs":
                bomb = packet_bomb(self.packets)
                return await self._upload([unlike(bomb) for _ in range(6)])
            case "urls":
                bodies = [{"input_url": f"{self.trickling_url}/{n}.mp4"} for n in range(2)]
                made = [await self.a.call(self.session, "POST", "/v1/assets", body) for body in bodies]
                return [asset["id"] for asset in made]
            case _:
                if self.speech is None:
                    raise KadrError("the case transcription needs a recording")
                content = await asyncio.to_thread(self.speech.read_bytes)
                return await self._upload([content], "a.flac", profile="audio-only", subtitles="auto")

    async def _upload(self, contents: Sequence[bytes], name: str = "a.mp4", **options: str) -> list[str]:
        wanted = options or _PLAIN
        sent = [await client.send(self.session, self.a, name, content, **wanted) for content in contents]
        await asyncio.gather(*(client.complete(self.session, self.a, one) for one in sent))
        return [one.asset_id for one in sent]

    async def begun(self, case: str) -> None:
        """Wait until the load is really under way: a step of the kind that takes long is being worked on."""
        kinds = {"urls": ["fetch"], "bombs": ["probe", "long_probe"], "transcription": ["transcribe"]}.get(case)
        if kinds is None:
            return
        await self._until("SELECT EXISTS (SELECT FROM steps WHERE state = 'leased' AND kind = ANY($1::text[]))", kinds)

    async def quiet(self, assets: Sequence[str]) -> None:
        """Delete A's assets, and wait until nothing is left to be done now; their objects go a minute later."""
        for asset_id in assets:
            await self.a.call(self.session, "DELETE", f"/v1/assets/{asset_id}")
        await self._until(
            "SELECT NOT EXISTS (SELECT FROM steps WHERE state = 'leased' OR (state = 'queued' AND due_at <= now()))"
        )

    async def _until(self, query: str, *arguments: Any) -> None:
        """Ask the database again and again until it says yes."""
        deadline = time.monotonic() + WITHIN_S
        while not await self.pool.fetchval(query, *arguments):
            if time.monotonic() > deadline:
                raise KadrError("the stack did not become as it was to be")
            await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """B's seconds to playable, alone and beside the load."""

    idle_s: float
    loaded_s: float

    @property
    def ratio(self) -> float:
        return self.loaded_s / self.idle_s


async def one_pair(bench: Bench, case: str) -> Pair:
    """One idle run, then one beside the load, each on a stack that is quiet before."""
    await bench.quiet(())
    idle_s = await bench.playable_s()
    await bench.quiet(())
    assets = await bench.load(case)
    await bench.begun(case)
    loaded_s = await bench.playable_s()
    await bench.quiet(assets)
    return Pair(idle_s=idle_s, loaded_s=loaded_s)


@asynccontextmanager
async def opened(
    *, clip: bytes, uploads: int, packets: int, whisper: Path | None = None, speech: Path | None = None
) -> AsyncIterator[Bench]:
    """A stack of the benchmark's own with two owners, warmed up by one upload."""
    settings = {"KADR_INPUT_URL_NETWORKS": "127.0.0.1/32"}
    if whisper is not None:
        settings["KADR_WHISPER_MODEL"] = str(whisper)
    async with (
        _trickling() as url,
        running(1, settings) as stack,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S)) as session,
    ):
        pool = await postgres.connect(Settings(database_url=stack.database_url, database_pool=2))
        try:
            key = f"kadr_benchb.{os.urandom(24).hex()}"
            await owners.ensure(pool, OwnerId("ow_bench_b"), "b", key)
            bench = Bench(
                pool=pool,
                session=session,
                a=stack.api,
                b=Api(url=stack.api.url, key=key),
                clip=clip,
                uploads=uploads,
                packets=packets,
                trickling_url=url,
                speech=speech,
            )
            await bench.playable_s()
            yield bench
        finally:
            await pool.close()


@asynccontextmanager
async def _trickling() -> AsyncIterator[str]:
    """A server of files that come a byte at a time."""

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100000000"})
        await response.prepare(request)
        with suppress(ConnectionResetError):  # whoever reads has had enough
            while True:
                await response.write(b"\0")
                await asyncio.sleep(TRICKLE_S)
        return response

    app = web.Application()
    app.router.add_get("/{name}", trickle)
    async with served(app) as site:
        yield site


def an_hour_of(speech: Path, folder: Path) -> Path:
    """The recording again and again, for an hour, as FLAC."""
    out = folder / "hour.flac"
    subprocess.run(
        [
            *(ffmpeg_binary(Settings.load()), "-v", "error", "-y", "-stream_loop", "-1", "-i", str(speech)),
            *("-t", "3600", "-ac", "1", "-ar", "16000", str(out)),
        ],
        check=True,
        timeout=600,
    )
    return out


async def measure(bench: Bench, cases: Sequence[str], pairs: int) -> dict[str, list[Pair]]:
    measured: dict[str, list[Pair]] = {case: [] for case in cases}
    for _ in range(pairs):
        for case in cases:
            measured[case].append(pair := await one_pair(bench, case))
            print(f"beside {case}: {pair.loaded_s:.2f} s, alone {pair.idle_s:.2f} s", file=sys.stderr)  # noqa: T201
    return measured


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench fairness", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5, help="idle and loaded runs of each case (default: 5)")
    parser.add_argument("--uploads", type=int, default=50, help="how many A completes at once (default: 50)")
    parser.add_argument("--packets", type=int, default=3_000_000, help="of each bomb (default: 3000000)")
    parser.add_argument("--case", choices=CASES, action="append", help="only this case; may be repeated")
    parser.add_argument("--whisper", type=Path, metavar="FOLDER", help="a speech model, for the case transcription")
    parser.add_argument("--speech", type=Path, metavar="FILE", help="a recording, which is repeated for an hour")
    options = parser.parse_args(argv)
    if min(options.pairs, options.uploads, options.packets) < 1:
        parser.error("--pairs, --uploads and --packets are at least 1")
    cases = options.case or CASES
    if options.whisper is None or options.speech is None:
        cases = tuple(case for case in cases if case != "transcription")
        if not cases:
            raise KadrError("the case transcription needs --whisper FOLDER and --speech FILE")
    machine = facts()
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        speech = an_hour_of(options.speech, Path(folder)) if "transcription" in cases else None
        clip = small_clip(Path(folder))
        measured = asyncio.run(_run(options, cases, clip, speech))
    lines = [f"seconds until an upload of B is playable, medians of {options.pairs} pairs, on {machine.cores} cores"]
    lines.append(f"{'beside':<15} {'idle s':>8} {'loaded s':>9} {'ratio':>7}")
    result: dict[str, Any] = {"benchmark": "fairness", "bound": BOUND, "cases": {}}
    for case, pairs in measured.items():
        idle = statistics.median(pair.idle_s for pair in pairs)
        loaded = statistics.median(pair.loaded_s for pair in pairs)
        ratio = statistics.median(pair.ratio for pair in pairs)
        lines.append(f"{case:<15} {idle:>8.2f} {loaded:>9.2f} {ratio:>7.2f}")
        runs = [{"idle_s": pair.idle_s, "loaded_s": pair.loaded_s} for pair in pairs]
        result["cases"][case] = {"ratio": round(ratio, 3), "pairs": runs}
    report("\n".join(lines), result, machine)
    return 0


async def _run(
    options: argparse.Namespace, cases: Sequence[str], clip: bytes, speech: Path | None
) -> dict[str, list[Pair]]:
    async with opened(
        clip=clip, uploads=options.uploads, packets=options.packets, whisper=options.whisper, speech=speech
    ) as bench:
        return await measure(bench, cases, options.pairs)
