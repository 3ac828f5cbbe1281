"""Which settings each program reads, found in its code: in every module that it imports."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from core.settings import Settings
from core.step_kinds import SlotClass
from tests.checks import ROOT

ENTRIES = {
    "api": "ingest.app",
    "origin": "origin.app",
    "worker": "workers.engine.run",
    "migrate": "kadr.commands.migrate",
}
# Read by way of a property.
BEHIND = {
    "origin_base": {"origin_public_url", "origin_host", "origin_port"},
    "s3_presign_base": {"s3_public_url", "s3_url"},
}
# The command itself reads where to listen (kadr/cli.py), and a worker the number of slots of each class by its name.
BY_COMMAND = {
    "api": {"api_host", "api_port"},
    "origin": {"origin_host", "origin_port"},
    "worker": {f"{slots.value}_slots" for slots in SlotClass},
}


def _file(module: str) -> Path | None:
    path = ROOT / Path(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


@cache
def _tree(module: str) -> ast.Module | None:
    file = _file(module)
    return None if file is None else ast.parse(file.read_text())


def _imports(tree: ast.Module) -> Iterator[str]:
    """Modules that may be imported, also inside functions; a name of a package may be a module of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(entry: str) -> set[str]:
    """The modules of ours that this one imports, and those that they import."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        if module not in found and (tree := _tree(module)) is not None:
            found.add(module)
            waiting.extend(_imports(tree))
    return found


def settings_read(program: str) -> set[str]:
    """Names of the settings that this program may read."""
    named = {
        node.attr
        for module in modules(ENTRIES[program])
        if module != "core.settings"
        for node in ast.walk(_tree(module) or ast.Module([], []))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[-1].lstrip("_") == "settings"
    }
    if "presets.document" in modules(ENTRIES[program]):
        named.add("presets")
    read = named | BY_COMMAND.get(program, set())
    read = read.union(*(names for name, names in BEHIND.items() if name in read))
    return read & set(Settings.model_fields)
