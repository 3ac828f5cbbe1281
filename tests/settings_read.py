"""Which settings each program reads, found in its code: in every module that it imports."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.settings import Settings
from core.step_kinds import SlotClass
from tests.checks import ROOT

ENTRIES = {
    "api": "ingest.app",
    "origin": "origin.app",
    "worker": "workers.engine.run",
    "dispatcher": "workers.dispatcher.run",
    "migrate": "kadr.commands.migrate",
}
# Read by way of a property.
BEHIND = {
    "api_base": {"api_public_url", "api_host", "api_port"},
    "origin_base": {"origin_public_url", "origin_host", "origin_port"},
    "site_base": {"site_url", "origin_public_url", "origin_host", "origin_port"},
    "s3_presign_base": {"s3_public_url", "s3_url"},
}
# The command itself reads where to listen (kadr/cli.py), and a worker the number of slots of each class by its name.
BY_COMMAND = {
    "api": {"api_host", "api_port", "drain_s"},
    "origin": {"origin_host", "origin_port", "drain_s"},
    "worker": {f"{slots.value}_slots" for slots in SlotClass},
}


def _file(module: str) -> Path | None:
    path = ROOT / Path(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What one module imports, and which attributes it reads of anything called `settings`."""

    imports: frozenset[str]
    attributes_of_settings: frozenset[str]


@cache
def _read(module: str) -> _Read | None:
    """Each module is read once, however many programs import it; None where it is not ours."""
    file = _file(module)
    if file is None:
        return None
    nodes = list(ast.walk(ast.parse(file.read_text())))
    return _Read(
        imports=frozenset(_imports(nodes)),
        attributes_of_settings=frozenset(
            node.attr
            for node in nodes
            if isinstance(node, ast.Attribute) and _last_name(node.value).lstrip("_") == "settings"
        ),
    )


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Modules that may be imported, also inside functions; a name of a package may be a module of it."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(entry: str) -> dict[str, _Read]:
    """The modules of ours that this one imports, and those that they import."""
    found: dict[str, _Read] = {}
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        if module not in found and (read := _read(module)) is not None:
            found[module] = read
            waiting.extend(read.imports)
    return found


@cache
def settings_read(program: str) -> frozenset[str]:
    """Names of the settings that this program may read."""
    ours = modules(ENTRIES[program])
    named = {name for module, read in ours.items() if module != "core.settings" for name in read.attributes_of_settings}
    if "presets.document" in ours:
        named.add("presets")
    wanted = named | BY_COMMAND.get(program, set())
    wanted = wanted.union(*(names for name, names in BEHIND.items() if name in wanted))
    return frozenset(wanted & set(Settings.model_fields))
