"""Progressive files of a title at an address that stays: for `og:video`, messengers, and people who keep a copy.

Each request starts a session, so the policy and the token are asked as for a stream, and the bytes come at once, by
ranges: what reads such addresses often follows no redirect. What lies there changes with the title; its ETag tells.
"""

import unicodedata
from urllib.parse import quote

from aiohttp import web

from core.errors import ObjectMissing
from core.problems import Problem
from origin import sessions
from origin.context import CONTEXT
from origin.files import serve
from packager.revision import download_path

routes = web.RouteTableDef()
HEADERS = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
LONGEST_NAME_BYTES = 180  # file systems take 255; browsers add to a name that is there already
_NOT_IN_NAMES = frozenset('\\/:*?"<>|%;')


@routes.get(r"/play/{playback_id}/{name:[0-9a-z]+\.(?:mp4|m4a)}")
async def download(request: web.Request) -> web.StreamResponse:
    """The file, or its part that was asked for; `download=1` in the query: to be saved, under the title's name."""
    session, name = await sessions.start(request), request.match_info["name"]
    file = None
    if session.whole:
        manifest = await request.app[CONTEXT].manifests.get(session.asset_id, session.revision_id)
        file = manifest.files.get(download_path(name))
    if file is None:
        raise Problem(
            404, "not_found", "This video has no such download.", hint="Its asset lists what there is, once it is made."
        )
    headers = dict(HEADERS)
    if request.query.get("download") == "1":
        headers["Content-Disposition"] = attachment(session.title, name, otherwise=session.playback_id)
    try:
        return await serve(request, file, headers)
    except ObjectMissing as exc:  # the asset was deleted while its manifest was kept here
        raise Problem(410, "gone", "This video is no longer shown.") from exc


def attachment(title: str, name: str, *, otherwise: str) -> str:
    """A Content-Disposition that saves as "<title>-<name>", in both spellings of RFC 6266, 4.3. Pure."""
    stem = _safe(title) or otherwise
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().strip(" .-")
    plain = plain if any(character.isalnum() for character in plain) else otherwise
    return f"attachment; filename=\"{plain}-{name}\"; filename*=UTF-8''{quote(f'{stem}-{name}', safe='')}"


def _safe(title: str) -> str:
    """Without what is a path, a header or a trick: no control or formatting character, no leading or last dot."""
    kept = (" " if not c.isprintable() or c in _NOT_IN_NAMES else c for c in unicodedata.normalize("NFC", title))
    words = " ".join("".join(kept).split())
    return words.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore").strip(" .")
