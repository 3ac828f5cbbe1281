"""Rules about bit rates, declared against measured. Pure.

A peak is counted as RFC 8216bis-18, 4.1, says: the largest bit rate of any run of segments that lasts 0.5 to 1.5 target
durations. BANDWIDTH is the largest sum that can play: the pictures with the richest sound and subtitles beside them.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction

from hls_checker.facts import Title, Track
from hls_checker.listed import Entry
from hls_checker.rules.rule import Book, Broken

RULES = Book()
MAY_DIFFER = Fraction(1, 10)
_KINDS = ("video", "audio", "text")


def average_bps(track: Track) -> Fraction:
    return sum(segment.size_bytes for segment in track.segments) * 8 / (track.media.duration_s or Fraction(1))


def peak_bps(track: Track) -> Fraction:
    target_s, peak = track.media.target_s, Fraction(0)
    for first in range(len(track.segments)):
        bits, time_s = 0, Fraction(0)
        for segment in track.segments[first:]:
            bits, time_s = bits + segment.size_bytes * 8, time_s + segment.line.duration_s
            if 2 * time_s > 3 * target_s:
                break
            if 2 * time_s >= target_s:
                peak = max(peak, bits / time_s)
    return peak or average_bps(track)  # a title shorter than half a target


@RULES.must("1.26", "AVERAGE-BANDWIDTH is within 10 % of what is measured", when_ready=True)
def _(title: Title) -> Broken:
    yield from _off(title, "AVERAGE-BANDWIDTH", average_bps)


@RULES.must("1.27", "BANDWIDTH is within 10 % of the measured peak", when_ready=True)
def _(title: Title) -> Broken:
    yield from _off(title, "BANDWIDTH", peak_bps)


def _off(title: Title, attribute: str, measure: Callable[[Track], Fraction]) -> Broken:
    measured_bps = {url: measure(track) for url, track in title.tracks.items() if _measurable(track)}
    for entry, tracks in _playable(title):
        if attribute not in entry.attributes or not all(url in measured_bps for url in tracks):
            continue
        said_bps = int(entry[attribute])
        found_bps = _sum(title, tracks, measured_bps)
        if abs(said_bps - found_bps) > MAY_DIFFER * found_bps:
            what = f"line {entry.line}: {attribute} is {said_bps}, measured are {round(found_bps)}"
            yield title.multivariant.url, f"{what} ({float(said_bps / (found_bps or 1) - 1) * 100:+.1f} %)"


def _measurable(track: Track) -> bool:
    return bool(track.segments) and all(segment.size_bytes for segment in track.segments)


def _playable(title: Title) -> Iterator[tuple[Entry, list[str]]]:
    """Each variant with the tracks that can play with it."""
    for entry in title.multivariant.variants:
        groups = [title.multivariant.group(kind, entry[kind]) for kind in ("AUDIO", "SUBTITLES") if entry[kind]]
        urls = (entry.url, *(each.url for group in groups for each in group))
        yield entry, list(dict.fromkeys(url for url in urls if url))
    for entry in title.multivariant.iframe_variants:
        yield entry, [entry.url] if entry.url else []


def _sum(title: Title, urls: list[str], measured_bps: dict[str, Fraction]) -> Fraction:
    """Sum in bits/s of the video and the largest audio and subtitle tracks; without video, of those alone."""
    return sum(
        (max((measured_bps[u] for u in urls if title.tracks[u].kind == kind), default=Fraction(0)) for kind in _KINDS),
        Fraction(0),
    )


@RULES.should("peak", "the peak is not more than twice the average", when_ready=True)
def _(title: Title) -> Broken:
    for entry in title.multivariant.variants:
        peak, average = int(entry["BANDWIDTH"] or 0), int(entry["AVERAGE-BANDWIDTH"] or 0)
        if average and peak > 2 * average:
            yield title.multivariant.url, f"line {entry.line}: the peak is {peak / average:.1f} times the average"
