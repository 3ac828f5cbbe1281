"""A DASH manifest -> the segments of each Representation. Pure.

In: the text and its URL. Out: `Dash`. Reads static manifests whose segments are named by a SegmentTemplate with a
SegmentTimeline, which is all that is needed over CMAF segments that HLS lists too. Refuses (NotAManifest) the rest.
Source: ISO/IEC 23009-1, 5.3.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from fractions import Fraction
from urllib.parse import urljoin

from hls_checker.errors import CheckError
from hls_checker.facts import Dash, DashTrack

_SPACE = "{urn:mpeg:dash:schema:mpd:2011}"
_NAMED = re.compile(r"\$(RepresentationID|Number|Time|Bandwidth|)(?:%0([0-9])d)?\$")
_PERIOD = re.compile(r"PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9.]+)S)?")
_MOST_SEGMENTS = 200_000


class NotAManifest(CheckError):
    """This is not a DASH manifest that can be checked."""


def read(text: str, url: str) -> Dash:
    """Parse the text of a manifest that was read from `url`. Raises NotAManifest."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotAManifest("it declares entities")
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities, which are the danger, are refused above
        if root.tag != f"{_SPACE}MPD" or root.get("type", "static") != "static":
            raise NotAManifest(f"it is a {root.tag} of type {root.get('type')}, not a static MPD")
        length = _PERIOD.fullmatch(root.get("mediaPresentationDuration", ""))
        hours, minutes, seconds = length.groups() if length else (None, None, None)
        tracks = tuple(_tracks(root, _base(root, url)))
        return Dash(
            url=url,
            duration_s=int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds or 0) if length else None,
            tracks=tracks,
        )
    except (ET.ParseError, ValueError, KeyError, ZeroDivisionError) as exc:
        raise NotAManifest(f"it cannot be read: {exc!r}") from exc


def _base(element: ET.Element, url: str) -> str:
    """The first BaseURL of an element, absolute; further ones name the same files elsewhere."""
    return urljoin(url, (element.findtext(f"{_SPACE}BaseURL") or "").strip())


def _tracks(root: ET.Element, url: str) -> Iterator[DashTrack]:
    for period in root.findall(f"{_SPACE}Period"):
        in_period = _base(period, url)
        for adaptation in period.findall(f"{_SPACE}AdaptationSet"):
            in_set = _base(adaptation, in_period)
            for representation in adaptation.findall(f"{_SPACE}Representation"):
                template = representation.find(f"{_SPACE}SegmentTemplate")
                if template is None:
                    template = adaptation.find(f"{_SPACE}SegmentTemplate")
                if template is not None:
                    codecs = representation.get("codecs") or adaptation.get("codecs") or ""
                    yield _track(representation, codecs, template, _base(representation, in_set))


def _track(representation: ET.Element, codecs: str, template: ET.Element, base: str) -> DashTrack:
    timescale = int(template.get("timescale", "1"))
    number, time = int(template.get("startNumber", "1")), 0
    named = {"RepresentationID": representation.attrib["id"], "Bandwidth": representation.get("bandwidth", "0")}
    segments: list[tuple[str, Fraction]] = []
    for entry in template.iterfind(f"{_SPACE}SegmentTimeline/{_SPACE}S"):
        time = int(entry.get("t", time))
        repeats, length = int(entry.get("r", "0")), int(entry.attrib["d"])
        if not 0 <= repeats < _MOST_SEGMENTS - len(segments):
            raise NotAManifest(f"a segment is repeated {repeats} times")
        for _ in range(repeats + 1):
            name = _filled(template.attrib["media"], {**named, "Number": str(number), "Time": str(time)})
            segments.append((urljoin(base, name), Fraction(length, timescale)))
            number, time = number + 1, time + length
    return DashTrack(
        id=representation.attrib["id"],
        codecs=codecs,
        init_url=urljoin(base, _filled(template.attrib["initialization"], named)),
        segments=tuple(segments),
    )


def _filled(template: str, named: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if not match[1]:
            return "$"
        return named[match[1]].zfill(int(match[2] or 1))

    return _NAMED.sub(value, template)
