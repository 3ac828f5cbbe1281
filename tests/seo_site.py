"""A small site with one video, as engines want it, and what can be broken in it: for tests of `kadr check --seo`."""

import json
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

NAME, DESCRIPTION = "Throwing a mug", "From clay to glaze, in one take."
PUBLISHED = "2026-01-02T03:04:05+00:00"
Break = Callable[["Site"], None]


def png(width: int, height: int) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\x00" + b"\x80" * width for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@dataclass
class File:
    """What a path answers. `ranges`: whether it answers a part; `head`: the status of HEAD."""

    body: bytes
    kind: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    head: int = 200


@dataclass
class Site:
    """Files by path and query. `base` is filled in for BASE in texts.

    `elsewhere` is for ELSEWHERE: another host, which has the same files, and those named "elsewhere:" and a path.
    """

    files: dict[str, File]
    base: str = ""
    elsewhere: str = ""

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that is there."""
        text = self.files[path].body.decode()
        assert old in text, f"{old!r} is not in {path}:\n{text}"
        self.files[path].body = text.replace(old, new).encode()

    def edit_object(self, **changes: Any) -> None:
        """Change properties of the VideoObject; None takes one away."""
        value = {name: one for name, one in {**video_object(), **changes}.items() if one is not None}
        self.edit("/watch/1", json.dumps(video_object()), json.dumps(value))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        there = f"elsewhere:{request.path_qs}"
        name = there if there in self.files and request.host.startswith("localhost") else request.path_qs
        file = self.files.get(name)
        if file is None:
            return web.Response(status=404)
        body, status = file.body, file.status
        if file.kind.startswith(("text/", "application/")):
            body = body.replace(b"BASE", self.base.encode()).replace(b"ELSEWHERE", self.elsewhere.encode())
        headers = {"Content-Type": file.kind, **file.headers}
        if request.method == "HEAD":
            return web.Response(status=file.head, headers=headers)
        if file.ranges and "Range" in request.headers:
            start, stop = request.http_range.start or 0, min(request.http_range.stop or len(body), len(body))
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
            body, status = body[start:stop], 206
        return web.Response(status=status, body=body, headers=headers)


def video_object() -> dict[str, Any]:
    return {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "url": "BASE/watch/1",
        "name": NAME,
        "description": DESCRIPTION,
        "thumbnailUrl": ["BASE/poster.png"],
        "thumbnail": {"@type": "ImageObject", "url": "BASE/poster.png", "width": 640, "height": 360},
        "uploadDate": PUBLISHED,
        "duration": "PT1M30S",
        "contentUrl": "BASE/video.mp4",
        "embedUrl": "BASE/embed/1",
        "isFamilyFriendly": True,
        "hasPart": [
            {"@type": "Clip", "name": "Clay", "startOffset": 0, "endOffset": 40, "url": "BASE/watch/1?t=0"},
            {"@type": "Clip", "name": "Glaze", "startOffset": 40, "endOffset": 90, "url": "BASE/watch/1?t=40"},
        ],
    }


def oembed() -> dict[str, Any]:
    return {
        "type": "video",
        "version": "1.0",
        "title": NAME,
        "html": '<iframe src="BASE/embed/1" width="640" height="360" allowfullscreen></iframe>',
        "width": 640,
        "height": 360,
        "thumbnail_url": "BASE/poster.png",
        "thumbnail_width": 640,
        "thumbnail_height": 360,
    }


ROBOTS = """User-agent: *
Disallow: /v1/

