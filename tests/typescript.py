"""TypeScript modules of studio/ run in Node, for tests of what they decide without a browser."""

import json
import shutil
import subprocess
from functools import cache
from typing import Any

from kadr.npm import npm_argv
from studio import FOLDER, MODULES

MISSING = "Node or esbuild is not installed (make setup does)"


def node() -> str | None:
    """Node of this machine, or of the wheel that `make setup` installs where there is none."""
    try:
        return shutil.which("node") or npm_argv([])[0]
    except FileNotFoundError:
        return None


def is_missing() -> bool:
    """Whether modules cannot be run here."""
    return node() is None or not (MODULES / "@esbuild").is_dir()


@cache
def built(module: str) -> str:
    """The module, named by its path below studio/, as a script with its exports in `kadr`."""
    from tests.players import as_script  # takes long to import

    return as_script(FOLDER / module)


def run(module: str, code: str) -> Any:
    """What this JavaScript returns, where `kadr` has the exports of a module of studio/."""
    online = "globalThis.navigator ??= {};"  # of which Node has none before 21
    script = f"{online}\n{built(module)}\nconsole.log(JSON.stringify((() => {{ {code} }})()))"
    program = node()
    assert program is not None
    return json.loads(subprocess.run([program, "-e", script], check=True, capture_output=True, text=True).stdout)
