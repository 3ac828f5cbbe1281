"""The package: what its wheel holds, what it depends on, and that the documents show the code that is there."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import kadr_client
from tests.checks import ROOT
from tests.code_blocks import code_blocks

FOLDER = ROOT / "clients" / "python"
PACKAGE = FOLDER / "kadr_client"


def test_the_wheel_is_the_package_and_needs_aiohttp_only(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=FOLDER,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (file,) = tmp_path.iterdir()
    wheel = zipfile.ZipFile(file)
    about = f"kadr_client-{kadr_client.__version__}.dist-info"
    sources = {str(path.relative_to(FOLDER)) for path in PACKAGE.rglob("*.py")}
    assert {name for name in wheel.namelist() if not name.startswith(about)} == {*sources, "kadr_client/py.typed"}
    metadata = Parser().parsestr(wheel.read(f"{about}/METADATA").decode())
    (needed,) = metadata.get_all("Requires-Dist") or []
    assert re.match(r"aiohttp>=[\d.]+$", needed)
    assert metadata["Requires-Python"] == ">=3.11"


def test_it_imports_nothing_else() -> None:
    """But typing_extensions, which aiohttp brings where Python is older than 3.12."""
    imported = {
        name.partition(".")[0]
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    others = imported - set(sys.stdlib_module_names)
    assert others == {"aiohttp", "kadr_client", "typing_extensions"}


def test_kadr_itself_has_an_aiohttp_that_is_new_enough() -> None:
    def floor(project: Path) -> tuple[int, ...]:
        needed = tomllib.loads(project.read_text())["project"]["dependencies"]
        (version,) = [found[1] for line in needed if (found := re.match(r"aiohttp>=([\d.]+)", line))]
        return tuple(map(int, version.split(".")))

    assert floor(ROOT / "pyproject.toml") >= floor(FOLDER / "pyproject.toml")


def test_the_readme_has_every_code() -> None:
    """Of the errors that the client raises by itself."""
    text = (FOLDER / "README.md").read_text()
    raised = {
        node.args[0].value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("KadrError", "NoAnswer", "UploadError", "WebhookError")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert {"no_answer", "no_file", "file_changed", "bad_signature", "not_signed"} <= raised
    assert [code for code in sorted(raised) if f"`{code}`" not in text] == []


def test_the_quickstart_is_the_example() -> None:
    """Its pieces, one after the other, are app.py, so that neither is ahead of the other."""
    blocks = code_blocks(ROOT / "docs" / "integrate.md", until="## Next.js")
    pieces = [one.text for one in blocks if one.language == "python" and one.title is None]
    assert len(pieces) > 4
    squeezed = re.sub(r"\n{2,}", "\n\n", "\n".join(pieces))
    example = (ROOT / "docs" / "examples" / "fastapi" / "app.py").read_text()
    assert squeezed.strip() == re.sub(r"\n{2,}", "\n\n", example).strip()
