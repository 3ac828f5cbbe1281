"""Rules about the video extension of an entry of the sitemap. Pure."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from seo_checker.facts import Video, Visit
from seo_checker.forms import w3c
from seo_checker.rules.rule import Book, Broken
from seo_checker.urls import is_absolute, origin

RULES: Book[Visit] = Book()
GOOGLE = "Google, video sitemaps"
REQUIRED = ("thumbnail_loc", "title", "description")
KNOWN = (
    *REQUIRED,
    *("content_loc", "player_loc", "duration", "expiration_date", "rating", "view_count", "publication_date"),
    *("family_friendly", "restriction", "platform", "requires_subscription", "uploader", "live", "tag", "id"),
)
SEVERAL = ("tag", "id")
WORDS = dict.fromkeys(("family_friendly", "live", "requires_subscription"), ("yes", "no"))
MOST_TITLE_CHARS, MOST_DESCRIPTION_CHARS, MOST_TAGS, LONGEST_S, MOST_UPLOADER_CHARS = 100, 2048, 32, 28_800, 255
_PLATFORMS = {"web", "mobile", "tv"}
_COUNTRIES = re.compile(r"(?:[A-Z]{2}(?: [A-Z]{2})*)?", re.ASCII)


def _videos(visit: Visit) -> Iterator[Video]:
    yield from visit.entry.videos


@RULES.error(
    "video.required",
    "a video has a thumbnail, a title, a description, and content or a player",
    todo="Add the element with its text.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        for name in REQUIRED:
            if not video[name]:
                yield visit.url, f"video:{name} is missing"
        if not (video["content_loc"] or video["player_loc"]):
            yield visit.url, "video:content_loc and video:player_loc are missing"


@RULES.warning(
    "video.unknown",
    "a video has only elements that engines read",
    todo="Leave it out: category, gallery_loc, price, tvshow and others ended in 2022.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        for name in dict.fromkeys(tag.name for tag in video.tags if tag.name not in KNOWN):
            yield visit.url, f"video:{name} stands in the entry"


@RULES.error("video.repeated", "each element stands once, but for tag", todo="Write it once.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        for name in dict.fromkeys(tag.name for tag in video.tags):
            if name not in SEVERAL and (times := len(video.all(name))) > 1:
                yield visit.url, f"video:{name} stands {times} times"


@RULES.warning(
    "video.title", "a title has at most 100 characters", todo="Cut it at the end of a word.", source="sitemap-video.xsd"
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        if len(video["title"]) > MOST_TITLE_CHARS:
            yield visit.url, f"video:title has {len(video['title'])} characters"


@RULES.error("video.description", "a description has at most 2,048 characters", todo="Cut it.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        if len(video["description"]) > MOST_DESCRIPTION_CHARS:
            yield visit.url, f"video:description has {len(video['description'])} characters"


@RULES.error(
    "video.duration",
    "a duration is a whole number of seconds from 1 to 28,800",
    todo="Leave it out for longer videos.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        text = video["duration"]
        if text and not (text.isascii() and text.isdigit() and 1 <= int(text) <= LONGEST_S):
            yield visit.url, f"video:duration is {text[:30]!r}"


@RULES.error(
    "video.date",
    "publication and expiration are dates of W3C's profile of ISO 8601",
    todo="Write them as 2026-01-02T03:04:05+00:00.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        for name in ("publication_date", "expiration_date"):
            if video[name] and w3c(video[name]) is None:
                yield visit.url, f"video:{name} is {video[name][:40]!r}"


@RULES.error(
    "video.expired",
    "no video of the sitemap has expired",
    todo="Leave the date out where nothing expires, and the entry where it has.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        ends = w3c(video["expiration_date"])
        if ends is not None and ends < datetime.now(UTC):
            yield visit.url, f"video:expiration_date is over: {video['expiration_date']}"


@RULES.error(
    "video.words", "what is yes or no, allow or deny, is one of these", todo="Write the word it takes.", source=GOOGLE
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        for name, words in WORDS.items():
            if video[name] and video[name] not in words:
                yield visit.url, f"video:{name} is {video[name][:30]!r}"
        for name in ("restriction", "platform"):
            for tag in video.all(name):
                if tag.attributes.get("relationship") not in ("allow", "deny"):
                    yield visit.url, f"relationship of video:{name} is {tag.attributes.get('relationship')!r}"
        if _COUNTRIES.fullmatch(" ".join(video["restriction"].split())) is None:
            yield visit.url, f"video:restriction is {video['restriction'][:60]!r}, not countries as in 'DE FR'"
        if not set(video["platform"].split()) <= _PLATFORMS:
            yield visit.url, f"video:platform is {video['platform'][:60]!r}, not of web, mobile and tv"


@RULES.warning(
    "video.nowhere",
    "a video is allowed somewhere",
    todo="Name the countries, or leave the element out.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        for tag in video.all("restriction"):
            if not tag.text and tag.attributes.get("relationship") == "allow":
                yield visit.url, "video:restriction allows no country"


@RULES.error("video.tags", "a video has at most 32 tags", todo="Keep the best 32.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        if (count := len(video.all("tag"))) > MOST_TAGS:
            yield visit.url, f"it has {count} of video:tag"


@RULES.warning(
    "video.uploader",
    "an uploader has at most 255 characters, and info on the page's host",
    todo="Shorten the name; leave out info of another host.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        if len(video["uploader"]) > MOST_UPLOADER_CHARS:
            yield visit.url, f"video:uploader has {len(video['uploader'])} characters"
        for tag in video.all("uploader"):
            info = tag.attributes.get("info", "")
            if info and origin(info) != origin(visit.url):
                yield visit.url, f"info of video:uploader is {info[:200]!r}"


@RULES.error(
    "video.url",
    "content, player and thumbnail have absolute addresses that differ from the page's",
    todo="Give the address of the file, and of the player alone.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        for name in ("content_loc", "player_loc", "thumbnail_loc"):
            if video[name] and not is_absolute(video[name]):
                yield visit.url, f"video:{name} is {video[name][:200]!r}"
            elif video[name] == visit.url:
                yield visit.url, f"video:{name} is the page itself"


@RULES.error(
    "video.number",
    "rating is from 0 to 5, view_count a whole number",
    todo="Write true numbers or none.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for video in _videos(visit):
        if video["rating"] and re.fullmatch(r"[0-4](?:\.\d+)?|5(?:\.0+)?", video["rating"], re.ASCII) is None:
            yield visit.url, f"video:rating is {video['rating'][:30]!r}"
        if video["view_count"] and re.fullmatch(r"\d+", video["view_count"], re.ASCII) is None:
            yield visit.url, f"video:view_count is {video['view_count'][:30]!r}"
