"""The text of a playlist -> what it says, strictly. Pure.

In: the text and the URL it was read from. Out: `Multivariant` or `Media` with absolute URLs, and a `Problem` for each
line that is not as RFC 8216bis-18 wants it. What can be understood in spite of a problem is kept, so that one fault
does not hide others. Refuses (NotAPlaylist) text that does not begin as a playlist.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from urllib.parse import parse_qsl, urljoin, urlsplit

from hls_checker.attributes import FORMS_BY_TAG, attributes
from hls_checker.errors import CheckError
from hls_checker.listed import Entry, Key, Map, Media, Multivariant, Problem, SegmentLine, Span

_VARIABLE = re.compile(r"\{\$([A-Za-z0-9_-]+)\}")
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
_MULTIVARIANT_TAGS = frozenset(
    {
        "EXT-X-STREAM-INF",
        "EXT-X-I-FRAME-STREAM-INF",
        "EXT-X-MEDIA",
        "EXT-X-CONTENT-STEERING",
        "EXT-X-SESSION-DATA",
        "EXT-X-SESSION-KEY",
    }
)
_MEDIA_TAGS = frozenset(
    {
        "EXTINF",
        "EXT-X-TARGETDURATION",
        "EXT-X-MEDIA-SEQUENCE",
        "EXT-X-DISCONTINUITY-SEQUENCE",
        "EXT-X-PLAYLIST-TYPE",
        "EXT-X-I-FRAMES-ONLY",
        "EXT-X-ENDLIST",
        "EXT-X-MAP",
        "EXT-X-KEY",
        "EXT-X-BYTERANGE",
        "EXT-X-DISCONTINUITY",
        "EXT-X-PROGRAM-DATE-TIME",
        "EXT-X-DATERANGE",
        "EXT-X-BITRATE",
        "EXT-X-GAP",
    }
)
_EITHER_TAGS = frozenset({"EXT-X-VERSION", "EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-START", "EXT-X-DEFINE"})
_ONCE = frozenset(
    {
        "EXT-X-VERSION",
        "EXT-X-INDEPENDENT-SEGMENTS",
        "EXT-X-START",
        "EXT-X-CONTENT-STEERING",
        "EXT-X-TARGETDURATION",
        "EXT-X-MEDIA-SEQUENCE",
        "EXT-X-DISCONTINUITY-SEQUENCE",
        "EXT-X-PLAYLIST-TYPE",
        "EXT-X-I-FRAMES-ONLY",
        "EXT-X-ENDLIST",
    }
)
_WHOLE_NUMBERS = frozenset({"EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE"})


class NotAPlaylist(CheckError):
    """The text is not an HLS playlist."""


@dataclass(slots=True)
class _Reading:
    """What was read so far of one playlist."""

    url: str
    variables: dict[str, str]
    problems: list[Problem] = field(default_factory=list)
    single: dict[str, str] = field(default_factory=dict)  # tags that come once, with what stands behind them
    seen: dict[str, int] = field(default_factory=dict)  # tag -> the line it came first
    entries: list[tuple[str, Entry]] = field(default_factory=list)
    segments: list[SegmentLine] = field(default_factory=list)
    steering: Entry | None = None
    open_variant: tuple[int, dict[str, str]] | None = None  # waits for its URI line
    extinf: Fraction | None = None
    byterange: str | None = None
    map: Map | None = None
    key: Key | None = None
    discontinuity: bool = False

    def wrong(self, line: int, what: str, *, ignored: bool = False) -> None:
        self.problems.append(Problem(line=line, what=what, ignored=ignored))


def read(text: str, url: str, imported: Mapping[str, str] | None = None) -> Multivariant | Media:
    """What a playlist says; `imported` are the variables of the multivariant one. Raises NotAPlaylist."""
    lines = text.split("\n")
    if lines[0].rstrip("\r") != "#EXTM3U":
        raise NotAPlaylist(f"it begins with {lines[0][:40]!r}, a playlist with #EXTM3U")
    reading = _Reading(url, {})
    for number, raw in enumerate(lines[1:], 2):
        line = raw.removesuffix("\r")
        if line != line.strip():
            reading.wrong(number, "blanks stand at the begin or the end of the line")
        if line.startswith("#EXT"):
            tag, _, value = line.strip()[1:].partition(":")
            _tag(reading, number, tag, value, imported or {})
        elif line.strip() and not line.startswith("#"):
            _uri(reading, number, line.strip())
    _unfinished(reading, len(lines))
    multivariant = any(tag in _MULTIVARIANT_TAGS for tag in reading.seen)
    return _multivariant(reading) if multivariant else _media(reading)


def _tag(reading: _Reading, line: int, tag: str, value: str, imported: Mapping[str, str]) -> None:
    if tag not in _MULTIVARIANT_TAGS | _MEDIA_TAGS | _EITHER_TAGS:
        return reading.wrong(line, f"#{tag} is no tag of HLS", ignored=True)
    if tag in _ONCE and tag in reading.seen:
        reading.wrong(line, f"#{tag} came before, on line {reading.seen[tag]}")
        return None
    reading.seen.setdefault(tag, line)
    if tag in FORMS_BY_TAG:
        values, wrong = attributes(tag, value)
        for what in wrong:
            reading.wrong(line, what, ignored="is no attribute of" in what)
        if tag == "EXT-X-DEFINE":
            return _define(reading, line, values, imported)
        return _attributed(reading, line, tag, {k: _filled(reading, line, v) for k, v in values.items()})
    if tag == "EXTINF":
        return _extinf(reading, line, value)
    if tag in _WHOLE_NUMBERS and not re.fullmatch("[0-9]{1,18}", value):
        return reading.wrong(line, f"#{tag}:{value[:40]} is no whole number")
    if tag == "EXT-X-PLAYLIST-TYPE" and value not in ("VOD", "EVENT"):
        return reading.wrong(line, f"#{tag}:{value[:40]} is neither VOD nor EVENT")
    if tag == "EXT-X-BYTERANGE":
        reading.byterange = value
    elif tag == "EXT-X-DISCONTINUITY":
        reading.discontinuity = True
    else:
        reading.single[tag] = value
    return None


def _attributed(reading: _Reading, line: int, tag: str, values: dict[str, str]) -> None:
    if tag == "EXT-X-STREAM-INF":
        if reading.open_variant is not None:
            reading.wrong(reading.open_variant[0], "no URI follows")
        reading.open_variant = (line, values)
    elif tag == "EXT-X-MAP":
        url = urljoin(reading.url, values.get("URI", ""))
        span = _span(values["BYTERANGE"], 0) if "BYTERANGE" in values else None
        if "BYTERANGE" in values and (span is None or "@" not in values["BYTERANGE"]):
            reading.wrong(line, f"BYTERANGE={values['BYTERANGE']!r} is not LENGTH@OFFSET")
        reading.map = Map(url=url, span=span, key=reading.key)
    elif tag == "EXT-X-KEY":
        key_url = urljoin(reading.url, values["URI"]) if "URI" in values else None
        iv = int(values["IV"], 16) if "IV" in values else None
        none = values.get("METHOD", "NONE") == "NONE"
        reading.key = None if none else Key(method=values["METHOD"], url=key_url, iv=iv)
    else:
        uri = values.get("SERVER-URI") if tag == "EXT-X-CONTENT-STEERING" else values.get("URI")
        entry = Entry(line=line, attributes=values, url=None if uri is None else urljoin(reading.url, uri))
        if tag == "EXT-X-CONTENT-STEERING":
            reading.steering = entry
        else:
            reading.entries.append((tag, entry))


def _define(reading: _Reading, line: int, values: Mapping[str, str], imported: Mapping[str, str]) -> None:
    """A variable, of its own value, of the multivariant playlist's, or of the URL's query (4.4.2.3)."""
    query = dict(parse_qsl(urlsplit(reading.url).query, keep_blank_values=True))
    kinds = [kind for kind in ("NAME", "IMPORT", "QUERYPARAM") if kind in values]
    if len(kinds) != 1 or ("NAME" in values) != ("VALUE" in values):
        return reading.wrong(line, "it is one of NAME with VALUE, IMPORT, and QUERYPARAM")
    name = values[kinds[0]]
    known = {"NAME": {name: values.get("VALUE", "")}, "IMPORT": imported, "QUERYPARAM": query}[kinds[0]]
    if name in reading.variables:
        reading.wrong(line, f"the variable {name} is defined twice")
    elif name not in known:
        reading.wrong(line, f"there is no value for the variable {name}")
    else:
        reading.variables[name] = known[name]
    return None


def _filled(reading: _Reading, line: int, text: str) -> str:
    """The text with its EXT-X-DEFINE variables replaced."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in reading.variables:
            reading.wrong(line, f"the variable {match[1]} is not defined before this line")
        return reading.variables.get(match[1], "")

    return _VARIABLE.sub(value, text)


