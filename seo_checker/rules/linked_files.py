"""Rules about what is behind the addresses that a page gives: pictures, media, the player. Pure."""

from collections.abc import Iterator

from seo_checker import robots_file
from seo_checker.facts import Answer, Reached, Robots, Visit
from seo_checker.linked import Role, linked
from seo_checker.rules.html import HIDING, directives
from seo_checker.rules.rule import Book, Broken
from seo_checker.urls import origin, secrets

RULES: Book[Visit] = Book()
GOOGLE = "Google, video best practices"
LEAST_WIDTH, LEAST_HEIGHT = 60, 30
ENGINES = ("Googlebot", "Googlebot-Video", "bingbot", "YandexBot")
MESSENGERS = ("Twitterbot", "facebookexternalhit", "TelegramBot")
HLS_TYPES = ("application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl")


def _reached(visit: Visit, role: Role) -> Iterator[tuple[str, Reached]]:
    for url, own in linked(visit.entry, visit.document).items():
        if own is role and url in visit.reached:
            yield url, visit.reached[url]


@RULES.error(
    "robots.blocks",
    "robots.txt lets engines read every page, picture, player and file",
    todo="Allow the path in robots.txt of that host.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    yield from _blocked(visit, ENGINES)


@RULES.warning(
    "robots.blocks-cards",
    "robots.txt lets messengers read every page and picture",
    todo="Allow the path in robots.txt of that host.",
    source="X, cards",
)
def _(visit: Visit) -> Broken:
    yield from _blocked(visit, MESSENGERS)


def _blocked(visit: Visit, agents: tuple[str, ...]) -> Broken:
    for url in (visit.url, *visit.reached):
        robots = visit.robots.get(origin(url))
        agent = next((one for one in agents if robots and not _allows(robots, one, url)), None)
        if agent:
            yield url, f"robots.txt keeps {agent} out"


def _allows(robots: Robots, agent: str, url: str) -> bool:
    if agent == "Googlebot-Video" and not any("googlebot-video" in group.agents for group in robots.groups):
        agent = "Googlebot"  # as Google's crawlers do
    return robots_file.allows(robots, agent, url)


@RULES.error(
    "thumbnail.status", "every picture can be read", todo="Answer 200 with the picture, to everybody.", source=GOOGLE
)
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.PICTURE):
        if reached.answer.status != 200:
            yield url, str(reached.answer)


