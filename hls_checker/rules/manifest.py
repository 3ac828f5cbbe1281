"""Rules about the DASH manifest over the same segments. Pure."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from hls_checker.facts import DashTrack, Title, Track
from hls_checker.rules.rule import Book, Broken
from hls_checker.rules.variants import meant

RULES = Book()


def _short(url: str) -> str:
    """The same below every pathway and token."""
    return "/".join(PurePosixPath(urlsplit(url).path).parts[-2:])


@RULES.must("dash", "the DASH manifest lists the segments of HLS, at the same times")
def _(title: Title) -> Broken:
    for unread in title.unread:
        if unread.rule == "dash":
            yield unread.url, unread.what
    if title.dash is None:
        return
    for url in title.dash.missing:
        yield url, "the manifest lists it, and it is not there"
    played = {_short(t.segments[0].line.url): t for t in title.of_kind("video", "audio") if t.segments}
    listed = {_short(track.segments[0][0]) for track in title.dash.tracks if track.segments}
    for first in sorted(played.keys() - listed):
        yield title.dash.url, f"it lacks {title.name(played[first].url)}"
    for dashed in title.dash.tracks:
        track = played.get(_short(dashed.segments[0][0])) if dashed.segments else None
        if track is None:
            yield title.dash.url, f"{dashed.id}: HLS has no such rendition"
        else:
            for what in _different(dashed, track):
                yield title.dash.url, f"{dashed.id}: {what}"
    longest = max((track.duration_s for track in played.values() if track.kind == "video"), default=None)
    said_s = title.dash.duration_s
    if longest is not None and (said_s is None or abs(said_s - longest) > Fraction(1, 10)):
        declared = None if said_s is None else f"{float(said_s):.3f} s"
        yield title.dash.url, f"mediaPresentationDuration is {declared}, the pictures have {float(longest):.3f} s"


def _different(dashed: DashTrack, track: Track) -> list[str]:
    names = [_short(url) for url, _ in dashed.segments]
    if names != [_short(segment.line.url) for segment in track.segments]:
        return [f"it lists {len(names)} segments, or others than HLS, which lists {len(track.segments)}"]
    wrong = [] if not track.whole else list(_times(dashed, track))
    if track.init is not None and track.init.entry.codec and meant(dashed.codecs) != meant(track.init.entry.codec):
        wrong.append(f"codecs is {dashed.codecs!r}, the init segment says {track.init.entry.codec!r}")
    return wrong


def _times(dashed: DashTrack, track: Track) -> Iterator[str]:
    total_s = sum((length for _, length in dashed.segments), Fraction(0))
    if abs(total_s - track.duration_s) > track.frame_s:
        yield f"its timeline has {float(total_s):.3f} s, the media {float(track.duration_s):.3f} s"
    pairs = zip(dashed.segments, track.segments, strict=True)  # as many, or the names would differ
    if any(abs(length - segment.duration_s) > track.frame_s for (_, length), segment in pairs):
        yield "the times of its timeline are not those of the segments"
