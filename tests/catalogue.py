"""Published titles that tests share and do not change, each made once per run on the shared stack, when first wanted.

Who changes a title, counts its sessions or takes it away needs one of its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import runs
from tests.media import generate
from tests.stack import PLAIN, Stack
from tests.waiting import until

HTML_TITLE = '<b>"x" & y</b>'
SCENES_S = 9
# Red and green swap at 2 s; from 4 s on something to see; red from 7 s on.
SCENES = (
    "color=red:size=640x360:rate=25:duration=2[a];color=green:size=640x360:rate=25:duration=2[b];"
    "testsrc2=size=640x360:rate=25:duration=3[c];color=red:size=640x360:rate=25:duration=2[d];[a][b][c][d]concat=n=4"
)


def _clip(path: Path) -> None:
    generate(path, "testsrc2=size=640x360:rate=30000/1001:duration=7", "sine=frequency=440:duration=7")


def _scenes(path: Path) -> None:
    generate(path, SCENES, f"sine=frequency=440:duration={SCENES_S}")


def _four_scenes(path: Path) -> None:
    names = ("testsrc2", "mandelbrot", "smptehdbars", "rgbtestsrc")
    inputs = ";".join(
        f"{name}=size=320x180:rate=15,trim=duration=4,setsar=1,format=yuv420p[s{n}]" for n, name in enumerate(names)
    )
    joined = "".join(f"[s{n}]" for n in range(len(names)))
    generate(path, f"{inputs};{joined}concat=n={len(names)}", None, "-g", "15")


CLIPS: dict[str, Callable[[Path], None]] = {"clip": _clip, "scenes": _scenes, "four_scenes": _four_scenes}


def clip_file(name: str) -> Path:
    """The file of CLIPS with this name, generated once per run."""
    path = runs.folder() / f"{name}.mp4"
    with runs.locked(f"{name}.mp4"):
        if not path.exists():
            part = path.with_name(f"{name}.part.mp4")
            CLIPS[name](part)
            part.rename(path)
    return path


@dataclass(frozen=True, slots=True)
class Recipe:
    """A clip and the options it is uploaded with; `pictures`: wait for its poster and candidates, too."""

    clip: str
    options: dict[str, Any]
    pictures: bool = False


TITLES = {
    "public": Recipe("clip", {**PLAIN, "title": HTML_TITLE, "policy": "public"}, pictures=True),
    "signed": Recipe("clip", {**PLAIN, "title": "Secret lesson", "policy": "signed"}),
    "scenes": Recipe("scenes", {**PLAIN, "policy": "public"}, pictures=True),
}


async def title(stack: Stack, name: str) -> Any:
    """The asset as the API shows it, ready."""
    recipe, known = TITLES[name], runs.folder() / f"title-{name}"
    async with runs.locked_async(f"title-{name}"):
        if not known.exists():
            asset_id = await stack.upload(clip_file(recipe.clip), **recipe.options)
            await stack.wait(asset_id, "ready")
            if recipe.pictures:
                await until(lambda: asset_of(stack, asset_id), lambda asset: asset["poster_url"])
            known.write_text(asset_id)
    return await asset_of(stack, known.read_text())


async def asset_of(stack: Stack, asset_id: str) -> Any:
    status, body = await stack.api("GET", f"/v1/assets/{asset_id}")
    assert status == 200, body
    return body["data"]


Titles = Callable[[str], Awaitable[Any]]
