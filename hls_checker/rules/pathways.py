"""Rules about several CDNs: each has all of the title, and the steering server knows them. Pure."""

import json
from collections import Counter
from collections.abc import Mapping

from hls_checker.facts import Title, Track
from hls_checker.listed import Entry
from hls_checker.rules.rule import Book, Broken

RULES = Book()
STEERING_TYPE = "application/vnd.apple.steering-list"
_NAMELESS = "."  # the pathway of a variant that names none (RFC 8216bis-18, 4.4.6.2)


def _by_pathway(title: Title) -> Mapping[str, list[Entry]]:
    pathways: dict[str, list[Entry]] = {}
    for entry in (*title.multivariant.variants, *title.multivariant.iframe_variants):
        pathways.setdefault(entry["PATHWAY-ID"] or _NAMELESS, []).append(entry)
    return pathways


@RULES.must("pathways", "every pathway has every variant, with the same audio, subtitles and bytes")
def _(title: Title) -> Broken:
    pathways = _by_pathway(title)
    if len(pathways) < 2:
        return
    first, *others = pathways
    for other in others:
        here, there = (Counter(_variant(title, entry) for entry in pathways[name]) for name in (first, other))
        for variant in here - there:
            yield (
                title.multivariant.url,
                f"the pathway {other!r} lacks {variant[0]!r} of {first!r}, or has it otherwise",
            )
        for variant in there - here:
            yield title.multivariant.url, f"the pathway {other!r} has {variant[0]!r}, {first!r} lacks it or differs"


def _variant(title: Title, entry: Entry) -> tuple[object, ...]:
    """The parts of a variant that must be equal on every pathway."""
    groups = tuple(
        (kind, tuple(sorted(_rendition(title, each) for each in title.multivariant.group(kind, entry[kind]))))
        for kind in ("AUDIO", "SUBTITLES")
        if entry[kind]
    )
    alike = {name: value for name, value in entry.attributes.items() if name not in _ELSEWHERE}
    return (
        entry["STABLE-VARIANT-ID"] or entry["RESOLUTION"] or entry["CODECS"],
        tuple(sorted(alike.items())),
        _content(title.tracks.get(entry.url or "")),
        groups,
    )


_ELSEWHERE = frozenset({"PATHWAY-ID", "AUDIO", "SUBTITLES", "URI", "GROUP-ID"})


def _rendition(title: Title, entry: Entry) -> tuple[object, ...]:
    alike = {name: value for name, value in entry.attributes.items() if name not in _ELSEWHERE}
    return tuple(sorted(alike.items())), _content(title.tracks.get(entry.url or ""))


def _content(track: Track | None) -> tuple[object, ...]:
    """Times and sizes: bytes that differ have other sizes nearly always, and hashes would need all of them at once."""
    return tuple((segment.line.duration_s, segment.size_bytes) for segment in track.segments) if track else ()


@RULES.must("steering", "the steering server answers with an order of known pathways", over_http=True)
def _(title: Title) -> Broken:
    entry = title.multivariant.steering
    for unread in title.unread:
        if unread.rule == "steering":
            yield unread.url, unread.what
    if entry is None or entry.url is None:
        return
    known = set(_by_pathway(title))
    if entry["PATHWAY-ID"] and entry["PATHWAY-ID"] not in known:
        yield title.multivariant.url, f"line {entry.line}: no variant is on the pathway {entry['PATHWAY-ID']!r}"
    if title.steering is None:
        return
    content_type = title.steering.answer.headers.get("content-type", "").partition(";")[0].strip()
    if content_type != STEERING_TYPE:
        yield entry.url, f"its type is {content_type!r}, not {STEERING_TYPE}"
    if "no-store" not in title.steering.answer.headers.get("cache-control", ""):
        yield entry.url, "its answer may be kept by caches"
    try:
        manifest = json.loads(title.steering.body)
    except ValueError:
        yield entry.url, "its answer is no JSON"
        return
    for what in _steered(manifest, known):
        yield entry.url, what


def _steered(manifest: object, known: set[str]) -> list[str]:
    if not isinstance(manifest, dict):
        return ["its answer is no JSON object"]
    wrong = []
    if manifest.get("VERSION") != 1:
        wrong.append(f"VERSION is {manifest.get('VERSION')!r}, not 1")
    ttl = manifest.get("TTL")
    if not isinstance(ttl, int | float) or isinstance(ttl, bool) or ttl <= 0:
        wrong.append(f"TTL is {ttl!r}, not a number of seconds")
    order = manifest.get("PATHWAY-PRIORITY")
    clones = manifest.get("PATHWAY-CLONES", [])
    cloned = {clone.get("ID") for clone in clones if isinstance(clone, dict)} if isinstance(clones, list) else set()
    if not isinstance(order, list) or not order:
        wrong.append("PATHWAY-PRIORITY is missing or empty")
    elif not {str(name) for name in order} <= known | cloned:
        unknown = ", ".join(sorted({str(name) for name in order} - known - cloned))
        wrong.append(f"PATHWAY-PRIORITY names {unknown}, on which there is no variant")
    elif len(set(map(str, order))) != len(order):
        wrong.append("PATHWAY-PRIORITY names a pathway twice")
    return wrong
