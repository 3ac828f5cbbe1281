"""clients/react as a shop has it: compiled, typed, and rendered on a server, where there is no window."""

import asyncio
import shutil
from pathlib import Path

import pytest

from kadr.npm import npm_argv
from studio import MODULES

ROOT = Path(__file__).parents[2]
NODE = shutil.which("node")
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


def node() -> str:
    """This machine's Node, or the one that make has installed."""
    if NODE is not None:
        return NODE
    try:
        return npm_argv([])[0]
    except FileNotFoundError:
        pytest.skip("no Node on this machine")


async def run(*argv: str, cwd: Path) -> str:
    running = await asyncio.create_subprocess_exec(
        *argv, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(running.communicate(), 120)
    assert running.returncode == 0, said.decode()
    return said.decode()


@pytest.mark.skipif(not (MODULES / "react-dom").is_dir(), reason="React is not installed (make test does)")
async def test_it_is_typed_and_renders_on_a_server(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    modules = shop / "node_modules"
    modules.mkdir(parents=True)
    for name in ("react", "react-dom", "@types"):
        (modules / name).symlink_to(MODULES / name)
    package = modules / "kadr-react"
    shutil.copytree(ROOT / "clients" / "react", package, ignore=shutil.ignore_patterns("node_modules", "dist"))
    compiler = str(MODULES / "typescript" / "bin" / "tsc")
    await run(node(), compiler, "-p", ".", cwd=package)
    assert {path.name for path in (package / "dist").iterdir()} == {"index.js", "index.d.ts"}

    # A page for Next.js uses it as it is typed.
    shutil.copytree(ROOT / "docs" / "examples" / "nextjs" / "app", shop / "app")
    (shop / "process.d.ts").write_text("declare const process: { env: Record<string, string | undefined> };")
    options = ("--noEmit", "--strict", "--jsx", "react-jsx", "--module", "esnext", "--moduleResolution", "bundler")
    libraries = ("--target", "es2022", "--skipLibCheck", "--types", "react,react-dom")
    pages = [str(path) for path in sorted((shop / "app").rglob("*.tsx"))]
    await run(node(), compiler, *options, *libraries, *pages, "process.d.ts", cwd=shop)

    (shop / "render.mjs").write_text(RENDER)
    html = await run(node(), "render.mjs", cwd=shop)
    assert html.startswith("<kadr-player ")
    assert 'playback-id="pb_1"' in html
    assert 'title="&lt;b&gt;"' in html
    assert 'autoplay=""' in html
    assert "--kadr-ratio:9 / 16" in html
    assert "<video" in html
    assert "<script" not in html
