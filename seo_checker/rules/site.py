"""Rules about robots.txt, and about all pages together. Pure."""

from seo_checker.facts import Site
from seo_checker.robots_file import MOST_BYTES as MOST_ROBOTS_BYTES
from seo_checker.rules.rule import Book, Broken
from seo_checker.urls import origin

RULES: Book[Site] = Book()
PROTOCOL, RFC, GOOGLE = "sitemaps.org protocol", "RFC 9309", "Google, Search Central"


@RULES.error("robots.status", "robots.txt can be read", todo="Answer 200, or 404 for none.", source=RFC)
def _(site: Site) -> Broken:
    for robots in site.robots.values():
        status = robots.answer.status
        if status == 0 or status >= 500 or status == 429:
            yield robots.answer.url, f"{robots.answer}: crawlers leave the whole host alone"


@RULES.error("robots.size", "robots.txt has at most 500 KiB", todo="Shorten it.", source=RFC)
def _(site: Site) -> Broken:
    for robots in site.robots.values():
        if len(robots.answer.body) > MOST_ROBOTS_BYTES:
            yield robots.answer.url, f"it has more than {MOST_ROBOTS_BYTES} bytes, the rest is not read"


@RULES.warning(
    "robots.sitemap",
    "robots.txt names the sitemap",
    todo="Add a line such as 'Sitemap: https://example.org/sitemap.xml' to robots.txt.",
    source=PROTOCOL,
)
def _(site: Site) -> Broken:
    if not site.named:
        yield f"{site.base}/robots.txt", "it names no sitemap"


@RULES.note(
    "robots.other-host",
    "the host of every page names the sitemap in its robots.txt",
    todo="Add the line 'Sitemap: <this sitemap>' to robots.txt of that host, or verify both hosts in Search Console and"
    " in Yandex Webmaster: else engines ignore these pages of the sitemap.",
    source=PROTOCOL,
)
def _(site: Site) -> Broken:
    for host in site.origins:
        if host != origin(site.base) and not set(site.files).intersection(site.robots[host].sitemaps):
            yield f"{host}/robots.txt", f"the sitemap of {site.base} has pages of this host, which does not name it"


@RULES.note(
    "sitemap.empty",
    "the sitemap has pages",
    todo="Make titles public and listed; a new one appears within a minute.",
    source=PROTOCOL,
)
def _(site: Site) -> Broken:
    if site.files and not site.listed:
        yield site.files[0], "it names no page"


@RULES.warning(
    "page.unique",
    "no two pages have the same title or description",
    todo="Give each page a title and a description of its own.",
    source=GOOGLE,
)
def _(site: Site) -> Broken:
    for what, shared in (("title", site.titles), ("description", site.descriptions)):
        for text, urls in shared.items():
            others = f"{len(urls) - 1} more" if len(urls) > 2 else urls[1]
            yield urls[0], f"its {what} {text[:80]!r} is that of {others}, too"