def _extinf(reading: _Reading, line: int, value: str) -> None:
    if reading.extinf is not None:
        reading.wrong(line, "no URI stands between two #EXTINF")
    seconds, comma, _ = value.partition(",")
    if not _DECIMAL.fullmatch(seconds):
        reading.wrong(line, f"#EXTINF:{value[:40]} is no time")
    elif not comma:
        reading.wrong(line, f"#EXTINF:{value[:40]} has no comma behind its time")
    reading.extinf = Fraction(seconds) if _DECIMAL.fullmatch(seconds) else Fraction(0)


def _uri(reading: _Reading, line: int, uri: str) -> None:
    url = urljoin(reading.url, _filled(reading, line, uri))
    if reading.open_variant is not None:
        opened, values = reading.open_variant
        reading.open_variant = None
        if opened + 1 != line:
            reading.wrong(line, "the URI of a variant stands on the line after its #EXT-X-STREAM-INF")
        reading.entries.append(("EXT-X-STREAM-INF", Entry(line=opened, attributes=values, url=url)))
        return
    if reading.extinf is None:
        reading.wrong(line, "a URI without #EXTINF or #EXT-X-STREAM-INF before it")
        return
    reading.segments.append(
        SegmentLine(
            line=line,
            url=url,
            duration_s=reading.extinf,
            span=_segment_span(reading, line, url),
            map=reading.map,
            key=reading.key,
            number=int(reading.single.get("EXT-X-MEDIA-SEQUENCE", 0)) + len(reading.segments),
            discontinuity=reading.discontinuity,
        )
    )
    reading.extinf, reading.byterange, reading.discontinuity = None, None, False