@RULES.error(
    "thumbnail.type",
    "a picture is a JPEG, PNG, GIF, WebP, BMP or SVG, and has that type",
    todo="Send a JPEG as image/jpeg.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.PICTURE):
        if reached.answer.status != 200:
            continue
        if reached.picture is None:
            yield url, f"it is no picture that engines take; its type is {reached.answer.kind!r}"
        elif reached.answer.kind != reached.picture.kind:
            yield url, f"its type is {reached.answer.kind!r}, it is {reached.picture.kind}"


@RULES.error("thumbnail.size", "a picture has at least 60x30 pixels", todo="Give a larger one.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.PICTURE):
        picture = reached.picture
        if picture is None or picture.width is None or picture.height is None:
            continue
        if picture.width < LEAST_WIDTH or picture.height < LEAST_HEIGHT:
            yield url, f"it has {picture.width}x{picture.height} pixels"


@RULES.warning(
    "thumbnail.told-size",
    "og:image has the size that is told",
    todo="Write the true size.",
    source="Open Graph",
)
def _(visit: Visit) -> Broken:
    url, meta = visit.document.meta("og:image"), visit.document.meta
    picture = visit.reached[url].picture if url in visit.reached else None
    told = (meta("og:image:width"), meta("og:image:height"))
    if picture and picture.width and all(told) and told != (str(picture.width), str(picture.height)):
        yield url, f"it has {picture.width}x{picture.height} pixels, {told[0]}x{told[1]} are told"


@RULES.warning("thumbnail.lasting", "a picture's address lasts", todo="Give an address without token.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for url, _reached_there in _reached(visit, Role.PICTURE):
        if found := secrets(url):
            yield url.partition("?")[0], f"its address has the parameter {found[0]}"


@RULES.error(
    "file.noindex",
    "no picture and no file of the video forbids its indexing",
    todo="Leave X-Robots-Tag off pictures and media.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for role in (Role.PICTURE, Role.MEDIA):
        for url, reached in _reached(visit, role):
            if directives(reached.answer.headers.get("x-robots-tag", ""), None).intersection(HIDING):
                yield url, f"X-Robots-Tag is {reached.answer.headers['x-robots-tag']!r}"


@RULES.error(
    "media.status", "every file of the video can be read", todo="Answer it, without a login or a token.", source=GOOGLE
)
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.MEDIA):
        if not reached.answer.ok:
            yield url, str(reached.answer)


@RULES.error("media.head", "files answer HEAD as they answer GET", todo="Answer HEAD.", source="RFC 9110; messengers")
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.MEDIA):
        if reached.answer.ok and reached.head is not None and not reached.head.ok:
            yield url, f"HEAD: {reached.head}"


@RULES.error(
    "media.range", "a video file answers a range with 206", todo="Serve ranges.", source="RFC 9110; messengers"
)
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.MEDIA):
        answer = reached.answer
        if answer.ok and not _is_hls(answer) and (answer.status != 206 or "content-range" not in answer.headers):
            yield url, f"a range is answered with {answer.status}"


@RULES.error("media.type", "files have the type they are", todo="Send video/mp4, or the type of HLS.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.MEDIA):
        answer = reached.answer
        if not answer.ok:
            continue
        if _is_hls(answer):
            if answer.kind not in HLS_TYPES:
                yield url, f"its type is {answer.kind!r}, it is HLS"
        elif not answer.kind.startswith(("video/", "audio/")):
            yield url, f"its type is {answer.kind!r}"


@RULES.error("media.playlist", "a playlist leads to media", todo="Serve every file it names.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.MEDIA):
        if not _is_hls(reached.answer):
            continue
        missing = [one for one in reached.below if not one.ok]
        for one in missing:
            yield one.url, f"{one}; {url} leads to it"
        if not missing and (not reached.below or _is_hls(reached.below[-1])):
            yield url, "it leads to no segment"


@RULES.error("embed.status", "the player's page answers 200", todo="Serve it to everybody.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.PLAYER):
        if reached.answer.status != 200:
            yield url, str(reached.answer)


@RULES.warning(
    "embed.robots",
    "the player's page is found only as a part of other pages",
    todo="Send X-Robots-Tag: noindex, indexifembedded.",
    source="Google, indexifembedded",
)
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.PLAYER):
        found = directives(reached.answer.headers.get("x-robots-tag", ""), reached.document)
        if reached.answer.ok and not {"noindex", "indexifembedded"} <= found:
            yield url, f"its directives are {', '.join(sorted(filter(None, found))) or 'none'}"


@RULES.error(
    "embed.frame",
    "the player's page may stand in a frame of any page",
    todo="Send frame-ancestors * in Content-Security-Policy, and no X-Frame-Options.",
    source="Yandex Video; X, cards",
)
def _(visit: Visit) -> Broken:
    for url, reached in _reached(visit, Role.PLAYER):
        if not reached.answer.ok:
            continue
        if framed := reached.answer.headers.get("x-frame-options"):
            yield url, f"X-Frame-Options is {framed!r}"
        ancestors = _frame_ancestors(reached.answer)
        if ancestors is not None and "*" not in ancestors:
            yield url, f"frame-ancestors is {' '.join(ancestors)!r}"


def _frame_ancestors(answer: Answer) -> list[str] | None:
    for directive in answer.headers.get("content-security-policy", "").split(";"):
        name, *sources = directive.split() or [""]
        if name.lower() == "frame-ancestors":
            return sources
    return None


def _is_hls(answer: Answer) -> bool:
    return answer.body.startswith(b"#EXTM3U")
