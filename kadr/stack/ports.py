"""Which ports one home listens on: chosen once, kept in ports.json, the same at every start.

In: a home, the wished API port, the hosts of the doors. Out: `Ports`. Refuses a port that another program holds.
"""

import dataclasses
import json
import random
import socket
from pathlib import Path

from core.errors import ConfigError
from kadr.stack.home import Home, write_private

DEFAULT_API_PORT = 8080
# Below the range from which the kernel picks ports for outgoing connections (32768 and up): one of those could sit on
# a kept port just when the stack starts again.
CHOICE = range(20_000, 32_000)
LOOPBACK = "127.0.0.1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    postgres: int
    redis: int
    s3: int
    api: int
    origin: int


def is_free(port: int, host: str = LOOPBACK) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # Connections of the last run in TIME_WAIT are not a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_ports(home: Home, wished: int | None, api_host: str = LOOPBACK, origin_host: str = LOOPBACK) -> Ports:
    """The kept ports, with what is missing chosen now; `wished` replaces the API's and the origin's for good.

    Call after leftovers of a crash are gone. Raises ConfigError naming the port and what to do.
    """
    if wished is not None and not 1 <= wished <= 65534:
        raise ConfigError(f"--port {wished}: give a port from 1 to 65534; the origin takes the next one")
    path = home.path / "ports.json"
    kept = _read(path)
    if wished is not None:
        kept |= {"api": wished, "origin": wished + 1}
        for name in ("postgres", "redis", "s3"):
            if kept.get(name) in (wished, wished + 1):
                del kept[name]
    hosts = {"api": api_host, "origin": origin_host}
    for name, port in kept.items():
        if not is_free(port, hosts.get(name, LOOPBACK)):
            cure = (
                "choose another with --port N (the origin takes N+1)"
                if name in hosts
                else f'remove "{name}" from {path} to have another chosen'
            )
            raise ConfigError(
                f"port {port}, which {name} of {home.path} uses, is held by another program "
                f"(`ss -ltnp sport = :{port}` shows it): stop that program, or {cure}"
            )
    if "api" not in kept and "origin" not in kept:
        default = (DEFAULT_API_PORT, api_host), (DEFAULT_API_PORT + 1, origin_host)
        if all(is_free(port, host) for port, host in default):
            kept |= {"api": DEFAULT_API_PORT, "origin": DEFAULT_API_PORT + 1}
    for field in dataclasses.fields(Ports):
        if field.name not in kept:
            kept[field.name] = _pick(set(kept.values()), hosts.get(field.name, LOOPBACK))
    ports = Ports(**kept)
    write_private(path, json.dumps(dataclasses.asdict(ports), indent=2) + "\n")
    return ports


def _pick(taken: set[int], host: str) -> int:
    for port in random.sample(CHOICE, 200):
        if port not in taken and is_free(port, host):
            return port
    raise ConfigError(f"no free port on {host} between {CHOICE.start} and {CHOICE.stop - 1}")


def _read(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    names = {field.name for field in dataclasses.fields(Ports)}
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        kept = {name: port for name, port in raw.items() if name in names}
    except (ValueError, AttributeError) as exc:
        raise ConfigError(f"{path} is not a JSON object of ports; delete it to have them chosen again") from exc
    for name, port in kept.items():
        if not isinstance(port, int) or not 1 <= port <= 65535:
            raise ConfigError(f"{path}: {name} is {port!r}, but a port is a number from 1 to 65535")
    return kept
