"""The ports of one home: chosen once, stored in ports.json, the same at every start.

In: a home, the requested API port, the addresses of API and origin. Out: `Ports`. Refuses a port that is in use.
"""

import dataclasses
import json
import random
import socket
from pathlib import Path

from core.errors import ConfigError
from kadr.stack.home import Home, write_private

DEFAULT_API_PORT = 8080
# Below the range from which the kernel picks ports for outgoing connections (32768 and up): one of those could occupy
# a stored port just when the stack starts again.
CHOICE = range(20_000, 32_000)
LOOPBACK = "127.0.0.1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The TCP port of each server of a stack."""

    postgres: int
    redis: int
    s3: int
    api: int
    origin: int
    api_metrics: int
    origin_metrics: int
    worker_metrics: int
    dispatcher_metrics: int


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could bind to the port now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # Connections of the last run in TIME_WAIT are not a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_ports(home: Home, requested: int | None, api_host: str = LOOPBACK, origin_host: str = LOOPBACK) -> Ports:
    """The stored ports, with missing ones chosen now; `requested` replaces those of API and origin for good.

    Call it after leftovers of a crash are gone. Raises ConfigError, which names the port and what to do.
    """
    if requested is not None and not 1 <= requested <= 65534:
        raise ConfigError(f"--port {requested}: give a port from 1 to 65534; the origin takes the next one")
    path, hosts = home.path / "ports.json", {"api": api_host, "origin": origin_host}
    stored = _read(path)
    if requested is not None:
        stored |= {"api": requested, "origin": requested + 1}
        for name in set(stored) - set(hosts):
            if stored.get(name) in (requested, requested + 1):
                del stored[name]
    for name, port in stored.items():
        if not is_free(port, hosts.get(name, LOOPBACK)):
            remedy = (
                "choose another with --port N (the origin takes N+1)"
                if name in hosts
                else f'remove "{name}" from {path} to have another chosen'
            )
            raise ConfigError(
                f"port {port}, which {name} of {home.path} uses, is taken by another program "
                f"(`ss -ltnp sport = :{port}` shows it): stop that program, or {remedy}"
            )
    if "api" not in stored and "origin" not in stored:
        default = (DEFAULT_API_PORT, api_host), (DEFAULT_API_PORT + 1, origin_host)
        if all(is_free(port, host) for port, host in default):
            stored |= {"api": DEFAULT_API_PORT, "origin": DEFAULT_API_PORT + 1}
    for field in dataclasses.fields(Ports):
        if field.name not in stored:
            stored[field.name] = _pick(set(stored.values()), hosts.get(field.name, LOOPBACK))
    ports = Ports(**stored)
    write_private(path, json.dumps(dataclasses.asdict(ports), indent=2) + "\n")
    return ports


def _pick(taken: set[int], host: str) -> int:
    """A random free port. Raises ConfigError."""
    for port in random.sample(CHOICE, 200):
        if port not in taken and is_free(port, host):
            return port
    raise ConfigError(f"no free port on {host} between {CHOICE.start} and {CHOICE.stop - 1}")


def _read(path: Path) -> dict[str, int]:
    """{server: port} of ports.json; empty without the file. Raises ConfigError."""
    if not path.exists():
        return {}
    names = {field.name for field in dataclasses.fields(Ports)}
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        stored = {name: port for name, port in raw.items() if name in names}
    except (ValueError, AttributeError) as exc:
        raise ConfigError(f"{path} is not a JSON object of ports; delete it to have them chosen again") from exc
    for name, port in stored.items():
        if not isinstance(port, int) or not 1 <= port <= 65535:
            raise ConfigError(f"{path}: {name} is {port!r}, but a port is a number from 1 to 65535")
    return stored
