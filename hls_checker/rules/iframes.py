"""Rules about I-frame playlists, from which players show pictures while seeking. Pure."""

from hls_checker.facts import Segment, Title
from hls_checker.rules.rule import Book, Broken
from hls_checker.rules.variants import meant

RULES = Book()


@RULES.must("6.1", "there are I-frame playlists, and what is said of them is so", when_ready=True)
def _(title: Title) -> Broken:
    multivariant = title.multivariant
    # A segment that is encrypted whole has no part that a player could read alone.
    clear = [track for track in title.of_kind("video") if not all(line.key for line in track.media.segments)]
    if clear and not multivariant.iframe_variants:
        yield multivariant.url, "there is no EXT-X-I-FRAME-STREAM-INF"
    for entry in multivariant.iframe_variants:
        for name in ("CODECS", "RESOLUTION"):
            if name not in entry.attributes:
                yield multivariant.url, f"line {entry.line}: {name} is missing"
        track = title.tracks.get(entry.url or "")
        init = track.init if track is not None else None
        if init is not None and entry["CODECS"] and meant(entry["CODECS"]) != meant(init.entry.codec):
            what = f"CODECS is {entry['CODECS']!r}, the init segment says {init.entry.codec!r}"
            yield multivariant.url, f"line {entry.line}: {what}"
        sizes = {f"{init.entry.width}x{init.entry.height}", f"{init.shown_width}x{init.shown_height}"} if init else {}
        if sizes and entry["RESOLUTION"] and entry["RESOLUTION"] not in sizes:
            yield multivariant.url, f"line {entry.line}: RESOLUTION is {entry['RESOLUTION']}, not {' or '.join(sizes)}"
    for track in title.iframes:
        if not track.media.iframes_only:
            yield track.url, "EXT-X-I-FRAMES-ONLY is missing"
    for track in title.of_kind("video"):
        if track.media.iframes_only:
            yield track.url, "a variant's playlist has EXT-X-I-FRAMES-ONLY"


@RULES.must("6.10", "the byte range of an I-frame begins at a moof and has the whole of a sync sample", when_ready=True)
def _(title: Title) -> Broken:
    for track in title.iframes:
        for segment in track.segments:
            what = _wrong(segment)
            if what:
                yield track.url, f"line {segment.line.line}: {what}"


def _wrong(segment: Segment) -> str:
    if segment.media is None:
        return ""  # a file that could not be read is reported already
    span = segment.line.span
    if span is None:
        return "" if len(segment.media.fragments) == 1 else "there is no EXT-X-BYTERANGE"
    fragment = next((fragment for fragment in segment.media.fragments if fragment.start == span.start), None)
    if fragment is None:
        return f"no moof begins at byte {span.start}"
    if not fragment.first_is_sync:
        return f"the fragment at byte {span.start} does not begin with a sync sample"
    if span.end < fragment.first_end:
        return f"the range ends at byte {span.end}, its sync sample at byte {fragment.first_end}"
    return "" if span.end <= fragment.end else f"the range ends at byte {span.end}, the fragment at byte {fragment.end}"


@RULES.must("iframe-times", "an I-frame playlist covers the time of the title", when_ready=True)
def _(title: Title) -> Broken:
    longest = max((track for track in title.of_kind("video")), key=lambda track: track.duration_s, default=None)
    for track in title.iframes:
        if longest is not None and abs(track.media.duration_s - longest.duration_s) > longest.frame_s:
            listed_s, longest_s = float(track.media.duration_s), float(longest.duration_s)
            yield track.url, f"its EXTINFs are {listed_s:.3f} s together, the pictures have {longest_s:.3f} s"


@RULES.must("range", "byte ranges are answered with the range alone", over_http=True)
def _(title: Title) -> Broken:
    for url, answer in (title.ranges or {}).items():
        if answer.status != 206:
            yield url, f"the range of its first I-frame is answered with {answer.status} and {answer.size_bytes} bytes"
