"""Modules and files that docstrings, comments and documents name are there."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.checks import ROOT

PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
FOLDERS = [*PACKAGES, "deploy", "docs", "requirements"]
# A module or a name in one: core.db.steps.claim. A file of ours: presets/posters.yaml. A child program: probe_child.
# Not a subject of the event bus: kadr.video.asset.ready. Nor a manifest, origin.yaml, nor a host, studio.example.com.
DOTTED = re.compile(
    rf"(?<![\w./@-])(?!kadr\.video\.|\w+\.yaml\b|\w+\.example\.)(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+(?![\w/(-])"
)
PATH = re.compile(rf"(?<![\w./@-])(?:{'|'.join(FOLDERS)})/[\w./-]*\.(?:py|md|yaml|toml|sql|html|js|css|conf)\b")
CHILD = re.compile(r"(?<![\w.])[a-z][a-z_]*_child(?!\w)")
PYTHON = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts
)
DOCUMENTS = sorted(
    [
        *ROOT.glob("docs/**/*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "docker-compose.yml", "pyproject.toml", "Makefile")),
        *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.yaml") if "node_modules" not in path.parts),
        *(ROOT / "core" / "db" / "sql").glob("*.sql"),
    ]
)
# Code of somebody's application: its variables may have the names of our packages.
APPLICATION = re.compile(r"^```(?:python|ts|tsx)\b.*?^```$", re.MULTILINE | re.DOTALL)
CHILDREN = {path.stem for path in PYTHON if path.stem.endswith("_child")}


@cache
def names_of(module: Path) -> frozenset[str]:
    """Every name that a module defines or imports, in its classes and functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        match node:
            case ast.ClassDef():
                names.add(node.name)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names.add(node.name)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.alias():
                names.add(node.asname or node.name)
            case _:
                pass
    return frozenset(names)


def is_there(dotted: str) -> bool:
    """Whether a dotted name is a package, a module, or something that a module defines."""
    here = ROOT
    parts = dotted.split(".")
    if parts[1:] == ["md"]:  # a document with the name of a package, from another one beside it
        return (ROOT / "docs" / dotted).is_file()
    if parts[1:] == ["json"]:  # what a command writes
        return True
    for at, part in enumerate(parts):
        if (here / part).is_dir():
            here /= part
            continue
        if (module := here / f"{part}.py").is_file():
            return at + 1 == len(parts) or parts[at + 1] in names_of(module)
        if (here / "__init__.py").is_file() and part in names_of(here / "__init__.py"):
            return True
        return part in ("py", "yaml", "md", "sql") and (here / part).exists()
    return True


def prose(module: Path) -> Iterator[str]:
    """The comments and docstrings of a module."""
    source = module.read_text()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def missing(text: str) -> set[str]:
    """The names in a text that name nothing."""
    return {
        *(name for name in DOTTED.findall(text) if not is_there(name)),
        *(path for path in PATH.findall(text) if not (ROOT / path).exists()),
        *(child for child in CHILD.findall(text) if child not in CHILDREN),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see core.db.steps and core.db.steps.claim", set()),
        ("see core.db.nothing, core.db.steps.nothing_of_it", {"core.db.nothing", "core.db.steps.nothing_of_it"}),
        ("cost.md and presets.md", {"presets.md"}),
        ("presets/posters.yaml and presets/nothing.yaml", {"presets/nothing.yaml"}),
        ("probe_child and nothing_child", {"nothing_child"}),
    ],
)
def test_a_name_of_nothing_is_missing(text: str, expected: set[str]) -> None:
    assert missing(text) == expected


def test_comments_and_docstrings_name_what_is_there() -> None:
    suspects = [path for path in PYTHON if missing(path.read_text())]  # most files need no closer look
    unknown = {str(path.relative_to(ROOT)): names for path in suspects if (names := missing("\n".join(prose(path))))}
    assert unknown == {}


def test_documents_name_what_is_there() -> None:
    texts = {str(path.relative_to(ROOT)): APPLICATION.sub("", path.read_text()) for path in DOCUMENTS}
    unknown = {path: names for path, text in texts.items() if (names := missing(text))}
    assert unknown == {}
