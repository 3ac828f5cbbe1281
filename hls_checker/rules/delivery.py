"""Rules about HTTP answers: headers, types, caching, TLS. Pure."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from hls_checker.facts import PLAYER_ORIGIN, Answer, Title
from hls_checker.rules.rule import Book, Broken

RULES = Book()
EXPOSED = ("content-length", "content-range", "etag", "date")
_TYPES = {
    "playlist": ("application/vnd.apple.mpegurl", "audio/mpegurl"),
    "init": ("video/mp4", "audio/mp4"),
    "segment": ("video/iso.segment", "video/mp4", "audio/mp4"),
    "text": ("text/vtt",),
    "dash": ("application/dash+xml",),
}
_YEAR_S = 31_536_000


def _answers(title: Title, *kinds: str) -> Iterator[tuple[str, Answer]]:
    """(kind, answer) of each file of these kinds."""
    kind_by_url = dict.fromkeys([title.multivariant.url, *title.tracks], "playlist")
    for track in title.tracks.values():
        for segment in track.segments:
            kind_by_url[segment.line.url] = "text" if segment.text is not None else "segment"
            if segment.line.map is not None:
                kind_by_url[segment.line.map.url] = "init"
            if segment.line.key is not None and segment.line.key.url is not None:
                kind_by_url[segment.line.key.url] = "key"
    if title.dash is not None:
        kind_by_url[title.dash.url] = "dash"
    for url, answer in title.answers.items():
        if kind_by_url.get(url) in kinds:
            yield kind_by_url[url], answer


@RULES.must("10.1", "playlists are compressed with gzip", over_http=True)
def _(title: Title) -> Broken:
    for _, answer in _answers(title, "playlist", "dash"):
        if answer.headers.get("content-encoding", "") != "gzip":
            yield answer.url, "it is not compressed with gzip"


@RULES.must("8.18", "media is not redirected", over_http=True)
def _(title: Title) -> Broken:
    for _, answer in _answers(title, "init", "segment", "text"):
        if answer.redirected:
            yield answer.url, "it is redirected"


@RULES.must("cors", "pages of other sites may read every file", over_http=True)
def _(title: Title) -> Broken:
    for _, answer in _answers(title, "playlist", "init", "segment", "text", "key", "dash"):
        value = answer.headers.get("access-control-allow-origin")
        if value not in ("*", PLAYER_ORIGIN):
            yield answer.url, f"Access-Control-Allow-Origin is {value!r}"
        elif value == "*" and answer.headers.get("access-control-allow-credentials") == "true":
            yield answer.url, "Access-Control-Allow-Credentials goes with no Access-Control-Allow-Origin of *"


@RULES.should("cors-expose", "pages may read length, range, ETag and date", over_http=True)
def _(title: Title) -> Broken:
    for _, answer in _answers(title, "init", "segment"):
        exposed = {name.strip().lower() for name in answer.headers.get("access-control-expose-headers", "").split(",")}
        hidden = [name for name in EXPOSED if name not in exposed]
        if hidden and "*" not in exposed:
            yield answer.url, f"Access-Control-Expose-Headers lacks {', '.join(hidden)}"


@RULES.should("mime", "files have the type they are known by", over_http=True)
def _(title: Title) -> Broken:
    for kind, answer in _answers(title, *_TYPES):
        value = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if value not in _TYPES[kind]:
            yield answer.url, f"its type is {value!r}, not {_TYPES[kind][0]}"


@RULES.should("cache", "browsers may keep what never changes, and nobody what is one viewer's", over_http=True)
def _(title: Title) -> Broken:
    for kind, answer in _answers(title, "playlist", "init", "segment", "text", "key", "dash"):
        value = answer.headers.get("cache-control", "")
        private, lasting = "private" in value and "no-store" in value, _lasting(value)
        if kind == "key" or (kind == "playlist" and title.provisional):
            right, expected = private, "private, no-store"
        elif kind in ("playlist", "dash"):
            right, expected = private or lasting, "private, no-store, or immutable for a year"
        else:
            right, expected = lasting, "public and immutable for a year"
        if not right:
            yield answer.url, f"Cache-Control is {value!r}, it is to be {expected}"


def _lasting(value: str) -> bool:
    words = {word.strip() for word in value.split(",")}
    ages = [int(word[8:]) for word in words if word.startswith("max-age=") and word[8:].isdigit()]
    return {"public", "immutable"} <= words and bool(ages) and ages[0] >= _YEAR_S


@RULES.should("etag", "media has an ETag that is of its bytes", over_http=True)
def _(title: Title) -> Broken:
    for _, answer in _answers(title, "init", "segment"):
        value = answer.headers.get("etag", "")
        if not value.startswith('"'):
            yield answer.url, f"ETag is {value!r}" if value else "ETag is missing"


@RULES.should("12.1", "files come over TLS", over_http=True)
def _(title: Title) -> Broken:
    for origin in sorted({urlsplit(url)[:2] for url in title.answers}):
        if origin[0] == "http" and not _own_machine(urlsplit(f"//{origin[1]}").hostname or ""):
            yield f"http://{origin[1]}/", "it is read without TLS"


def _own_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
