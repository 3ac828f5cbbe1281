"""Ways to break a sound site, each with the rules of `kadr check --seo` that tell it: by name, (break, rules)."""

import json

from tests.seo_site import DESCRIPTION, ENTRY, NAME, PUBLISHED, Break, File, Site, oembed, png, video_object

ROBOTS, INDEX, PART, PAGE, RU = "/robots.txt", "/sitemap.xml", "/sitemaps/1.xml", "/watch/1", "/ru/watch/1"
JSON, XML = "/oembed?format=json", "/oembed?format=xml"
HLS = {"mp4": "BASE/video.mp4", "m3u8": "BASE/index.m3u8"}


def edit(path: str, old: str, new: str = "") -> Break:
    return lambda site: site.edit(path, old, new)


def entry(old: str, new: str = "") -> Break:
    return edit(PART, old, new)


def page(old: str, new: str = "") -> Break:
    return edit(PAGE, old, new)


def meta(name: str, value: str | None, key: str = "property") -> Break:
    """Another content of a meta tag of the page, or none of it."""

    def change(site: Site) -> None:
        lines = site.files[PAGE].body.decode().splitlines(keepends=True)
        (number,) = [number for number, line in enumerate(lines) if f'{key}="{name}"' in line]
        lines[number] = "" if value is None else f'<meta {key}="{name}" content="{value}">\n'
        site.files[PAGE].body = "".join(lines).encode()

    return change


def thing(**changes: object) -> Break:
    """Other properties of the VideoObject."""
    return lambda site: site.edit_object(**changes)


def clips(*changes: dict[str, object]) -> Break:
    """Changed Clips, the first first; None takes a property away."""
    whole = [{**clip, **change} for clip, change in zip(video_object()["hasPart"], [*changes, {}, {}], strict=False)]
    return thing(hasPart=[{name: value for name, value in clip.items() if value is not None} for clip in whole])


def file(path: str, **changes: object) -> Break:
    """Another answer for a path."""

    def change(site: Site) -> None:
        for name, value in changes.items():
            setattr(site.files[path], name, value)

    return change


def header(path: str, name: str, value: str) -> Break:
    return lambda site: site.files[path].headers.update({name: value})


def embedded(path: str = JSON, **changes: object) -> Break:
    """Another answer of oEmbed, as JSON; None takes a fact away."""

    def change(site: Site) -> None:
        facts = {name: value for name, value in {**oembed(), **changes}.items() if value is not None}
        site.files[path].body = json.dumps(facts).encode()

    return change


def together(*breaks: Break) -> Break:
    def change(site: Site) -> None:
        for one in breaks:
            one(site)

    return change


def everywhere(old: str, new: str) -> Break:
    """In every text that has it."""

    def change(site: Site) -> None:
        found = [path for path, one in site.files.items() if old.encode() in one.body]
        assert found, f"{old!r} is nowhere"
        for path in found:
            site.edit(path, old, new)

    return change


def add(path: str, body: str, kind: str) -> Break:
    return lambda site: site.files.update({path: File(body=body.encode(), kind=kind)})


def second_page(site: Site) -> None:
    """Another page that says of itself what the first one says."""
    site.edit(PART, "</urlset>", ENTRY.replace("watch/1", "watch/2") + "</urlset>")
    for path in (PAGE, "/watch/1?t=0", "/watch/1?t=40", RU):
        site.files[path.replace("watch/1", "watch/2")] = File(
            body=site.files[path].body.replace(b"watch/1", b"watch/2"), kind="text/html"
        )


