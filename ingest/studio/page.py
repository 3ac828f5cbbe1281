"""A page of the studio as an HTTP response, and the forms that its pages send."""

from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from core.http.problems import Problem
from studio import pages
from studio.texts import LANGUAGES, language_of, text_in

MOST_FORM_BYTES = 16 * 1024
MOST_FIELDS = 50
LANGUAGE_COOKIE, YEAR_S = "kadr_language", 365 * 86400
# `img-src` is for the icon. Pages with scripts add what they need.
POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
RECORDING = ("camera", "microphone", "display-capture")
FORBIDDEN = ", ".join(f"{name}=()" for name in RECORDING)


def page(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    policy: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> web.Response:
    """The rendered template. `policy`: directives of the content security policy beside POLICY, or in place of its own.

    It is kept by no cache, shown in no frame, and its address, which may hold a sign-in link, is told to no other site.
    It may use neither camera, microphone nor screen unless `headers` say otherwise.
    """
    directives = POLICY | (policy or {})
    lang = language(request)
    response = web.Response(
        text=pages.render(template, lang, **values),
        content_type="text/html",
        status=status,
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in directives.items()),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": FORBIDDEN,
            "Referrer-Policy": "same-origin",
            "Vary": "Accept-Language, Cookie",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )
    if request.query.get("lang") in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, lang, max_age=YEAR_S, samesite="Lax", path="/studio")
    return response


def message(request: web.Request, status: int, title: str, words: str, **headers: str) -> web.Response:
    """A page that says why something is refused. `title`, `words`: keys of texts."""
    text = text_in(language(request))
    return page(
        request,
        "message.html",
        status=status,
        headers=headers,
        title=text(title),
        words=text(words),
        preparing=False,
    )


def language(request: web.Request) -> str:
    """The language of the page: `lang` of the query, the one chosen before, or the reader's."""
    wanted = request.query.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return language_of(request.headers.get("Accept-Language", ""), wanted)


async def form_of(request: web.Request) -> dict[str, str]:
    """The fields of a form; of a name that is repeated the last one. Anything but a URL-encoded form has none."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    text = (await request.read()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as exc:
        raise Problem(422, "invalid", f"A form has at most {MOST_FIELDS} fields.") from exc
