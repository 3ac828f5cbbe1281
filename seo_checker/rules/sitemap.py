"""Rules about one file of the sitemap. Pure."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from seo_checker.facts import Sitemap
from seo_checker.forms import w3c
from seo_checker.rules.rule import Book, Broken
from seo_checker.sitemap_file import MOST_BYTES
from seo_checker.urls import is_absolute, secrets

RULES: Book[Sitemap] = Book()
MOST_ENTRIES, MOST_URL_CHARS = 50_000, 2048
MANY = 20  # entries, of which not all can have changed just now
XML_TYPES = ("application/xml", "text/xml", "application/gzip", "application/x-gzip")
PROTOCOL, GOOGLE = "sitemaps.org protocol", "Google, Search Central"


@RULES.error("sitemap.status", "every sitemap can be read", todo="Answer 200 with the file.", source=PROTOCOL)
def _(file: Sitemap) -> Broken:
    if file.answer.status != 200:
        yield file.url, str(file.answer)


@RULES.error(
    "sitemap.xml", "sitemaps are written as their schema says", todo="Write it by the schema.", source=PROTOCOL
)
def _(file: Sitemap) -> Broken:
    for problem in file.problems:
        yield file.url, problem


@RULES.warning("sitemap.type", "sitemaps are sent as XML", todo="Send application/xml.", source="RFC 7303")
def _(file: Sitemap) -> Broken:
    if file.answer.status == 200 and file.answer.kind not in XML_TYPES:
        yield file.url, f"its type is {file.answer.kind!r}"


@RULES.error(
    "sitemap.size",
    "a sitemap has at most 50,000 entries and 52,428,800 bytes",
    todo="Cut it into several files below an index.",
    source=PROTOCOL,
)
def _(file: Sitemap) -> Broken:
    if len(file.entries) > MOST_ENTRIES:
        yield file.url, f"it has {len(file.entries)} entries"
    if file.size > MOST_BYTES or not file.answer.is_whole:
        yield file.url, f"it has more than {MOST_BYTES} bytes unzipped"


@RULES.error("sitemap.nested", "an index names no other index", todo="Name the files themselves.", source=PROTOCOL)
def _(file: Sitemap) -> Broken:
    if file.is_index and file.parent is not None:
        yield file.url, f"it is an index and {file.parent} names it"


@RULES.error(
    "sitemap.place",
    "an index names files of its own host, in its folder or below",
    todo="Put the file beside the index, or name it in robots.txt.",
    source=PROTOCOL,
)
def _(file: Sitemap) -> Broken:
    if file.parent is not None and not file.url.startswith(file.parent.rpartition("/")[0] + "/"):
        yield file.url, f"it is not below the folder of {file.parent}"


@RULES.error(
    "sitemap.url",
    "every address of a sitemap is absolute and has at most 2,048 characters",
    todo="Give the whole address, with https:// and without a fragment.",
    source=PROTOCOL,
)
def _(file: Sitemap) -> Broken:
    for entry in file.entries:
        if not is_absolute(entry.loc) or "#" in entry.loc:
            yield file.url, f"an address is {entry.loc[:200]!r}"
        elif len(entry.loc) > MOST_URL_CHARS:
            yield file.url, f"an address has {len(entry.loc)} characters: {entry.loc[:200]}..."


@RULES.warning("sitemap.repeated", "a sitemap names no page twice", todo="Name it once.", source=GOOGLE)
def _(file: Sitemap) -> Broken:
    for url, times in Counter(entry.loc for entry in file.entries).items():
        if times > 1:
            yield url, f"it stands {times} times in the sitemap"


@RULES.error(
    "sitemap.lastmod",
    "lastmod is a date of W3C's profile of ISO 8601, and not in the future",
    todo="Write it as 2026-01-02T03:04:05+00:00.",
    source=PROTOCOL,
)
def _(file: Sitemap) -> Broken:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for entry in file.entries:
        for text in entry.lastmods:
            read = w3c(text)
            if read is None or read > tomorrow:
                yield file.url, f"lastmod of {entry.loc} is {text[:60]!r}"


@RULES.warning(
    "sitemap.lastmod-now",
    "lastmod tells when a page changed",
    todo="Write the time of the page's last change: engines ignore a lastmod that is always new.",
    source=GOOGLE,
)
def _(file: Sitemap) -> Broken:
    now = datetime.now(UTC)
    times = [read for entry in file.entries for text in entry.lastmods if (read := w3c(text))]
    if len(times) >= MANY and min(times) > now - timedelta(minutes=2):
        yield file.url, f"all {len(times)} pages changed within the last two minutes, it says"


@RULES.error(
    "sitemap.secret",
    "no address of a sitemap has a token",
    todo="Name only what everybody may see: a token ends, and whoever reads the sitemap has it.",
    source=GOOGLE,
)
def _(file: Sitemap) -> Broken:
    for entry in file.entries:
        named = [entry.loc, *(tag.text for video in entry.videos for tag in video.tags if tag.name.endswith("_loc"))]
        for url in named:
            if found := secrets(url):
                yield file.url, f"an address has the parameter {found[0]}: {url.partition('?')[0]}"