ELSEWHERE = together(
    everywhere("BASE/watch", "ELSEWHERE/watch"),
    everywhere("BASE/ru/", "ELSEWHERE/ru/"),
)
BREAKS: dict[str, tuple[Break, set[str]]] = {
    "robots.txt fails": (file(ROBOTS, status=503), {"robots.status", "robots.sitemap"}),
    "no robots.txt": (file(ROBOTS, status=404), {"robots.sitemap"}),
    "a long robots.txt": (
        edit(ROBOTS, "Sitemap:", "# " + "x" * 520_000 + "\nSitemap:"),
        {"robots.size", "robots.sitemap"},
    ),
    "robots.txt names no sitemap": (edit(ROBOTS, "Sitemap:", "# Sitemap:"), {"robots.sitemap"}),
    "robots.txt keeps engines from pictures": (
        edit(ROBOTS, "/v1/", "/poster"),
        {"robots.blocks", "robots.blocks-cards"},
    ),
    "robots.txt keeps one engine out": (
        edit(ROBOTS, "\n\n", "\n\nUser-agent: YandexBot\nDisallow: /\n\n"),
        {"robots.blocks"},
    ),
    "robots.txt keeps messengers out": (
        edit(ROBOTS, "\n\n", "\n\nUser-agent: Twitterbot\nDisallow: /*.png$\n\n"),
        {"robots.blocks-cards"},
    ),
    "pages of another host": (ELSEWHERE, {"page.other-host"}),
    "pages of a host that does not name the sitemap": (
        together(ELSEWHERE, add("elsewhere:/robots.txt", "User-agent: *\nAllow: /\n", "text/plain")),
        {"page.other-host", "robots.other-host"},
    ),
    "no index": (file(INDEX, status=500), {"sitemap.status"}),
    "a part that is gone": (file(PART, status=404), {"sitemap.status", "sitemap.empty"}),
    "a part that breaks off": (entry("</urlset>"), {"sitemap.xml"}),
    "another namespace": (entry("sitemap/0.9", "sitemap/0.8"), {"sitemap.xml", "sitemap.empty"}),
    "a document type": (entry("<urlset", "<!DOCTYPE urlset><urlset"), {"sitemap.xml", "sitemap.empty"}),
    "an element in the wrong place": (entry("<loc>", "<name>x</name><loc>"), {"sitemap.xml"}),
    "two of loc": (entry("<lastmod>", "<loc>BASE/b</loc><lastmod>"), {"sitemap.xml"}),
    "an index in an index": (
        edit(INDEX, "</sitemapindex>", "<sitemap><loc>BASE/other.xml</loc></sitemap></sitemapindex>"),
        {"sitemap.status"},
    ),
    "an index below an index": (
        together(
            edit(INDEX, "</sitemapindex>", "<sitemap><loc>BASE/other.xml</loc></sitemap></sitemapindex>"),
            add("/other.xml", "<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'/>", "text/xml"),
        ),
        {"sitemap.nested"},
    ),
    "a part of another host": (
        edit(INDEX, "BASE/sitemaps", "ELSEWHERE/sitemaps"),
        {"sitemap.place", "page.other-host"},
    ),
    "a sitemap as text": (file(PART, kind="text/plain"), {"sitemap.type"}),
    "a relative address": (
        entry("</urlset>", "<url><loc>/watch/2</loc></url></urlset>"),
        {"sitemap.url"},
    ),
    "a page twice": (entry("</urlset>", f"{ENTRY}</urlset>"), {"sitemap.repeated"}),
    "a date for people": (entry("2026-01-02<", "2 January 2026<"), {"sitemap.lastmod"}),
    "a date in the future": (entry("2026-01-02<", "2526-01-02<"), {"sitemap.lastmod"}),
    "no pages": (entry(ENTRY), {"sitemap.empty"}),
    "a token in the sitemap": (
        together(
            entry("BASE/video.mp4", "BASE/video.mp4?token=1"),
            lambda site: site.files.update({"/video.mp4?token=1": site.files["/video.mp4"]}),
        ),
        {"sitemap.secret", "agree.content"},
    ),
    "two pages that say the same": (second_page, {"page.unique"}),
    # The page.
    "a page that is gone": (file(PAGE, status=410), {"page.status"}),
    "a page that leads on": (
        file(PAGE, status=302, headers={"Location": "/ru/watch/1"}),
        {"page.status"},
    ),
    "noindex": (page("index, max", "noindex, max"), {"page.noindex"}),
    "noindex as a header": (header(PAGE, "X-Robots-Tag", "noindex"), {"page.noindex"}),
    "no previews": (page("max-image-preview:large", "max-video-preview:0"), {"page.preview"}),
    "no title": (page(f"<title>{NAME}</title>"), {"page.title"}),
    "two of h1": (page("<p>", "<h1>More</h1><p>"), {"page.h1"}),
    "no meta description": (meta("description", None, "name"), {"page.description"}),
    "another canonical address": (
        page('canonical" href="BASE/watch/1"', 'canonical" href="BASE/ru/watch/1"'),
        {
            "page.canonical",
            "og.canonical",
        },
    ),
    "a relative canonical address": (
        page('canonical" href="BASE', 'canonical" href="'),
        {"page.canonical", "og.canonical"},
    ),
    "no canonical address": (page('<link rel="canonical" href="BASE/watch/1">'), {"page.canonical-missing"}),
    "no language": (page('<html lang="en">', "<html>"), {"page.language"}),
    "a version that names others only": (edit(RU, 'href="BASE/watch/1"', 'href="BASE/other"'), {"hreflang"}),
    "a version in another language than it says": (edit(RU, 'lang="ru"', 'lang="de"'), {"hreflang"}),
    "a version that is gone": (file(RU, status=404), {"hreflang"}),
    "versions without itself": (
        together(
            page('hreflang="en" href="BASE/watch/1"', 'hreflang="en" href="BASE/ru/watch/1"'),
            page('hreflang="x-default" href="BASE/watch/1"', 'hreflang="x-default" href="BASE/ru/watch/1"'),
        ),
        {"hreflang"},
    ),
    "a player made by a script": (page('<video poster="BASE/poster.png"></video>'), {"page.player"}),
    "no poster": (page('<video poster="BASE/poster.png">', "<video>"), {"page.poster"}),
    "a long page": (page("</body>", f"<!-- {'x' * 2_000_001} --></body>"), {"page.size"}),
    # The entry in the sitemap.
    "no thumbnail": (entry("<video:thumbnail_loc>BASE/poster.png</video:thumbnail_loc>"), {"video.required"}),
    "neither content nor player": (
        together(
            entry("<video:content_loc>BASE/video.mp4</video:content_loc>"),
            entry("<video:player_loc>BASE/embed/1</video:player_loc>"),
        ),
        {"video.required"},
    ),
    "a retired element": (entry("<video:tag>", "<video:category>Art</video:category><video:tag>"), {"video.unknown"}),
    "a duration twice": (entry("<video:tag>", "<video:duration>90</video:duration><video:tag>"), {"video.repeated"}),
    "a long title": (entry(f"title>{NAME}", f"title>{NAME}{'x' * 100}"), {"video.title", "agree.name"}),
    "a long description": (entry(DESCRIPTION, "x" * 2049), {"video.description", "agree.description"}),
    "a long duration": (entry("duration>90<", "duration>28801<"), {"video.duration", "agree.duration"}),
    "a duration that is no number": (entry("duration>90<", "duration>1:30<"), {"video.duration"}),
    "a publication date for people": (entry(f"date>{PUBLISHED}", "date>yesterday"), {"video.date"}),
    "an end that is over": (
        entry("<video:tag>", "<video:expiration_date>2026-01-03T00:00:00Z</video:expiration_date><video:tag>"),
        {"video.expired"},
    ),
    "neither yes nor no": (entry("friendly>yes<", "friendly>true<"), {"video.words"}),
    "a restriction without its sense": (
        entry("<video:tag>", "<video:restriction>DE</video:restriction><video:tag>"),
        {"video.words"},
    ),
    "a country that is none": (
        entry("<video:tag>", '<video:restriction relationship="deny">Germany</video:restriction><video:tag>'),
        {"video.words"},
    ),
    "a platform that is none": (
        entry("<video:tag>", '<video:platform relationship="allow">phone</video:platform><video:tag>'),
        {"video.words"},
    ),
    "allowed nowhere": (
        entry("<video:tag>", '<video:restriction relationship="allow"/><video:tag>'),
        {"video.nowhere"},
    ),
    "many tags": (entry("<video:tag>", "<video:tag>x</video:tag>" * 32 + "<video:tag>"), {"video.tags"}),
    "an uploader of another host": (
        entry("<video:tag>", '<video:uploader info="https://a.example/">A</video:uploader><video:tag>'),
        {"video.uploader"},
    ),
    "the page as its player": (entry("BASE/embed/1", "BASE/watch/1"), {"video.url", "agree.content"}),
    "a rating of six": (entry("<video:tag>", "<video:rating>6</video:rating><video:tag>"), {"video.number"}),
    # Structured data.
    "broken JSON": (page('"@context"', '"@context": "x" "y"'), {"json-ld.syntax", "json-ld.video"}),
    "no VideoObject": (page('"VideoObject"', '"Article"'), {"json-ld.video"}),
    "no date of upload": (thing(uploadDate=None), {"json-ld.required"}),
    "no embedUrl": (thing(embedUrl=None), {"json-ld.recommended"}),
    "nothing for Yandex": (thing(isFamilyFriendly=None), {"json-ld.yandex"}),
    "a date in words": (thing(uploadDate="Jan. 2, 2026"), {"json-ld.date"}),
    "a date without its offset": (thing(uploadDate="2026-01-02T03:04:05"), {"json-ld.offset"}),
    "a duration in seconds": (thing(duration="T90S"), {"json-ld.duration"}),
    "a relative file": (thing(contentUrl="/video.mp4"), {"json-ld.url", "agree.content", "media.status"}),
    "an object that has expired": (thing(expires="2026-01-03T00:00:00Z"), {"json-ld.expired"}),
    "a Clip without a name": (clips({"name": None}), {"clip.form"}),
    "two Clips that begin together": (clips({}, {"startOffset": 0, "url": "BASE/watch/1?t=0"}), {"clip.form"}),
    "a Clip behind the end": (clips({}, {"startOffset": 400, "endOffset": 401}), {"clip.form", "clip.url"}),
    "a Clip that ends before it begins": (clips({}, {"endOffset": 3}), {"clip.form"}),
    "a Clip that leads to another time": (clips({}, {"url": "BASE/watch/1?t=0"}), {"clip.url"}),
    "a Clip whose page is gone": (file("/watch/1?t=40", status=404), {"clip.url"}),
    "a Clip of another page": (clips({"url": "BASE/ru/watch/1?t=0"}), {"clip.url"}),
    "no place for the second": (
        thing(
            hasPart=None,
            potentialAction={
                "@type": "SeekToAction",
                "target": "BASE/watch/1",
                "startOffset-input": "required name=seek_to_second_number",
            },
        ),
        {"seek.form"},
    ),
    # Cards.
    "no og:image": (meta("og:image", None), {"og.required"}),
    "a relative og:url": (meta("og:url", "/watch/1"), {"og.url", "og.canonical"}),
    "no video in Open Graph": (
        together(
            page('<meta property="og:video" content="BASE/video.mp4">\n'),
            page('<meta property="og:video" content="BASE/embed/1">\n'),
        ),
        {"og.video"},
    ),
    "a page before the file": (
        together(
            page('og:video:type" content="text/html"', 'og:video:type" content="TYPE"'),
            page('og:video:type" content="video/mp4"', 'og:video:type" content="text/html"'),
            page('content="TYPE"', 'content="video/mp4"'),
            page('og:video" content="BASE/video.mp4"', 'og:video" content="TYPE"'),
            page('og:video" content="BASE/embed/1"', 'og:video" content="BASE/video.mp4"'),
            page('content="TYPE"', 'content="BASE/embed/1"'),
        ),
        {"og.order"},
    ),
    "a size that is no number": (meta("og:image:width", "640px"), {"og.number", "thumbnail.told-size"}),
    "a release date for people": (meta("video:release_date", "January"), {"og.date"}),
    "no card": (meta("twitter:card", None, "name"), {"card.missing"}),
    "a card of a player without one": (meta("twitter:card", "player", "name"), {"card.player"}),
    # Agreement.
    "another heading": (page(f"<h1>{NAME}", "<h1>Something else"), {"agree.name"}),
    "another description": (meta("og:description", "Something else"), {"agree.description"}),
    "a hidden description": (page(f"<p>{DESCRIPTION}</p>"), {"agree.visible"}),
    "another picture": (
        together(
            meta("og:image", "BASE/other.png"),
            lambda site: site.files.update({"/other.png": site.files["/poster.png"]}),
        ),
        {"agree.thumbnail"},
    ),
    "another duration": (meta("video:duration", "95"), {"agree.duration"}),
    "another date": (thing(uploadDate="2026-02-02T03:04:05Z"), {"agree.date"}),
    # What is behind the addresses.
    "no picture": (file("/poster.png", status=403), {"thumbnail.status"}),
    "a picture of another type": (file("/poster.png", kind="image/jpeg"), {"thumbnail.type"}),
    "a picture that is none": (file("/poster.png", body=b"GIF"), {"thumbnail.type"}),
    "a small picture": (file("/poster.png", body=png(40, 20)), {"thumbnail.size", "thumbnail.told-size"}),
    "a picture with a token": (
        together(
            everywhere("BASE/poster.png", "BASE/poster.png?token=1"),
            lambda site: site.files.update({"/poster.png?token=1": site.files["/poster.png"]}),
        ),
        {"thumbnail.lasting", "sitemap.secret", "json-ld.url"},
    ),
    "noindex of the picture": (header("/poster.png", "X-Robots-Tag", "noindex"), {"file.noindex"}),
    "no file": (file("/video.mp4", status=403, ranges=False, head=403), {"media.status"}),
    "no HEAD": (file("/video.mp4", head=405), {"media.head"}),
    "no ranges": (file("/video.mp4", ranges=False), {"media.range"}),
    "a file without a type": (file("/video.mp4", kind="binary/octet-stream"), {"media.type"}),
    "a playlist without its segment": (
        together(everywhere(HLS["mp4"], HLS["m3u8"]), lambda site: site.files.pop("/segment.m4s") and None),
        {"media.playlist"},
    ),
    "a playlist without segments": (
        together(everywhere(HLS["mp4"], HLS["m3u8"]), edit("/media.m3u8", "segment.m4s\n")),
        {"media.playlist"},
    ),
    "a playlist as text": (
        together(everywhere(HLS["mp4"], HLS["m3u8"]), file("/index.m3u8", kind="text/plain")),
        {"media.type"},
    ),
    "no player": (file("/embed/1", status=403), {"embed.status"}),
    "a player that is found": (header("/embed/1", "X-Robots-Tag", "all"), {"embed.robots"}),
    "a player in no frame": (header("/embed/1", "X-Frame-Options", "DENY"), {"embed.frame"}),
    "a player in some frames": (
        header("/embed/1", "Content-Security-Policy", "frame-ancestors https://a.example"),
        {"embed.frame"},
    ),
    # oEmbed.
    "no oEmbed": (
        together(
            page('<link rel="alternate" type="application/json+oembed" href="BASE/oembed?format=json">'),
            page('<link rel="alternate" type="text/xml+oembed" href="BASE/oembed?format=xml">'),
        ),
        {"oembed.discovery"},
    ),
    "oEmbed fails": (file(XML, status=500), {"oembed.status"}),
    "oEmbed as text": (file(JSON, kind="text/plain"), {"oembed.status"}),
    "oEmbed that breaks off": (file(XML, body=b"<oembed><type>"), {"oembed.status"}),
    "oEmbed without its version": (embedded(version=None), {"oembed.fields", "oembed.same"}),
    "oEmbed with half a picture": (embedded(thumbnail_width=None), {"oembed.fields", "oembed.same"}),
    "oEmbed of another player": (
        embedded(html='<iframe src="https://a.example/"></iframe>'),
        {"oembed.html", "oembed.same"},
    ),
    "oEmbed with another title": (embedded(title="Something else"), {"oembed.title", "oembed.same"}),
}
