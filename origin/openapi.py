"""The origin's /openapi.json: what players, pages and applications of other people may call.

Below the playlists all URLs are signed and relative (/s/, /t/, /v/, /key/): a player follows them, nobody writes them,
so they are not listed. tests/unit/origin/test_origin_openapi.py holds that every other route is.
"""

import json
import re
from importlib.metadata import version
from typing import Any

from aiohttp import web

from core.http.openapi_document import sentences, served
from core.http.problem_shape import ProblemShape
from studio.texts import LANGUAGES

routes = web.RouteTableDef()
PUBLIC = ("/play/", "/image/", "/steer/", "/watch/", "/embed/", "/player/", "/oembed")
_TAGS = {
    "play": "Playlists, manifests, downloads and words of a title, under its playback id.",
    "image": "Posters, storyboards, previews and single frames of a title, and experiments with posters.",
    "steer": "Which CDN a player reads from next.",
    "watch": "A page with a player.",
    "embed": "A player alone, for a frame on another page.",
    "player": "The scripts of `<kadr-player>`.",
    "oembed": "The player of a title as HTML, for other sites.",
}
_PATH_PARAMETERS = {
    "playback_id": "Id of the playback id, pb_...",
    "session": "Id of the session, as the multivariant playlist names it",
    "name": "Name of the file or image",
    "number": "Number of the sheet, from 0",
    "extension": "Format",
    "file": "Name of a script",
}
_QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "token": ("Token of a signed playback id", {"type": "string"}),
    "download": ("1: browsers save the file under the name of the title", {"type": "string", "enum": ["1"]}),
    "q": ("The phrase to find", {"type": "string", "minLength": 1}),
    "width": ("Least width in pixels", {"type": "integer", "minimum": 1}),
    "shape": ("Crop of the image", {"type": "string", "enum": ["16x9", "1x1", "9x16"]}),
    "time": ("Time of the frame in seconds", {"type": "number", "minimum": 0}),
    "viewer": ("Your own identifier of a person", {"type": "string"}),
    "t": ("Where playback starts, in seconds", {"type": "number", "minimum": 0}),
    "lang": ("Language of the texts", {"type": "string", "enum": list(LANGUAGES)}),
    "consent": ("What the viewer agreed to", {"type": "string", "enum": ["none", "functional", "analytics"]}),
    "autoplay": ("1: plays without sound once it is visible", {"type": "string", "enum": ["1"]}),
    "muted": ("1: without sound", {"type": "string", "enum": ["1"]}),
    "loop": ("1: begins again at its end", {"type": "string", "enum": ["1"]}),
    "url": ("URL of a watch page", {"type": "string", "format": "uri"}),
    "maxwidth": ("Most width in pixels", {"type": "integer", "minimum": 1}),
    "maxheight": ("Most height in pixels", {"type": "integer", "minimum": 1}),
    "format": ("Format of the answer", {"type": "string", "enum": ["json", "xml"]}),
}
# Parameters of the query, beside the token, by the end of the path.
_ASKED = {
    "/{name}": ("download",),
    "/search": ("q",),
    "/{name}.{extension}": ("width", "shape"),
    "/thumbnail.{extension}": ("time", "width"),
    "/choice": ("viewer",),
    "/oembed": ("url", "maxwidth", "maxheight", "format"),
    "/watch/{playback_id}": ("t", "lang", "consent"),
    "/embed/{playback_id}": ("t", "lang", "consent", "autoplay", "muted", "loop"),
}
_TYPES = {
    "index.m3u8": "application/vnd.apple.mpegurl",
    "manifest.mpd": "application/dash+xml",
    "/play/{playback_id}/{name}": "video/mp4",
    "preview.webp": "image/webp",
    ".jpg": "image/jpeg",
    "/image/{playback_id}/{name}.{extension}": "image/jpeg",
    "thumbnail.{extension}": "image/jpeg",
    "chapters.{extension}": "text/vtt",
    "storyboard.{extension}": "text/vtt",
    "/watch/{playback_id}": "text/html",
    "/embed/{playback_id}": "text/html",
    "/player/1/{file}": "text/javascript",
}
_PROBLEMS = {
    403: "The token is missing, refused or expired, or the viewer may not watch, or not on this page",
    404: "There is no such video or file, or it is not ready",
    410: "Deleted or taken down",
    503: "Temporarily unavailable",
}


def document(app: web.Application, server: str) -> bytes:
    """OpenAPI 3.1 of the public routes as JSON. `server`: the origin's base URL."""
    paths: dict[str, dict[str, Any]] = {}
    for route in app.router.routes():
        pattern = route.resource.canonical if route.resource else ""
        if route.method != "HEAD" and pattern.startswith(PUBLIC) and "{rest" not in pattern and pattern != "/watch/":
            path, formats = _path(pattern, route.resource)
            paths.setdefault(path, {})[route.method.lower()] = _operation(path, formats, route)
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "Kadr origin",
            "version": version("kadr"),
            "description": "Playback. Players need the playlist or manifest only: they follow the URLs in it.",
        },
        "servers": [{"url": server}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": paths,
        "components": {"schemas": {"Problem": _problem()}},
    }
    return json.dumps(whole).encode()


@routes.get("/openapi.json")
async def openapi(request: web.Request) -> web.Response:
    """OpenAPI 3.1 document of what can be called here."""
    return served(request)


def _problem() -> dict[str, Any]:
    schema = ProblemShape.model_json_schema()
    fault = schema.pop("$defs")["FaultShape"]
    schema["properties"]["errors"]["items"] = fault
    return schema


def _path(canonical: str, resource: Any) -> tuple[str, dict[str, str]]:
    """The path as OpenAPI writes it, and the pattern of each parameter that has one."""
    info = resource.get_info()
    pattern = info["pattern"].pattern if "pattern" in info else ""
    found = dict(re.findall(r"\(\?P<(\w+)>((?:\[[^\]]*\]|\\.|\((?:[^()]|\([^()]*\))*\)|[^()])+)\)", pattern))
    return canonical, {name: form for name, form in found.items() if form != "[^{}/]+"}


def _operation(path: str, formats: dict[str, str], route: web.AbstractRoute) -> dict[str, Any]:
    handler = route.handler
    summary, rest = sentences(handler.__doc__)
    good = "204" if path.endswith(("/leave", "/events")) else "200"
    content_type = next((kind for end, kind in _TYPES.items() if path.endswith(end)), "application/json")
    content = {content_type: {"schema": {} if content_type == "application/json" else {"type": "string"}}}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "tags": [path.split("/")[1]],
        "summary": summary,
        **({"description": rest} if rest else {}),
        "operationId": f"{handler.__module__.rpartition('.')[2]}_{handler.__name__}",
        "parameters": _parameters(path, formats),
        "responses": {
            good: {"description": "OK"} if good == "204" else {"description": "OK", "content": content},
            **{str(status): {"description": words, "content": problem} for status, words in _PROBLEMS.items()},
        },
    }


def _parameters(path: str, formats: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS[name],
            "schema": {"type": "string", **({"pattern": f"^(?:{formats[name]})$"} if name in formats else {})},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]
    asked = next((names for end, names in _ASKED.items() if path.endswith(end)), ())
    for name in ("token", *asked) if "{playback_id}" in path else asked:
        description, schema = _QUERIES[name]
        found.append(
            {
                "name": name,
                "in": "query",
                "required": name in ("q", "url"),
                "description": description,
                "schema": schema,
            }
        )
    return found
