"""Whatever a title, a description or a tag says: what is written of it stays well-formed and does nothing."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st

from seo import json_ld, oembed, sitemap
from seo.video_page import Moment, VideoPage
from studio.texts import LANGUAGES
from tests.listed_pages import video_page, watch_page

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NASTY = (
    "]]>",
    "<![CDATA[",
    "</script>",
    "<!--<script>",
    "-->",
    "<b onclick=alert(1)>",
    '" onload="alert(1)',
    "'>",
    "&amp;",
    "&#0;",
    "{{ 7 * 7 }}",
    "\ufffe",
    "\uffff",
    "\u0001\u0008\u000b\u001f",
    "\u2028\u2029",
    "\u202e",
    "\r\n\r",
    "👩‍👩‍👧‍👦",
    "\U0010ffff",
    "</title><svg/onload=alert(1)>",
    "]]></video:title>",
    "javascript:alert(1)",
)
TEXTS = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=20)), min_size=1, max_size=6).map("".join)
SAID = TEXTS.map(lambda text: text.replace("\x00", "") or "a")  # the API takes no NUL, and no empty title
PAGES = st.builds(
    lambda title, description, tags, name, chapter, transcript: video_page(
        title=title,
        description=description,
        tags=tuple(dict.fromkeys(tags)),
        author={"name": name, "url": "https://anna.example.org/?a=1&b=2"},
        chapters=(Moment(start_s=0, end_s=60, title=chapter),),
        transcript=transcript,
        languages=("en", "ru"),
    ),
    SAID,
    SAID,
    st.lists(SAID, max_size=3),
    SAID,
    SAID,
    SAID,
)
VIDEO_TAGS = [
    *("thumbnail_loc", "title", "description", "content_loc", "player_loc", "duration", "publication_date"),
    *("family_friendly", "tag", "uploader", "live"),
]
REQUIRED = ("thumbnail_loc", "title", "description", "content_loc")


class Elements(HTMLParser):
    """What a browser makes of a page: its elements with the names of their attributes, and what its scripts have."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.scripts: list[tuple[str, str]] = []
        self.comments: list[str] = []
        self._in_script = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(sorted(name for name, _ in attrs))))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append((dict(attrs).get("type") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_pi(self, data: str) -> None:
        self.comments.append(data)


def harmless(page: VideoPage) -> VideoPage:
    """The same page with a word in place of each text, and as many of them."""
    paragraphs = [line for line in page.description.splitlines() if line.strip()]
    return replace(
        page,
        title="a",
        description="\n".join("b" for _ in paragraphs),
        tags=tuple(f"t{number}" for number, _ in enumerate(page.tags)),
        author={"name": "c", "url": "https://anna.example.org/"},
        chapters=tuple(replace(chapter, title="d") for chapter in page.chapters),
        transcript="e",
    )


@given(PAGES, st.sampled_from(LANGUAGES))
@example(video_page(title="</script><script>alert(1)</script>"), "en")
def test_the_watch_page(page: VideoPage, language: str) -> None:
    own, wanted = Elements(watch_page(page, language)), Elements(watch_page(harmless(page), language))
    assert Counter(own.found) == Counter(wanted.found), "an element or an attribute that the template did not write"
    assert own.comments == wanted.comments
    assert [kind for kind, _ in own.scripts] == [kind for kind, _ in wanted.scripts]
    values = [json.loads(text) for kind, text in own.scripts if kind.endswith("json")]
    assert len(values) == 2
    assert values[0]["name"] == page.title
    assert "".join(text for kind, text in own.scripts if not kind.endswith("json")).strip() == ""


@given(PAGES)
def test_structured_data(page: VideoPage) -> None:
    value = json_ld.video_object(page)
    text = json_ld.script(value)
    assert json.loads(text) == value
    assert set("<>&\u2028\u2029").isdisjoint(text)
    assert "\n" not in text


@given(PAGES)
@example(video_page(title="\ufffe", description="\u0001", tags=("\uffff", "clay")))
@example(video_page(title="\n", description="", tags=()))
def test_the_sitemap(page: VideoPage) -> None:
    root = ElementTree.fromstring(sitemap.HEAD + sitemap.entry(page, NOW) + sitemap.FOOT)
    (entry,) = root
    protocol, video = (f"{{{uri}}}" for uri in (root.tag[1:].partition("}")[0], entry[2].tag[1:].partition("}")[0]))
    assert [one.tag for one in entry] == [f"{protocol}loc", f"{protocol}lastmod", f"{video}video"]
    names = [one.tag.removeprefix(video) for one in entry[2]]
    assert set(names) <= set(VIDEO_TAGS)
    assert [name for name in REQUIRED if names.count(name) != 1] == []
    assert [one.tag for one in entry[2] if not (one.text or "").strip() or one.attrib or len(one)] == []


@given(PAGES)
def test_oembed(page: VideoPage) -> None:
    body = oembed.described(page, None, None)
    root = ElementTree.fromstring(oembed.as_xml(body))
    assert [one.tag for one in root] == list(body)
    assert [one.tag for one in root if one.attrib or len(one)] == []
    html = Elements(root.findtext("html") or "")
    assert [tag for tag, _ in html.found] == ["iframe"]
    assert Counter(html.found) == Counter(Elements(oembed.described(harmless(page), None, None)["html"]).found)
    assert json.loads(json.dumps(body, ensure_ascii=False)) == body


@given(SAID)
def test_the_index_of_the_sitemap(base: str) -> None:
    parts = [sitemap.Part(number=1, changed_at=NOW)]
    root = ElementTree.fromstring(sitemap.index(f"https://a.example/{base}", parts))
    assert [len(one) for one in root] == [2]