def _segment_span(reading: _Reading, line: int, url: str) -> Span | None:
    """The byte range of a segment; without an offset it goes on where the one before ended (4.4.4.2)."""
    if reading.byterange is None:
        return None
    before = reading.segments[-1] if reading.segments else None
    follows = before.span.end if before is not None and before.url == url and before.span is not None else None
    span = _span(reading.byterange, follows)
    if span is None:
        reading.wrong(line, f"#EXT-X-BYTERANGE:{reading.byterange[:40]} is not LENGTH@OFFSET")
    return span


def _span(text: str, follows: int | None) -> Span | None:
    parts = re.fullmatch(r"([0-9]{1,18})(?:@([0-9]{1,18}))?", text)
    if parts is None or (parts[2] is None and follows is None):
        return None
    start = int(parts[2]) if parts[2] is not None else follows or 0
    return Span(start=start, end=start + int(parts[1]))


def _unfinished(reading: _Reading, last: int) -> None:
    if reading.open_variant is not None:
        reading.wrong(reading.open_variant[0], "no URI follows")
    if reading.extinf is not None:
        reading.wrong(last, "no URI follows the last #EXTINF")


def _multivariant(reading: _Reading) -> Multivariant:
    for tag in _MEDIA_TAGS & set(reading.seen):
        reading.wrong(reading.seen[tag], f"#{tag} belongs in a media playlist, this is a multivariant one")
    _version(reading, {})

    def entries(tag: str) -> tuple[Entry, ...]:
        return tuple(entry for kind, entry in reading.entries if kind == tag)

    return Multivariant(
        url=reading.url,
        version=int(reading.single.get("EXT-X-VERSION", 1)),
        independent="EXT-X-INDEPENDENT-SEGMENTS" in reading.single,
        variants=entries("EXT-X-STREAM-INF"),
        iframe_variants=entries("EXT-X-I-FRAME-STREAM-INF"),
        renditions=entries("EXT-X-MEDIA"),
        steering=reading.steering,
        variables=reading.variables,
        problems=_sorted(reading.problems),
    )


def _media(reading: _Reading) -> Media:
    if "EXT-X-TARGETDURATION" not in reading.seen:
        reading.wrong(1, "there is no #EXT-X-TARGETDURATION")
    iframes_only = "EXT-X-I-FRAMES-ONLY" in reading.single
    needs = {
        3: any(segment.duration_s.denominator != 1 for segment in reading.segments),
        4: iframes_only or any(segment.span for segment in reading.segments),
        5: iframes_only and any(segment.map for segment in reading.segments),
        6: not iframes_only and any(segment.map for segment in reading.segments),
    }
    _version(reading, needs)
    return Media(
        url=reading.url,
        version=int(reading.single.get("EXT-X-VERSION", 1)),
        kind=reading.single.get("EXT-X-PLAYLIST-TYPE", ""),
        target_s=int(reading.single.get("EXT-X-TARGETDURATION", 0)),
        ended="EXT-X-ENDLIST" in reading.single,
        iframes_only=iframes_only,
        segments=tuple(reading.segments),
        problems=_sorted(reading.problems),
    )


def _version(reading: _Reading, needs: Mapping[int, bool]) -> None:
    """A feature may not be used below the version that brought it (8)."""
    said = int(reading.single.get("EXT-X-VERSION", 1))
    needed = max((version for version, used in needs.items() if used), default=1)
    needed = max(needed, 8 if "EXT-X-DEFINE" in reading.seen else 1)
    if said < needed:
        reading.wrong(reading.seen.get("EXT-X-VERSION", 1), f"it says version {said}, and uses what {needed} brought")


def _sorted(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: problem.line))
