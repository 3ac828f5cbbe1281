"""Rules about what sitemap, structured data, Open Graph and the page itself say of one video: the same. Pure."""

from collections.abc import Iterator, Sequence

from seo_checker.facts import Visit
from seo_checker.forms import duration_s, iso, line, same_text
from seo_checker.linked import pictures_of, texts
from seo_checker.rules.rule import Book, Broken

RULES: Book[Visit] = Book()
GOOGLE = "Google, video best practices"
AGREE = "Make them all of one value: engines drop a video whose descriptions differ."
LEAST_S = 1.5  # by which durations may differ, being rounded


@RULES.error("agree.name", "sitemap, JSON-LD, Open Graph and h1 have the same name", todo=AGREE, source=GOOGLE)
def _(visit: Visit) -> Broken:
    told = [
        *_from_entry(visit, "title"),
        *(("name of JSON-LD", text) for text in texts(visit.object.get("name"))),
        ("og:title", visit.document.meta("og:title")),
        *(("h1", text) for text in visit.document.h1[:1]),
    ]
    yield from _different(visit, told)


@RULES.error("agree.description", "sitemap, JSON-LD and meta tags have one description", todo=AGREE, source=GOOGLE)
def _(visit: Visit) -> Broken:
    told = [
        *_from_entry(visit, "description"),
        *(("description of JSON-LD", text) for text in texts(visit.object.get("description"))),
        ("og:description", visit.document.meta("og:description")),
        ("meta description", visit.document.meta("description")),
    ]
    yield from _different(visit, told)


@RULES.warning(
    "agree.visible",
    "the description is visible on the page",
    todo="Show it in the page's own text.",
    source="Google, structured data guidelines",
)
def _(visit: Visit) -> Broken:
    for text in texts(visit.object.get("description")):
        if text.strip() and line(text).rstrip("….") not in visit.document.words:
            yield visit.url, f"the description of JSON-LD is not in its text: {line(text)[:80]!r}"


@RULES.error("agree.thumbnail", "sitemap, JSON-LD, og:image and poster name one picture", todo=AGREE, source=GOOGLE)
def _(visit: Visit) -> Broken:
    told = [
        *_from_entry(visit, "thumbnail_loc"),
        *(("thumbnail of JSON-LD", url) for url in pictures_of(visit.object)[:1]),
        ("og:image", visit.document.meta("og:image")),
        *(("poster", one["poster"]) for one in visit.document.players if one.get("poster")),
    ]
    yield from _different(visit, told)


@RULES.error("agree.duration", "sitemap, JSON-LD and Open Graph have one duration", todo=AGREE, source=GOOGLE)
def _(visit: Visit) -> Broken:
    told = [(name, float(text)) for name, text in _from_entry(visit, "duration") if text.isdigit()]
    if (own_s := duration_s(str(visit.object.get("duration") or ""))) is not None:
        told.append(("JSON-LD", own_s))
    if (text := visit.document.meta("video:duration")).isdigit():
        told.append(("Open Graph", float(text)))
    for name, seconds in told[1:]:
        if abs(seconds - told[0][1]) > LEAST_S:
            yield visit.url, f"{name} says {seconds:g} s, {told[0][0]} {told[0][1]:g} s"


@RULES.error("agree.date", "sitemap, JSON-LD and Open Graph have one date of publication", todo=AGREE, source=GOOGLE)
def _(visit: Visit) -> Broken:
    told = [
        *_from_entry(visit, "publication_date"),
        ("uploadDate", str(visit.object.get("uploadDate") or "")),
        ("video:release_date", visit.document.meta("video:release_date")),
    ]
    read = [(name, text, time) for name, text in told if (time := iso(text)) is not None]
    for name, text, time in read[1:]:
        if abs((time - read[0][2]).total_seconds()) > LEAST_S:
            yield visit.url, f"{name} is {text}, {read[0][0]} {read[0][1]}"


@RULES.error("agree.content", "sitemap and JSON-LD name one file and one player", todo=AGREE, source=GOOGLE)
def _(visit: Visit) -> Broken:
    for name, own in (("content_loc", "contentUrl"), ("player_loc", "embedUrl")):
        yield from _different(visit, [*_from_entry(visit, name), *((own, url) for url in texts(visit.object.get(own)))])


def _from_entry(visit: Visit, name: str) -> Iterator[tuple[str, str]]:
    if visit.video is not None:
        yield f"video:{name}", visit.video[name]


def _different(visit: Visit, told: Sequence[tuple[str, str]]) -> Broken:
    """What differs from what was told first."""
    (first, wanted), *others = [(name, text) for name, text in told if text.strip()] or [("", "")]
    for name, text in others:
        if not same_text(text, wanted):
            yield visit.url, f"{name} is {line(text)[:120]!r}, {first} {line(wanted)[:120]!r}"
