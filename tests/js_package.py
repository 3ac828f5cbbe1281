"""clients/js as its users have it: compiled once per run, packed, and run by Node.

In: JavaScript that uses kadr-node (`BEGIN` stands before it), and an environment. Out: what the program printed, each
line as JSON.
"""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from studio import MODULES
from tests import runs
from tests.node import node, npm

PACKAGE = Path(__file__).parents[1] / "clients" / "js"
COMPILER = MODULES / "typescript" / "bin" / "tsc"
needed = pytest.mark.skipif(
    node() is None or not COMPILER.is_file(), reason="Node or TypeScript is not installed (make test does)"
)
# Calls are repeated without the pause, which would be up to half a second the first time.
BEGIN = """
import { Kadr, KadrError, verifyWebhook, WebhookRefused } from "kadr-node";
Math.random = () => 0;
const say = (value) => console.log(JSON.stringify(value ?? null));
const failure = async (call) => {
  try {
    await call();
    return "no failure";
  } catch (error) {
    const { name, code, status, detail, hint, pointer, faults, requestId, retryAfterS, message } = error;
    return { name, code, status, detail, hint, pointer, faults, requestId, retryAfterS, message };
  }
};
const kadr = new Kadr();
"""


def packed() -> Path:
    """The tarball that npm makes of the package."""
    folder = runs.folder() / "js-package"
    with runs.locked("js-package"):
        if not (tarballs := list(folder.glob("*.tgz"))):
            shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
            types = str(MODULES / "@types")
            argv = (node() or "", str(COMPILER), "-p", str(folder), "--typeRoots", types)
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout
            npm("pack", "--silent", "--ignore-scripts", cwd=folder)
            tarballs = list(folder.glob("*.tgz"))
    (tarball,) = tarballs
    return tarball


def install(folder: Path) -> None:
    """Install the tarball into an empty folder, without a network."""
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    npm("install", "--offline", "--silent", "--no-audit", "--no-fund", str(packed()), cwd=folder)


@pytest.fixture(scope="session")
def folder_with_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose programs can import kadr-node."""
    folder = tmp_path_factory.mktemp("node")
    install(folder)
    return folder


async def started(folder: Path, code: str, *args: str, **env: str) -> asyncio.subprocess.Process:
    """A running program; its lines are on `stdout`."""
    file = folder / "program.mjs"
    file.write_text(BEGIN + code)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("KADR_")}
    return await asyncio.create_subprocess_exec(
        *(node() or "", "--unhandled-rejections=strict", str(file), *args),
        cwd=folder,
        env={**clean, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(folder: Path, code: str, *args: str, **env: str) -> list[Any]:
    """What a program prints, each line as JSON; it has to end well."""
    program = await started(folder, code, *args, **env)
    try:
        out, err = await asyncio.wait_for(program.communicate(), 60 * runs.patience())
    finally:
        if program.returncode is None:
            program.kill()
    assert program.returncode == 0, err.decode()
    assert err.decode() == ""
    return [json.loads(line) for line in out.decode().splitlines()]
