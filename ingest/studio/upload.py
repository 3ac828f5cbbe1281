"""The upload page: files from a computer or a phone, or one from a URL."""

from aiohttp import web
from pydantic import ValidationError

from core.http.problems import Problem, from_validation
from ingest import assets as api
from ingest.context import owner_of
from ingest.studio import page, shell

routes = web.RouteTableDef()
UPLOAD_TEXTS = (
    *("uploads.", "code.", "studio.policy.", "studio.retry", "studio.details"),
    *("studio.title", "studio.ref", "studio.language"),
)
RECORD_TEXTS = ("record.",)
# For the recorder. No other page may, nor may a frame.
PERMITTED = ", ".join(f"{name}=(self)" for name in page.RECORDING)


@routes.get("/studio/upload")
async def show(request: web.Request) -> web.Response:
    """The page."""
    return _page(request)


@routes.post("/studio/upload/url")
async def pull(request: web.Request) -> web.Response:
    """Fetch a file from a URL, as `POST /v1/assets` does."""
    try:
        made = await api.pull(request)
    except ValidationError as exc:
        return _page(request, problem=shell.refused(request, from_validation(exc)), status=422)
    except Problem as exc:
        return _page(request, problem=shell.refused(request, exc), status=exc.status)
    raise web.HTTPSeeOther(f"/studio/assets/{shell.data_of(made)['id']}")


def _page(request: web.Request, *, problem: str | None = None, status: int = 200) -> web.Response:
    return shell.show(
        request,
        "upload.html",
        title=shell.texts(request)("studio.upload"),
        headers={"Permissions-Policy": PERMITTED},
        texts_json=shell.texts_of(request, UPLOAD_TEXTS),
        record_texts_json=shell.texts_of(request, RECORD_TEXTS),
        user=owner_of(request),
        player=True,
        problem=problem,
        status=status,
    )
