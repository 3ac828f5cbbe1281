"""Rules about the VideoObject of a page. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from seo_checker.facts import Visit, types_of
from seo_checker.forms import duration_s, has_offset, iso
from seo_checker.linked import clips_of, pictures_of, texts
from seo_checker.rules.rule import Book, Broken
from seo_checker.urls import is_absolute, secrets

RULES: Book[Visit] = Book()
GOOGLE, YANDEX = "Google, VideoObject", "Yandex, VideoObject"


@RULES.error("json-ld.syntax", "structured data is JSON", todo="Write it with a JSON encoder.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for problem in visit.document.broken:
        yield visit.url, f"it cannot be read: {problem}"


@RULES.error(
    "json-ld.video",
    "a page has one VideoObject",
    todo="Write one for the page's main video, into the server's HTML.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    if visit.answer.ok and visit.entry.videos and len(visit.document.videos) != 1:
        yield visit.url, f"it has {len(visit.document.videos)} of VideoObject"


@RULES.error("json-ld.required", "a VideoObject has name, thumbnailUrl and uploadDate", todo="Write it.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for name in ("name", "thumbnailUrl", "uploadDate"):
        if visit.object and not visit.object.get(name):
            yield visit.url, f"{name} is missing"


@RULES.warning(
    "json-ld.recommended",
    "a VideoObject has description, duration, contentUrl and embedUrl",
    todo="Write it where it is known.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for name in ("description", "duration", "contentUrl", "embedUrl"):
        if visit.object and not visit.object.get(name):
            yield visit.url, f"{name} is missing"


@RULES.warning(
    "json-ld.yandex",
    "a VideoObject has what Yandex asks for",
    todo="Write url, isFamilyFriendly, and thumbnail as an ImageObject.",
    source=YANDEX,
)
def _(visit: Visit) -> Broken:
    if not visit.object:
        return
    for name in ("url", "isFamilyFriendly"):
        if visit.object.get(name) in (None, ""):
            yield visit.url, f"{name} is missing"
    if "ImageObject" not in types_of(visit.object.get("thumbnail")):
        yield visit.url, "thumbnail is no ImageObject"


@RULES.error("json-ld.date", "dates are ISO 8601", todo="Write it as 2026-01-02T03:04:05+00:00.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for name, text in _dates(visit.object):
        if iso(text) is None:
            yield visit.url, f"{name} is {text[:60]!r}"


@RULES.warning("json-ld.offset", "dates have a time and its offset", todo="Write Z or +03:00 behind it.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    for name, text in _dates(visit.object):
        if iso(text) is not None and not has_offset(text):
            yield visit.url, f"{name} is {text!r}"


@RULES.error("json-ld.duration", "the duration is ISO 8601", todo="Write it as PT1H2M3S, at least PT1S.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    if visit.object.get("duration"):
        text = str(visit.object["duration"])
        if not duration_s(text):
            yield visit.url, f"duration is {text[:40]!r}"


@RULES.error("json-ld.url", "addresses are absolute and have no token", todo="Write the public one.", source=GOOGLE)
def _(visit: Visit) -> Broken:
    value = visit.object
    named = [(name, url) for name in ("url", "contentUrl", "embedUrl") for url in texts(value.get(name))]
    for name, url in (*named, *(("thumbnailUrl", url) for url in pictures_of(value))):
        if not is_absolute(url):
            yield visit.url, f"{name} is {url[:200]!r}"
        elif secrets(url):
            yield visit.url, f"{name} has the parameter {secrets(url)[0]}"


@RULES.error(
    "json-ld.expired", "no video that is shown has expired", todo="Leave expires out where nothing does.", source=GOOGLE
)
def _(visit: Visit) -> Broken:
    ends = iso(str(visit.object.get("expires") or ""))
    if ends is not None and ends <= datetime.now(UTC):
        yield visit.url, f"expires is over: {visit.object['expires']}"


@RULES.error(
    "clip.form",
    "a Clip has name, startOffset and url, and begins within the video where no other does",
    todo="Write them; seconds as numbers; each start once.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    clips = clips_of(visit.object)
    ends_s = duration_s(str(visit.object.get("duration") or ""))
    starts: list[float] = []
    for clip in clips:
        if not isinstance(clip, Mapping):
            yield visit.url, "a part is no Clip"
            continue
        yield from ((visit.url, f"{name} of a Clip is missing") for name in ("name", "url") if not clip.get(name))
        start = clip.get("startOffset")
        if not isinstance(start, int | float):
            yield visit.url, f"startOffset of a Clip is {start!r}"
            continue
        if start in starts:
            yield visit.url, f"two Clips begin at {start}"
        if start < 0 or (ends_s is not None and start >= max(1, ends_s)):
            yield visit.url, f"a Clip begins at {start}, which is not within the video"
        if "endOffset" in clip and not (_is_number(clip["endOffset"]) and clip["endOffset"] > start):
            yield visit.url, f"a Clip ends at {clip['endOffset']!r}, and begins at {start}"
        starts.append(start)


@RULES.error(
    "clip.url",
    "a Clip's address is that of the page at its time, and answers 200",
    todo="Write the page's address with t=SECONDS, and let the page start there.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    for clip in clips_of(visit.object):
        url = clip.get("url") if isinstance(clip, Mapping) else None
        if not isinstance(url, str) or not url:
            continue
        parts, own = urlsplit(url), urlsplit(visit.url)
        if (parts.netloc, parts.path) != (own.netloc, own.path):
            yield visit.url, f"a Clip leads to another page: {url[:200]}"
        elif visit.url != url and not _at(parts.query, parts.fragment, clip.get("startOffset")):
            yield visit.url, f"a Clip that begins at {clip.get('startOffset')} leads to {url[:200]}"
        reached = visit.reached.get(url)
        if reached is not None and not reached.answer.ok:
            yield url, str(reached.answer)
        elif reached is not None and reached.document is not None and reached.document.canonical == url != visit.url:
            yield url, "it is its own canonical address: a time makes no page of its own"


@RULES.error(
    "seek.form",
    "a SeekToAction has a target with a place for the second",
    todo="Write target with {seek_to_second_number}, and startOffset-input 'required name=seek_to_second_number'.",
    source=GOOGLE,
)
def _(visit: Visit) -> Broken:
    action = visit.object.get("potentialAction")
    if not isinstance(action, Mapping) or "SeekToAction" not in types_of(action):
        return
    target = action.get("target")
    text = target.get("urlTemplate") if isinstance(target, Mapping) else target
    if not isinstance(text, str) or "{seek_to_second_number}" not in text or not is_absolute(text.partition("{")[0]):
        yield visit.url, f"target is {text!r}"
    if action.get("startOffset-input") != "required name=seek_to_second_number":
        yield visit.url, f"startOffset-input is {action.get('startOffset-input')!r}"


def _dates(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("uploadDate", "expires"):
        if value.get(name):
            yield name, str(value[name])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _at(query: str, fragment: str, start: Any) -> bool:
    """Whether `t` of the address is the start, in seconds."""
    (found, *_) = [*parse_qs(query).get("t", []), *parse_qs(fragment).get("t", []), ""]
    return found.removesuffix("s") == f"{start:g}" if _is_number(start) else False
