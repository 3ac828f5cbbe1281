"""Rules about a page's own HTML: status, title, canonical address, languages, the player in it. Pure."""

from seo_checker.facts import Document, Visit
from seo_checker.rules.rule import Book, Broken
from seo_checker.urls import is_absolute, origin, own_machine

RULES: Book[Visit] = Book()
GOOGLE, VIDEO = "Google, Search Central", "Google, video best practices"
MOST_HTML_BYTES = 2_000_000
HIDING = ("noindex", "none")


def directives(visit_headers: str, document: Document | None) -> set[str]:
    """Words of X-Robots-Tag and of the robots meta tags."""
    texts = [visit_headers, *((document.meta(name) for name in ("robots", "googlebot")) if document else ())]
    return {word.strip().lower() for text in texts for word in text.split(",")}


@RULES.error("page.status", "every page of the sitemap answers 200", todo="List pages that are there.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    if visit.answer.status != 200:
        yield visit.url, str(visit.answer)


@RULES.error(
    "page.noindex",
    "no page of the sitemap forbids its indexing",
    todo="Take the page out of the sitemap, or the directive off the page.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    found = directives(visit.answer.headers.get("x-robots-tag", ""), visit.document).intersection(HIDING)
    if visit.answer.ok and found:
        yield visit.url, f"it says {found.pop()!r}"


@RULES.warning("page.preview", "previews of a page may be large", todo="Say max-image-preview:large.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    words = directives(visit.answer.headers.get("x-robots-tag", ""), visit.document)
    for word in ("max-video-preview:0", "max-image-preview:none", "nosnippet"):
        if visit.answer.ok and word in words:
            yield visit.url, f"it says {word!r}"


@RULES.error("page.title", "a page has a title", todo="Write a <title>.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    if visit.answer.ok and not visit.document.title:
        yield visit.url, "its title is missing or empty"


@RULES.warning("page.h1", "a page has one h1", todo="Write the video's name in one <h1>.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    headings = [text for text in visit.document.h1 if text]
    if visit.answer.ok and len(headings) != 1:
        yield visit.url, f"it has {len(headings)} of h1"


@RULES.warning(
    "page.description", "a page has a description", todo="Write a meta tag named description.", source=GOOGLE
)
def _(visit: Visit) -> Broken:
    if visit.answer.ok and not visit.document.meta("description"):
        yield visit.url, "its meta description is missing or empty"


@RULES.error(
    "page.canonical",
    "a page's canonical address is absolute, and is its address in the sitemap",
    todo="List the canonical address; write it into the page with https://.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    canonical = visit.document.canonical
    if visit.answer.ok and canonical and not is_absolute(canonical):
        yield visit.url, f"its canonical address is {canonical[:200]!r}"
    elif visit.answer.ok and canonical and canonical != visit.url:
        yield visit.url, f"its canonical address is another one: {canonical}"


@RULES.warning(
    "page.canonical-missing", "a page has a canonical address", todo="Write a link rel=canonical.", source=GOOGLE
)
def _(visit: Visit) -> Broken:
    if visit.answer.ok and not visit.document.canonical:
        yield visit.url, "it has no canonical address"


@RULES.warning("page.language", "a page says its language", todo="Write lang into <html>.", source="HTML, lang")
def _(visit: Visit) -> Broken:
    if visit.answer.ok and not visit.document.language:
        yield visit.url, "lang of html is missing"


@RULES.error(
    "hreflang",
    "the versions of a page name each other and themselves, with absolute addresses",
    todo="Write the same list of hreflang links, itself among them, into every version.",
    source="Google, localized versions",
)
def _(visit: Visit) -> Broken:
    for alternates in filter(None, (visit.document.alternates, visit.entry.alternates)):
        urls = [url for _, url in alternates]
        if visit.url not in urls:
            yield visit.url, "its versions do not name itself"
        for url in dict.fromkeys(urls):
            reached = visit.reached.get(url)
            if not is_absolute(url):
                yield visit.url, f"a version is {url[:200]!r}"
            elif reached is not None and not reached.answer.ok:
                yield url, str(reached.answer)
    yield from _not_returned(visit)


def _not_returned(visit: Visit) -> Broken:
    """Versions that the page names in its HTML and that do not name it."""
    for tag, url in visit.document.alternates:
        reached = visit.reached.get(url)
        if reached is None or reached.document is None or tag == "x-default":
            continue
        if visit.url not in [back for _, back in reached.document.alternates]:
            yield url, f"it does not name {visit.url} as a version"
        if reached.document.language.partition("-")[0].lower() != tag.partition("-")[0].lower():
            yield url, f"hreflang is {tag!r}, lang of the page {reached.document.language!r}"


@RULES.error(
    "page.player",
    "the video is in the page's HTML, before any script runs",
    todo="Write a <video> or an <iframe> with the player into the HTML.",
    source=VIDEO,
)
def _(visit: Visit) -> Broken:
    if visit.answer.ok and visit.entry.videos and not visit.document.players:
        yield visit.url, "it has no video, iframe, embed or object"


@RULES.warning(
    "page.poster", "a <video> has its poster in the HTML", todo="Write poster with the thumbnail.", source=VIDEO
)
def _(visit: Visit) -> Broken:
    videos = [one for one in visit.document.players if one["element"] == "video"]
    if videos and not any(one.get("poster") for one in videos):
        yield visit.url, "video has no poster"


@RULES.warning(
    "page.size", "a page has at most 2 MB of HTML", todo="Move long texts elsewhere.", source="Google, Googlebot"
)
def _(visit: Visit) -> Broken:
    if len(visit.answer.body) > MOST_HTML_BYTES:
        yield visit.url, f"it has {len(visit.answer.body)} bytes; what comes later is not read"


@RULES.note(
    "page.other-host",
    "pages of the sitemap are on its own host",
    todo="Nothing, where the video is to be found on that page; it has to follow the same rules.",
    source="sitemaps.org protocol",
)
def _(visit: Visit) -> Broken:
    if origin(visit.url) != origin(visit.entry.sitemap):
        yield visit.url, f"it is a page of another host than its sitemap, {visit.entry.sitemap}"


@RULES.warning("tls", "everything comes over TLS", todo="Serve it with https.", source="Yandex, X")
def _(visit: Visit) -> Broken:
    hosts = {origin(url) for url in (visit.url, *visit.reached) if url.startswith("http:") and not own_machine(url)}
    for host in sorted(hosts):
        yield f"{host}/", "it is read without TLS"
