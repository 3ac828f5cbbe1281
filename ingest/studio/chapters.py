"""The chapters of a title on its page: one on each line, as people write them; what is wrong is told with its line."""

import re

from aiohttp import web
from pydantic import ValidationError

from core.http.problems import Problem, from_validation
from ingest.assets import change_asset, requested_asset
from ingest.bodies.requests import AssetChanges
from ingest.context import CONTEXT
from ingest.studio import asset as asset_page
from ingest.studio import shell
from subtitles.cues.own_chapters import MOST, NotAChapter, from_lines

routes = web.RouteTableDef()
_NUMBER = re.compile(r"/chapters/(\d+)")


@routes.post("/studio/assets/{asset_id}/{form:chapters}")
async def change(request: web.Request) -> web.Response:
    """Store the chapters. Where a line is wrong, the page shows what was written, and which line."""
    written = str((await request.post()).get("chapters", ""))
    asset = await requested_asset(request)
    problem = await _stored(request, written)
    if problem is None:
        raise web.HTTPSeeOther(f"/studio/assets/{asset.id}?saved=chapters#chapters")
    return await asset_page.show_page(request, problem=problem, status=422)


async def _stored(request: web.Request, written: str) -> str | None:
    """Store the chapters of this text; why not, in the page's language."""
    text = shell.texts(request)
    try:
        found = from_lines(written)
    except NotAChapter as exc:
        return text("studio.chapter_line", line=str(exc.line))
    if len(found) > MOST:
        return text("studio.chapters_many", most=str(MOST))
    lines = [line for line, _ in found]
    try:
        body = AssetChanges.model_validate({"chapters": [{"start_s": c.start_s, "title": c.title} for _, c in found]})
        await change_asset(request.app[CONTEXT], await requested_asset(request), body)
    except ValidationError as exc:
        return _told(request, lines, from_validation(exc))
    except Problem as exc:
        return _told(request, lines, exc)
    return None


def _told(request: web.Request, lines: list[int], problem: Problem) -> str:
    """The sentence of a problem, with the line of the chapter that it is about."""
    told, place = shell.refused(request, problem), _NUMBER.match(problem.pointer or "")
    if place is None:
        return told
    return shell.texts(request)("studio.in_line", line=str(lines[int(place[1])]), problem=told)
