"""kadr check --seo against a running origin: it finds nothing wrong with a title that the public may find."""

from typing import Any
from urllib.parse import urlsplit

from seo_checker.crawl import Report, crawl
from seo_checker.fetch import CrawlLimits
from subtitles.formats.vtt_writer import whole
from tests.catalogue import HTML_TITLE, LESSON_CUES, Titles, asset_of, clip_file
from tests.stack import PLAIN, Stack
from tests.waiting import until
from tests.web import fetch

ABOUT = {
    "description": "From clay to glaze,\nin one take. " + "Throwing, trimming, firing. " * 80,
    "tags": ["pottery", "Керамика & <глина>"],
    "author": {"name": "Anna's Pottery", "url": "https://shop.example.org/?a=1&b=2"},
}


async def checked(stack: Stack, asset: Any, pages: int = 1) -> Report:
    """What is found on the title's page, once the sitemap names it."""
    limits = CrawlLimits(rate=10_000, only=asset["playback_ids"][0]["id"])
    return await until(lambda: crawl(stack.endpoints["origin"], limits=limits), lambda report: report.pages == pages)


def about(report: Report) -> list[str]:
    """The findings on pages and on robots.txt. Files of the sitemap are shared with the titles of other tests."""
    return [str(one) for one in report.findings if one.page or one.rule.startswith("robots.")]


async def test_a_public_title(stack: Stack, title: Titles) -> None:
    report = await checked(stack, await title("public"))
    assert about(report) == []
    assert report.files >= 2
    assert urlsplit(report.base).netloc == urlsplit(stack.endpoints["origin"]).netloc
    assert [str(one) for one in report.findings if one.rule in ("sitemap.xml", "sitemap.url", "sitemap.secret")] == []


async def test_a_title_with_all_there_is(stack: Stack) -> None:
    """Chapters, captions, a file to download, an author and tags."""
    options = {**PLAIN, **ABOUT, "title": HTML_TITLE, "language": "en", "downloads": "standard"}
    asset_id = await stack.upload(clip_file("lesson"), **options)
    await stack.wait(asset_id, "ready", within_s=300)
    track = {"kind": "subtitles", "language": "en", "text": whole(LESSON_CUES)}
    assert (await stack.api("POST", f"/v1/assets/{asset_id}/tracks", json=track))[0] == 201
    asset = await until(lambda: asset_of(stack, asset_id), lambda one: one["poster_url"])
    await until(lambda: fetch(asset["watch_url"]), lambda page: b'"Clip"' in page.body and b"/high.mp4" in page.body)
    report = await checked(stack, asset)
    assert about(report) == []
