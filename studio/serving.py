"""Serves the built scripts: entries, which keep their names and are asked for again after minutes, and what they load.

In: a request whose path ends in the name of a file. Out: the file, gzipped for whoever takes that.
"""

import re

from aiohttp import web

from studio import BUILT

ENTRY_MAX_AGE_S, YEAR_S = 300, 365 * 86400
_BY_CONTENT = re.compile(r"[a-z_]+-[0-9A-Z]{8}\.js", re.ASCII)


async def script(request: web.Request, entries: tuple[str, ...]) -> web.FileResponse:
    """The built file `file` of the path: one of `entries`, or what they load. Raises HTTPNotFound."""
    name = request.match_info["file"]
    by_content = _BY_CONTENT.fullmatch(name) is not None
    if not (by_content or name in entries) or not (BUILT / name).is_file():
        raise web.HTTPNotFound
    kept = f"max-age={YEAR_S}, immutable" if by_content else f"max-age={ENTRY_MAX_AGE_S}"
    headers = {"Cache-Control": f"public, {kept}", "X-Content-Type-Options": "nosniff"}
    return web.FileResponse(BUILT / name, headers=headers)
