"""docs/errors.md names every code that a program or a person can meet."""

import ast
import re
from pathlib import Path

import pytest

import core
from tests.documented import documented

ROOT = Path(core.__file__).parents[1]
PACKAGES = ("core", "ingest", "origin", "workers", "transcode", "thumbnails", "subtitles", "packager")
CODE = re.compile(r"[a-z][a-z0-9_]+")
AT = {"Problem": 1, "Rejected": 0}  # which argument is the code


def codes_in(text: str) -> set[str]:
    """Codes that stand in calls of Problem and Rejected; both branches of a choice count."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
        if not (isinstance(node, ast.Call) and name in AT and len(node.args) > AT[name]):
            continue
        argument = node.args[AT[name]]
        if isinstance(argument, ast.JoinedStr):
            continue  # its values are those of an enumeration, which the tests of its route meet
        for inner in ast.walk(argument):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and CODE.fullmatch(inner.value):
                found.add(inner.value)
    return found


@pytest.fixture(scope="module")
def raised() -> dict[str, str]:
    """{code: a file that raises it}."""
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    return {code: str(file.relative_to(ROOT)) for file in files for code in codes_in(file.read_text("utf-8"))}


def test_every_code_is_documented(raised: dict[str, str]) -> None:
    named = documented()
    assert len(raised) > 40
    assert {code: file for code, file in raised.items() if code not in named} == {}


def test_codes_are_found() -> None:
    assert codes_in('Problem(409, "busy", "a b")\nRejected("corrupt" if x else "no_video", "m", "h")') == {
        "busy",
        "corrupt",
        "no_video",
    }
