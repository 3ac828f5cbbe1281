"""Rules about Open Graph and X cards. Pure."""

from seo_checker.facts import Visit
from seo_checker.forms import w3c
from seo_checker.rules.rule import Book, Broken
from seo_checker.urls import is_absolute

RULES: Book[Visit] = Book()
OG, X, YANDEX = "Open Graph protocol", "X, cards", "Yandex Video"
REQUIRED = ("og:title", "og:type", "og:image", "og:url")
URLS = ("og:url", "og:image", "og:video", "og:video:url", "og:video:secure_url", "twitter:image", "twitter:player")
CARDS = ("summary", "summary_large_image", "player", "app")


@RULES.error("og.required", "a page has og:title, og:type, og:image and og:url", todo="Write it.", source=OG)
def _(visit: Visit) -> Broken:
    for name in REQUIRED:
        if visit.answer.ok and not visit.document.meta(name):
            yield visit.url, f"{name} is missing"


@RULES.error("og.url", "addresses in meta tags are absolute", todo="Write them with https://.", source=OG)
def _(visit: Visit) -> Broken:
    for name, content in visit.document.metas:
        if name in URLS and content and not is_absolute(content):
            yield visit.url, f"{name} is {content[:200]!r}"


@RULES.warning("og.canonical", "og:url is the canonical address", todo="Write the same address.", source=OG)
def _(visit: Visit) -> Broken:
    url, canonical = visit.document.meta("og:url"), visit.document.canonical
    if url and canonical and url != canonical:
        yield visit.url, f"og:url is {url}, the canonical address {canonical}"


@RULES.warning(
    "og.video", "Open Graph has the video", todo="Write og:video with the MP4 or the player's page.", source=YANDEX
)
def _(visit: Visit) -> Broken:
    if visit.answer.ok and visit.entry.videos and not _players(visit):
        yield visit.url, "og:video is missing"


@RULES.warning(
    "og.order",
    "the first og:video is a file where there is one",
    todo="Write the MP4 first: messengers play only that, and make a stamp of a page.",
    source="PeerTube #5040",
)
def _(visit: Visit) -> Broken:
    kinds = [content for name, content in visit.document.metas if name == "og:video:type"]
    if "video/mp4" in kinds and kinds[0] == "text/html":
        yield visit.url, "a page comes before the file"


@RULES.error(
    "og.number", "sizes and durations are whole numbers", todo="Write pixels and seconds as whole numbers.", source=OG
)
def _(visit: Visit) -> Broken:
    for name, content in visit.document.metas:
        is_number = name.startswith(("og:", "video:", "twitter:")) and name.endswith((":width", ":height", ":duration"))
        if is_number and not (content.isascii() and content.isdigit() and int(content) > 0):
            yield visit.url, f"{name} is {content[:40]!r}"


@RULES.error("og.date", "dates are ISO 8601", todo="Write it as 2026-01-02T03:04:05+00:00.", source=OG)
def _(visit: Visit) -> Broken:
    for name in ("video:release_date", "ya:ovs:upload_date"):
        if (text := visit.document.meta(name)) and w3c(text) is None:
            yield visit.url, f"{name} is {text[:40]!r}"


@RULES.warning("card.missing", "a page has an X card", todo="Write twitter:card.", source=X)
def _(visit: Visit) -> Broken:
    kind = visit.document.meta("twitter:card")
    if visit.answer.ok and kind not in CARDS:
        yield visit.url, f"twitter:card is {kind!r}" if kind else "twitter:card is missing"


@RULES.error(
    "card.player",
    "a player card has a page with https, its size and a picture",
    todo="Write them, or the card summary_large_image.",
    source=X,
)
def _(visit: Visit) -> Broken:
    document = visit.document
    if document.meta("twitter:card") != "player":
        return
    for name in ("twitter:player:width", "twitter:player:height", "twitter:image"):
        if not document.meta(name):
            yield visit.url, f"{name} is missing"
    if not document.meta("twitter:player").startswith("https://"):
        yield visit.url, f"twitter:player is {document.meta('twitter:player')[:200]!r}"


def _players(visit: Visit) -> list[str]:
    return [content for name, content in visit.document.metas if name in ("og:video", "og:video:url") and content]
