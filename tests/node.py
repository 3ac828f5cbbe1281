"""Runs TypeScript modules of the studio in Node, without a browser; and npm.

In: modules and the body of a JavaScript function. Out: what it returns. `needed` skips by name where Node or the
bundler is missing.
"""

import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kadr.npm import npm_argv
from studio import MODULES


def node() -> str | None:
    """Node of this machine, or of the wheel that `make setup` installs where there is none."""
    try:
        return shutil.which("node") or npm_argv([])[0]
    except FileNotFoundError:
        return None


def npm(*args: str, cwd: Path) -> str:
    """Run npm, of this machine or of the wheel, in a folder; what it printed. Fails with what it said."""
    program = shutil.which("npm")
    argv = (program, *args) if program is not None else npm_argv([*args])
    path = os.pathsep.join((str(Path(node() or "").parent), os.environ.get("PATH", "")))
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


needed = pytest.mark.skipif(
    node() is None or not (MODULES / "@esbuild").is_dir(), reason="Node or esbuild is not installed (make setup does)"
)


@cache
def _built(modules: tuple[Path, ...]) -> str:
    from tests.players import as_script  # takes long to import

    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder) / "entry.ts"
        entry.write_text("".join(f"export * from {json.dumps(str(module))};\n" for module in modules))
        return as_script(entry)


def run(modules: tuple[Path, ...], code: str) -> Any:
    """What this JavaScript returns, where `kadr` has the exports of the modules."""
    online = "globalThis.navigator ??= {};"  # of which Node has none before 21
    script = f"{online}\n{_built(modules)}\nconsole.log(JSON.stringify((() => {{ {code} }})()))"
    program = node()
    assert program is not None
    done = subprocess.run([program, "-"], input=script, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)
