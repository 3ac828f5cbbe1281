"""The scripts of the studio's pages."""

from aiohttp import web

from studio import serving

routes = web.RouteTableDef()
ENTRIES = ("uploads.js", "upload.js", "library.js", "asset.js", "captions.js", "record.js", "webhook.js")


@routes.get("/studio/scripts/{file}")
async def script(request: web.Request) -> web.FileResponse:
    """A script of a page, or a file that it loads, which never changes."""
    return await serving.script(request, ENTRIES)
