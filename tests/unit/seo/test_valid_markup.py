"""What engines read, held against other people's validators: structured data, and sitemaps by their schemas."""

from datetime import UTC, datetime

from seo import sitemap
from tests import markup
from tests.listed_pages import SITES, video_page, watch_page

pytestmark = markup.needed
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PAGES = {
    "with chapters and a file": video_page(),
    "without chapters": video_page(chapters=()),
    "without a file": video_page(mp4=None),
    "short, of nobody, without a description": video_page(duration_s=2, author=None, description="", tags=()),
    "in two languages": video_page(languages=("en", "ru")),
    "on the owner's page": video_page(page_url="https://shop.example.org/mugs/42?colour=blue&size=2"),
    "for an hour": video_page(expires_at=datetime(2036, 1, 2, tzinfo=UTC)),
}


def test_structured_data() -> None:
    found = markup.problems(pages={name: watch_page(page) for name, page in PAGES.items()})
    assert found == {name: [] for name in PAGES}


def test_the_validator_sees_mistakes() -> None:
    html = watch_page(video_page())
    broken = {
        "no name": html.replace('"name":"Throwing a mug",', ""),
        "a date for people": html.replace('"uploadDate":"2026-01-02T03:04:05+00:00"', '"uploadDate":"January"'),
        "seconds": html.replace('"duration":"PT2M5S"', '"duration":"T125S"'),
        "a Clip without address": html.replace(f',"url":"{SITES.pages}/watch/{video_page().playback_id}?t=0"', ""),
        "no structured data": html.replace("application/ld+json", "application/json"),
    }
    assert [name for name, text in broken.items() if text == html] == []
    found = markup.problems(pages=broken)
    assert sorted(name for name, told in found.items() if told) == sorted(broken)


def document(*entries: str) -> str:
    return sitemap.HEAD + "".join(entries) + sitemap.FOOT


def test_sitemaps() -> None:
    parts = [sitemap.Part(number=number, changed_at=NOW) for number in (1, 2)]
    tags = tuple(f"tag{number}" for number in range(40))
    long = video_page(title="long " * 40, description="много " * 800, tags=tags, duration_s=30_000)
    documents = {
        **{name: document(sitemap.entry(page, NOW)) for name, page in PAGES.items()},
        "several": document(*(sitemap.entry(page, NOW) for page in (long, PAGES["on the owner's page"]))),
        "long": document(sitemap.entry(long, NOW)),
        "empty": document(),
        "index": sitemap.index(SITES.pages, parts),
    }
    assert markup.problems(documents=documents) == {name: [] for name in documents}


def test_the_schemas_see_mistakes() -> None:
    whole = document(sitemap.entry(video_page(), NOW))
    broken = {
        "no thumbnail": whole.replace("thumbnail_loc", "category"),
        "no date": whole.replace(">2026-01-02T03:04:05+00:00</video:pub", ">yesterday</video:pub"),
        "a long video": whole.replace("duration>125<", "duration>28801<"),
        "neither yes nor no": whole.replace(">yes<", ">true<"),
        "a relative address": whole.replace("<loc>https://video.example.org", "<loc>"),
        "twice": whole.replace("<url>", sitemap.entry(video_page(), NOW) + "<url>"),
    }
    assert [name for name, text in broken.items() if text == whole] == []
    found = markup.problems(documents=broken)
    assert sorted(name for name, told in found.items() if told) == sorted(broken)
