"""Published titles that tests share and do not change, each made once per run on the shared stack, when first wanted.

Who changes a title, counts its sessions or takes it away needs one of its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from subtitles.formats.vtt_writer import whole
from tests import runs
from tests.media import generate
from tests.spoken import BOATS, BREAD, STARS, spoken
from tests.stack import PLAIN, Stack
from tests.waiting import until
from tests.web import fetch

LESSON_CUES, LESSON_STARTS = spoken([BREAD, STARS, BOATS], pause_ms=6_000)
LESSON_S = LESSON_CUES[-1].end_ms // 1000 + 2
HTML_TITLE = '<b>"x" & y</b>'
SCENES_S = 8
READY_WITHIN_S = 900  # behind every shared clip of `make acceptance`, which are uploaded before it
# Two seconds of red, two of green, three of something to look at, and one of red in the second segment.
SCENES = (
    "color=red:size=640x360:rate=25:duration=2[a];color=green:size=640x360:rate=25:duration=2[b];"
    "testsrc2=size=640x360:rate=25:duration=3[c];color=red:size=640x360:rate=25:duration=1[d];[a][b][c][d]concat=n=4"
)


def _clip(path: Path) -> None:
    generate(path, "testsrc2=size=640x360:rate=30000/1001:duration=7", "sine=frequency=440:duration=7")


def _tiny(path: Path) -> None:
    generate(path, "testsrc2=size=320x180:rate=25:duration=2", "sine=frequency=440:duration=2")


def _scenes(path: Path) -> None:
    generate(path, SCENES, f"sine=frequency=440:duration={SCENES_S}")


def _lesson(path: Path) -> None:
    generate(path, f"color=gray:size=320x180:rate=5:duration={LESSON_S}")


CLIPS: dict[str, Callable[[Path], None]] = {"clip": _clip, "tiny": _tiny, "scenes": _scenes, "lesson": _lesson}


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
    """A clip and the options it is uploaded with; `pictures`: it is ready once it has its poster, too."""

    clip: str
    options: dict[str, Any]
    pictures: bool = False
    captions: str | None = None  # WebVTT in English


TITLES = {
    "public": Recipe("clip", {**PLAIN, "title": HTML_TITLE, "policy": "public"}, pictures=True),
    "signed": Recipe("clip", {**PLAIN, "title": "Secret lesson", "policy": "signed"}),
    "lesson": Recipe("lesson", {**PLAIN, "policy": "signed"}, captions=whole(LESSON_CUES)),
}


async def title(stack: Stack, name: str) -> Any:
    """The asset as the API shows it, ready."""
    recipe, known = TITLES[name], runs.folder() / f"title-{name}"
    async with runs.locked_async(f"title-{name}"):
        if not known.exists():
            asset_id = await stack.upload(clip_file(recipe.clip), **recipe.options)
            await stack.wait(asset_id, "ready", within_s=READY_WITHIN_S)
            if recipe.pictures:
                await until(lambda: asset_of(stack, asset_id), lambda asset: asset["poster_url"])
            if recipe.captions is not None:
                track = {"kind": "subtitles", "language": "en", "text": recipe.captions}
                status, body = await stack.api("POST", f"/v1/assets/{asset_id}/tracks", json=track)
                assert status == 201, body
                playlist = (await asset_of(stack, asset_id))["playback_url"]
                await until(lambda: fetch(playlist), lambda answer: b"TYPE=SUBTITLES" in answer.body)
            known.write_text(asset_id)
    return await asset_of(stack, known.read_text())


async def asset_of(stack: Stack, asset_id: str) -> Any:
    status, body = await stack.api("GET", f"/v1/assets/{asset_id}")
    assert status == 200, body
    return body["data"]


Titles = Callable[[str], Awaitable[Any]]