Sitemap: BASE/sitemap.xml
"""
INDEX = """<?xml version="1.0" encoding="UTF-8"?>
<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>BASE/sitemaps/1.xml</loc><lastmod>2026-01-02T03:04:05Z</lastmod></sitemap>
</sitemapindex>
"""
ENTRY = f"""<url><loc>BASE/watch/1</loc><lastmod>2026-01-02</lastmod><video:video>
<video:thumbnail_loc>BASE/poster.png</video:thumbnail_loc>
<video:title>{NAME}</video:title>
<video:description>{DESCRIPTION}</video:description>
<video:content_loc>BASE/video.mp4</video:content_loc>
<video:player_loc>BASE/embed/1</video:player_loc>
<video:duration>90</video:duration>
<video:publication_date>{PUBLISHED}</video:publication_date>
<video:family_friendly>yes</video:family_friendly>
<video:tag>pottery</video:tag>
</video:video></url>
"""
PART = f"""<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:video="http://www.google.com/schemas/sitemap-video/1.1">
{ENTRY}</urlset>
"""
ALTERNATES = "".join(
    f'<link rel="alternate" hreflang="{language}" href="BASE/{path}watch/1">\n'
    for language, path in (("en", ""), ("ru", "ru/"), ("x-default", ""))
)
PAGE = f"""<!doctype html>
<html lang="en"><head><title>{NAME}</title>
<meta name="description" content="{DESCRIPTION}">
<meta name="robots" content="index, max-image-preview:large">
<link rel="canonical" href="BASE/watch/1">
{ALTERNATES}<link rel="alternate" type="application/json+oembed" href="BASE/oembed?format=json">
<link rel="alternate" type="text/xml+oembed" href="BASE/oembed?format=xml">
<meta property="og:type" content="video.other">
<meta property="og:title" content="{NAME}">
<meta property="og:url" content="BASE/watch/1">
<meta property="og:description" content="{DESCRIPTION}">
<meta property="og:image" content="BASE/poster.png">
<meta property="og:image:width" content="640">
<meta property="og:image:height" content="360">
<meta property="og:video" content="BASE/video.mp4">
<meta property="og:video:type" content="video/mp4">
<meta property="og:video" content="BASE/embed/1">
<meta property="og:video:type" content="text/html">
<meta property="video:duration" content="90">
<meta property="video:release_date" content="{PUBLISHED}">
<meta name="twitter:card" content="summary_large_image">
<script type="application/ld+json">{json.dumps(video_object())}</script>
</head><body><h1>{NAME}</h1><video poster="BASE/poster.png"></video><p>{DESCRIPTION}</p></body></html>
"""
PLAYER = "<!doctype html><html lang='en'><title>Player</title><video></video></html>"
MULTIVARIANT = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n"
MEDIA = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:6,\nsegment.m4s\n#EXT-X-ENDLIST\n'


def sound() -> Site:
    """A site in which nothing is wrong."""
    facts = oembed()
    elements = "".join(f"<{name}>{str(value).replace('<', '&lt;')}</{name}>" for name, value in facts.items())
    texts = {
        "/robots.txt": (ROBOTS, "text/plain"),
        "/sitemap.xml": (INDEX, "application/xml"),
        "/sitemaps/1.xml": (PART, "application/xml"),
        "/watch/1": (PAGE, "text/html"),
        "/watch/1?t=0": (PAGE, "text/html"),
        "/watch/1?t=40": (PAGE, "text/html"),
        "/ru/watch/1": (PAGE.replace('lang="en"', 'lang="ru"', 1), "text/html"),
        "/oembed?format=json": (json.dumps(facts), "application/json"),
        "/oembed?format=xml": (f"<oembed>{elements}</oembed>", "text/xml"),
        "/index.m3u8": (MULTIVARIANT, "application/vnd.apple.mpegurl"),
        "/media.m3u8": (MEDIA, "application/vnd.apple.mpegurl"),
    }
    files = {path: File(body=text.encode(), kind=kind) for path, (text, kind) in texts.items()}
    framed = {"Content-Security-Policy": "frame-ancestors *", "X-Robots-Tag": "noindex, indexifembedded"}
    files["/embed/1"] = File(body=PLAYER.encode(), kind="text/html", headers=framed)
    files["/poster.png"] = File(body=png(640, 360), kind="image/png")
    for name in ("video.mp4", "init.mp4", "segment.m4s"):
        files[f"/{name}"] = File(body=b"\x00\x00\x00\x18ftypisom" + bytes(200), kind="video/mp4")
    return Site(files=files)


@asynccontextmanager
async def served(site: Site) -> AsyncIterator[str]:
    """The site on a port of its own; its URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.answer)
    async with TestServer(app) as server:
        site.base = f"http://127.0.0.1:{server.port}"
        site.elsewhere = f"http://localhost:{server.port}"
        yield site.base
