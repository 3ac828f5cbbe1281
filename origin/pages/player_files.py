"""The player's scripts: `/player/1/kadr-player.js`, and the files that it loads.

The entries keep their names and are looked at again after minutes; everything else is named by its content.
"""

import re

from aiohttp import web

from origin.delivery.send import lasting
from studio import BUILT

routes = web.RouteTableDef()
ENTRIES = ("kadr-player.js", "embed.js", "reload.js", "NOTICE.txt")
ENTRY_MAX_AGE_S, YEAR_S = 300, 365 * 86400
_BY_CONTENT = re.compile(r"[a-z_]+-[0-9A-Z]{8}\.js", re.ASCII)


@routes.get("/player/1/{file}")
async def player_file(request: web.Request) -> web.FileResponse:
    """A script of the player: the element `kadr-player.js`, or a file that it loads, which never changes."""
    name = request.match_info["file"]
    if name in ENTRIES:
        cache_control = f"public, max-age={ENTRY_MAX_AGE_S}"
    elif _BY_CONTENT.fullmatch(name):
        cache_control = lasting(YEAR_S)
    else:
        raise web.HTTPNotFound
    if not (BUILT / name).is_file():
        raise web.HTTPNotFound
    headers = {"Cache-Control": cache_control, "X-Content-Type-Options": "nosniff"}
    return web.FileResponse(BUILT / name, headers=headers)
