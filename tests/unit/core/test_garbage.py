"""What keeps objects from being garbage, as far as it needs no database."""

import ast
from collections.abc import Iterable

from core import step_kinds
from core.db.garbage import READ_LATER, hashes
from core.model import StepKind
from core.retention import longest_session_s, source_retention_s
from core.settings import Settings
from tests.checks import ROOT

READERS = {"newest_input", "newest_output", "load_newest_plan"}


def test_every_kind_of_step_that_is_read_later_keeps_its_objects() -> None:
    """Whoever reads the newest step of a further kind has to add it to READ_LATER."""
    read = {
        kind
        for folder in ("core", "ingest", "origin", "workers")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in READERS
        for kind in _kinds(node.args[-1])
    }
    assert read == READ_LATER


def _kinds(argument: ast.expr) -> Iterable[StepKind]:
    """The kinds of `StepKind.PUBLISH` and of `*PROBES`; none of another name."""
    if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Name):
        return getattr(step_kinds, argument.value.id)  # type: ignore[no-any-return]
    return [StepKind[argument.attr]] if isinstance(argument, ast.Attribute) else []


def test_hashes_are_found_wherever_they_stand() -> None:
    one, other = "0a" * 32, "f" * 64
    text = f'{{"a": ["{one}"], "key": "assets/as_1/objects/{other}", "long": "{"b" * 65}", "short": "{"c" * 63}"}}'
    assert hashes(text.encode()) == {one, other}
    assert hashes(b"{}") == set()


def test_the_wait_covers_the_longest_session() -> None:
    assert longest_session_s(Settings()) == 24 * 3600 + 60
    assert longest_session_s(Settings(renewal_s=5)) == 10
    assert source_retention_s(Settings()) is None
    assert source_retention_s(Settings(source_retention_s=0)) == 0
