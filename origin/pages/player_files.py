"""The player's scripts: `/player/1/kadr-player.js`, and the files that it loads."""

from aiohttp import web

from studio import serving

routes = web.RouteTableDef()
ENTRIES = ("kadr-player.js", "embed.js", "reload.js", "NOTICE.txt")


@routes.get("/player/1/{file}")
async def player_file(request: web.Request) -> web.FileResponse:
    """A script of the player: the element `kadr-player.js`, or a file that it loads, which never changes."""
    return await serving.script(request, ENTRIES)
