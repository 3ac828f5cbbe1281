"""How many sessions can one origin process begin, and how fast do segments leave the origin and the edge?

Each beside nginx with the same bytes on the same machine in the same run: as a plain file, and behind secure_link.

playlists: the signed multivariant playlist of a session, each request with one of --tokens playback tokens in turn.
segments: the largest segment of the title, below a signed path; the edge is deploy/edge/nginx.conf before the origin.
One process each, whatever the machine has.

per_s is what a client got; on a machine of few cores it shares them with the client. per_cpu_s is what the server
answered for each second of CPU time it used: what one core would do that has nothing else to do.
"""

import argparse
import asyncio
import contextlib
import os
import re
import secrets
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from benchmarks.delivery import edge
from benchmarks.harness import client
from benchmarks.harness.clips import read_clip, unlike
from benchmarks.harness.load import generator, load
from benchmarks.harness.machine import facts, report
from benchmarks.harness.stack import Stack, running, tree_cpu_s
from core.errors import KadrError
from origin.cdn.signers import secure_link

CONNECTIONS = (32, 64, 250, 1000)
LOCK = secrets.token_hex(16)
KEYS = {"bench": secrets.token_hex(16)}
SECRET = secrets.token_hex(16)
SETTLE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a load test requests from one server: base URL and paths; `pid` is the server's process."""

    what: str
    server: str
    base: str
    paths: tuple[str, ...]
    pid: int


async def targets(
    stack: Stack, folder: Path, content: bytes, name: str, tokens: int, up: contextlib.AsyncExitStack
) -> list[Target]:
    """Publish a title, start the servers, and warm all of them up."""
    async with aiohttp.ClientSession() as session:
        sent = await client.send(session, stack.api, name, unlike(content), policy="signed")
        await client.complete(session, stack.api, sent)
        asset = await client.ready(session, stack.api, sent)
        ident = asset["playback_ids"][0]["id"]
        made = [await stack.api.call(session, "POST", f"/v1/playback_ids/{ident}/token", {}) for _ in range(tokens)]
        playlist = await _get(session, made[0]["url"])
        segment_url, segment = await _largest(session, made[0]["url"], playlist.decode())
    origin = f"{urlsplit(made[0]['url']).scheme}://{urlsplit(made[0]['url']).netloc}"
    origin_pid = await asyncio.to_thread(_listener, stack.pid, "origin")
    found = [
        Target(
            what="playlist",
            server="origin",
            base=origin,
            paths=tuple(one["url"].removeprefix(origin) for one in made),
            pid=origin_pid,
        ),
        Target(what="segment", server="origin", base=origin, paths=(segment_url.removeprefix(origin),), pid=origin_pid),
    ]
    nginx = edge.binary()
    if nginx is None:
        return found
    plain = await up.enter_async_context(_plain(nginx, folder / "plain", {"playlist": playlist, "segment": segment}))
    before = await up.enter_async_context(_edge(nginx, folder / "edge", urlsplit(origin).netloc))
    path = urlsplit(segment_url).path
    prefix, below = re.findall(r"(/v/[^/]+/[^/]+/)(.+)$", path)[0]
    expires = int(time.time()) + 24 * 3600
    edge_path = f"/s/{secure_link.token(prefix, expires, KEYS)}{prefix}{below}"
    found.append(Target(what="segment", server="edge", base=before[0], paths=(edge_path,), pid=before[1]))
    signature = secure_link.digest(f"{expires}/signed/ {SECRET}")
    for what in ("playlist", "segment"):
        for server, path in (
            ("nginx static", f"/static/{what}"),
            ("nginx secure_link", f"/signed/{signature}/{expires}/{what}"),
        ):
            found.append(Target(what=what, server=server, base=plain[0], paths=(path,), pid=plain[1]))
    return found


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url) as answer:
        if answer.status != 200:
            raise KadrError(f"GET {url.partition('?')[0]}: {answer.status}")
        return await answer.read()


async def _largest(session: aiohttp.ClientSession, url: str, playlist: str) -> tuple[str, bytes]:
    """The largest segment of all variants."""
    best: tuple[str, bytes] = ("", b"")
    for uri in re.findall(r"^(?!#)(\S+)$", playlist, re.MULTILINE):
        media = urljoin(url, uri)
        for name in re.findall(r"^(?!#)(\S+)$", (await _get(session, media)).decode(), re.MULTILINE):
            body = await _get(session, urljoin(media, name))
            if len(body) > len(best[1]):
                best = (urljoin(media, name), body)
    return best


def _listener(root: int, name: str) -> int:
    """The program `kadr {name}` below `root`."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == root and command[-2:-1] == [name.encode()]:
                    return int(entry.name)
    raise KadrError(f"kadr {name} does not run below {root}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def _plain(nginx: str, folder: Path, files: dict[str, bytes]) -> AsyncIterator[tuple[str, int]]:
    """nginx with these files, plain and behind secure_link."""
    await asyncio.to_thread((folder / "files").mkdir, parents=True)
    for name, body in files.items():
        (folder / "files" / name).write_bytes(body)
    port = _free_port()
    config = edge.PEERS.format(folder=folder, files=folder / "files", port=port, secret=SECRET)
    async with edge.running(nginx, folder, config, port) as server:
        yield f"http://127.0.0.1:{port}", server.pid


@contextlib.asynccontextmanager
async def _edge(nginx: str, folder: Path, origin: str) -> AsyncIterator[tuple[str, int]]:
    """Run Kadr's edge nginx in front of `origin`: (its base URL, process id)."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    port = _free_port()
    (kid, secret), other = next(iter(KEYS.items())), secrets.token_hex(16)
    values = {
        **{"LISTEN": f"127.0.0.1:{port}", "TLS": "", "ORIGIN": origin, "ORIGIN_LOCK": LOCK},
        **{"KID_1": kid, "SECRET_1": secret, "KID_2": "nobody", "SECRET_2": other},
        **{"DIR": str(folder), "CACHE_SIZE": "1g", "WORKERS": "1"},
    }
    async with edge.running(nginx, folder, edge.rendered(values), port) as server:
        yield f"http://127.0.0.1:{port}", server.pid


