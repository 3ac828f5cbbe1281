"""Progressive files of a title at a stable URL: for `og:video`, messengers, and people who save a copy.

Each request starts a session, so that policy and token apply as to a stream. The bytes are sent without a redirect,
which clients of such URLs often do not follow. The file changes with the title; its ETag changes with it.
"""

import unicodedata
from urllib.parse import quote

from aiohttp import web

from core.http.problems import Problem
from origin import access
from origin.context import CONTEXT
from origin.delivery.send import send_file
from origin.playback import sessions
from origin.playback.session import Session
from packager.revision import File, download_path

routes = web.RouteTableDef()
HEADERS = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
MAX_NAME_BYTES = 180  # file systems take 255; browsers append a number to a name that is taken
_NOT_IN_NAMES = frozenset('\\/:*?"<>|%;')


@routes.get(r"/play/{playback_id}/{name:[0-9a-z]+\.(?:mp4|m4a)}")
async def download(request: web.Request) -> web.StreamResponse:
    """The file, or the requested range of it. `download=1` in the query saves it under the title's name."""
    found = await access.look_twice(lambda: _find(request))
    if found is None:
        hint = "Its asset lists its downloads once they are made."
        raise Problem(404, "not_found", "This video has no such download.", hint=hint)
    session, file = found
    name = request.match_info["name"]
    headers = dict(HEADERS)
    if request.query.get("download") == "1":
        headers["Content-Disposition"] = attachment(session.title, name, otherwise=session.playback_id)
    with access.missing_is_removed():
        return await send_file(request, file, headers)


async def _find(request: web.Request) -> tuple[Session, File] | None:
    """A session of the title, and the file of that name; None without one. Raises Problem as a session does."""
    session = await sessions.start(request)
    if not session.whole:
        return None
    manifest = await request.app[CONTEXT].manifests.get((session.asset_id, session.revision_id))
    file = manifest.files.get(download_path(request.match_info["name"]))
    return None if file is None else (session, file)


def attachment(title: str, name: str, *, otherwise: str) -> str:
    """A Content-Disposition that saves as "<title>-<name>", in both spellings of RFC 6266, 4.3. Pure."""
    stem = _safe(title) or otherwise
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().strip(" .-")
    plain = plain if any(character.isalnum() for character in plain) else otherwise
    return f"attachment; filename=\"{plain}-{name}\"; filename*=UTF-8''{quote(f'{stem}-{name}', safe='')}"


def _safe(title: str) -> str:
    """Without path separators, control and formatting characters, and leading or trailing dots."""
    allowed = (" " if not c.isprintable() or c in _NOT_IN_NAMES else c for c in unicodedata.normalize("NFC", title))
    words = " ".join("".join(allowed).split())
    return words.encode()[:MAX_NAME_BYTES].decode(errors="ignore").strip(" .")
