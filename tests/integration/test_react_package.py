"""clients/react as a shop has it: compiled, typed, and rendered on a server, where there is no window.

The example for Next.js is typed with it and with kadr-node; Next.js itself, 370 MB, is not installed.
"""

import asyncio
import shutil
from pathlib import Path

from studio import MODULES
from tests import js_package
from tests.checks import ROOT
from tests.js_package import COMPILER
from tests.node import node

RENDER = """
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { KadrPlayer } from "kadr-react";
for (const name of ["window", "document", "customElements", "navigator"])
  Object.defineProperty(globalThis, name, { get() { throw new Error(`${name} was touched`); } });
console.log(renderToString(createElement(KadrPlayer, {
  origin: "https://video.example.com", playbackId: "pb_1", token: "t", title: "<b>", autoplay: true,
  width: 9, height: 16, onComplete() {},
})));
"""


async def run(*argv: str, cwd: Path) -> str:
    """What Node prints."""
    running = await asyncio.create_subprocess_exec(
        *(node() or "", *argv), cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(running.communicate(), 120)
    assert running.returncode == 0, said.decode()
    return said.decode()


@js_package.needed
async def test_it_is_typed_and_renders_on_a_server(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    modules = shop / "node_modules"
    shop.mkdir()
    await asyncio.to_thread(js_package.install, shop)
    for name in ("react", "react-dom", "@types"):
        (modules / name).symlink_to(MODULES / name)
    package = modules / "kadr-react"
    shutil.copytree(ROOT / "clients" / "react", package, ignore=shutil.ignore_patterns("node_modules", "dist"))
    await run(str(COMPILER), "-p", ".", cwd=package)
    assert {path.name for path in (package / "dist").iterdir()} == {"index.js", "index.d.ts"}

    shutil.copytree(ROOT / "docs" / "examples" / "nextjs", shop, dirs_exist_ok=True)
    options = ("--noEmit", "--strict", "--jsx", "react-jsx", "--module", "esnext", "--moduleResolution", "bundler")
    libraries = ("--target", "es2022", "--skipLibCheck", "--types", "node,react,react-dom")
    files = [str(path) for folder in ("app", "lib") for path in sorted((shop / folder).rglob("*.ts*"))]
    assert len(files) > 5
    await run(str(COMPILER), *options, *libraries, *files, cwd=shop)

    (shop / "render.mjs").write_text(RENDER)
    html = await run("render.mjs", cwd=shop)
    assert html.startswith("<kadr-player ")
    assert 'playback-id="pb_1"' in html
    assert 'title="&lt;b&gt;"' in html
    assert 'autoplay=""' in html
    assert "--kadr-ratio:9 / 16" in html
    assert "<video" in html
    assert "<script" not in html