async def one_run(target: Target, connections: int, seconds: float) -> dict[str, Any]:
    """Rates of one target at one number of connections."""
    before = tree_cpu_s(target.pid)
    got = await load(target.base, target.paths, connections, seconds)
    used = tree_cpu_s(target.pid) - before
    return {
        **{"what": target.what, "server": target.server, "connections": connections},
        "per_s": round(got.requests / got.seconds, 1),
        "per_cpu_s": round(got.requests / used, 1) if used else None,
        "bytes_per_s": round(got.bytes / got.seconds),
        "bytes_per_cpu_s": round(got.bytes / used) if used else None,
        **{"p50_ms": round(got.p50_ms, 2), "p99_ms": round(got.p99_ms, 2), "errors": got.errors},
    }


async def compare(name: str, content: bytes, options: argparse.Namespace) -> dict[str, Any]:
    """Every target at every number of connections, the servers of one thing in turn."""
    os.environ["KADR_ORIGIN_LOCK_KEYS"] = f"bench:{LOCK}"  # for the origin of the stack, which starts in a moment
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        async with running(workers=1) as stack, contextlib.AsyncExitStack() as up:
            found = await targets(stack, Path(folder), content, name, options.tokens, up)
            for target in found:
                await load(target.base, target.paths, 4, 1)
            await asyncio.sleep(SETTLE_S)
            for connections in options.connections:
                rows.extend(
                    [await one_run(target, connections, options.seconds) for target in sorted(found, key=_by_thing)]
                )
            sizes = {target.what: await _size(target) for target in found}
    return {
        "benchmark": "origin",
        "generator": generator(),
        "nginx": edge.binary() is not None,
        "sizes_bytes": sizes,
        "seconds": options.seconds,
        "tokens": options.tokens,
        "runs": rows,
        "ratios": ratios(rows),
    }


def _by_thing(target: Target) -> str:
    return target.what


async def _size(target: Target) -> int:
    async with aiohttp.ClientSession() as session:
        return len(await _get(session, target.base + target.paths[0]))


def ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ours against the peer with the same bytes at the same number of connections."""
    by = {(row["what"], row["server"], row["connections"]): row for row in rows}
    compared = (
        ("playlist", "origin", "nginx secure_link"),
        ("segment", "edge", "nginx static"),
        ("segment", "edge", "nginx secure_link"),
        ("segment", "origin", "nginx static"),
    )
    found = []
    for what, ours, peer in compared:
        for connections in dict.fromkeys(row["connections"] for row in rows):
            mine, other = by.get((what, ours, connections)), by.get((what, peer, connections))
            if mine and other:
                named = {"what": what, "ours": ours, "peer": peer, "connections": connections}
                cpu = [row["per_cpu_s"] for row in (mine, other)]
                found.append(
                    {
                        **named,
                        "per_s": round(mine["per_s"] / other["per_s"], 3),
                        "per_cpu_s": round(cpu[0] / cpu[1], 3) if all(cpu) else None,
                    }
                )
    return found


def table(result: dict[str, Any]) -> str:
    sizes = ", ".join(f"{what} {size} bytes" for what, size in result["sizes_bytes"].items())
    lines = [
        f"load by {result['generator']}; {sizes}" + ("" if result["nginx"] else "; no nginx on this machine: no peers"),
        f"{'what':<9} {'server':<18} {'conn':>5} {'per s':>9} {'per CPU s':>10} {'MB/s':>8} "
        f"{'p50 ms':>8} {'p99 ms':>8}  errors",
    ]
    lines += [_row(row) for row in result["runs"]]
    lines += [
        f"{one['what']} at {one['connections']}: {one['ours']} / {one['peer']} = {one['per_s']:.2f} "
        f"({one['per_cpu_s'] or 0:.2f} by CPU)"
        for one in result["ratios"]
    ]
    lines.append(
        "conn: connections; per s: answers a second; per CPU s: answers a CPU second of the server; p50, p99: latency"
    )
    return "\n".join(lines)


def _row(row: dict[str, Any]) -> str:
    return (
        f"{row['what']:<9} {row['server']:<18} {row['connections']:>5} {row['per_s']:>9.0f} "
        f"{row['per_cpu_s'] or 0:>10.0f} {row['bytes_per_s'] / 1e6:>8.1f} {row['p50_ms']:>8.2f} "
        f"{row['p99_ms']:>8.2f}  {row['errors'] or ''}"
    ).rstrip()


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench origin", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, help="MP4 or MOV to publish (default: a generated clip, 10 s of 720p)")
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of each run (default: 5)")
    parser.add_argument("--tokens", type=int, default=200, help="playback tokens to use in turn (default: 200)")
    parser.add_argument(
        "--connections",
        type=int,
        nargs="+",
        default=CONNECTIONS,
        help="numbers of concurrent connections to test (default: 32 64 250 1000)",
    )
    options = parser.parse_args(argv)
    if min(options.seconds, options.tokens, *options.connections) < 1:
        parser.error("seconds, tokens and connections are at least 1")
    machine = facts()
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        name, content = read_clip(options.clip, Path(folder))
    result = asyncio.run(compare(name, content, options))
    report(table(result), result, machine)
    return 0
