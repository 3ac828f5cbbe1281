"""Rules about playlists as text, and about what could not be read at all. Pure."""

from collections.abc import Iterator
from fractions import Fraction

from hls_checker.facts import Title
from hls_checker.listed import Media, Multivariant
from hls_checker.rules.rule import Book, Broken

RULES = Book()


def _unread(title: Title, rule: str) -> Broken:
    return ((entry.url, entry.what) for entry in title.unread if entry.rule == rule)


def _playlists(title: Title) -> Iterator[Multivariant | Media]:
    yield title.multivariant
    yield from (track.media for track in title.tracks.values())


@RULES.must("reach", "every file that is named can be read")
def _(title: Title) -> Broken:
    yield from _unread(title, "reach")


@RULES.must("boxes", "the boxes of init segments and segments fit together")
def _(title: Title) -> Broken:
    yield from _unread(title, "boxes")


@RULES.must("syntax", "playlists are written as RFC 8216 says")
def _(title: Title) -> Broken:
    yield from _unread(title, "syntax")
    for playlist in _playlists(title):
        for problem in playlist.problems:
            if not problem.ignored:
                yield playlist.url, f"line {problem.line}: {problem.what}"


@RULES.should("unknown", "playlists have no tags and attributes that HLS does not know")
def _(title: Title) -> Broken:
    for playlist in _playlists(title):
        for problem in playlist.problems:
            if problem.ignored:
                yield playlist.url, f"line {problem.line}: {problem.what}"


@RULES.must("rfc-4.4.3.1", "no EXTINF, rounded, is longer than the target duration")
def _(title: Title) -> Broken:
    for track in title.tracks.values():
        for segment in track.segments:
            if int(segment.line.duration_s + Fraction(1, 2)) > track.media.target_s:
                extinf_s, target_s = float(segment.line.duration_s), track.media.target_s
                yield segment.line.url, f"EXTINF is {extinf_s:.3f} s, the target duration {target_s} s"


@RULES.must("8.6", "what is ready is a whole VOD playlist; an EVENT playlist may grow until it is")
def _(title: Title) -> Broken:
    kinds = {track.media.kind for track in title.tracks.values()}
    for track in title.tracks.values():
        media = track.media
        if media.kind not in ("VOD", "EVENT"):
            yield track.url, "EXT-X-PLAYLIST-TYPE is missing, it is VOD"
        elif media.kind == "VOD" and not media.ended:
            yield track.url, "a VOD playlist has no EXT-X-ENDLIST"
        elif media.kind == "EVENT" and "VOD" in kinds:
            yield track.url, "this is an EVENT playlist and another one is VOD"
        if not media.segments:
            yield track.url, "it lists no segment"


@RULES.must("8.20", "segments of fragmented MP4 have an EXT-X-MAP")
def _(title: Title) -> Broken:
    for track in title.tracks.values():
        for segment in track.segments:
            if segment.line.map is None and segment.text is None and track.role != "SUBTITLES":
                yield track.url, f"line {segment.line.line}: no EXT-X-MAP stands before this segment"
                break


@RULES.should("independent", "EXT-X-INDEPENDENT-SEGMENTS stands in the multivariant playlist")
def _(title: Title) -> Broken:
    if not title.multivariant.independent:
        yield title.multivariant.url, "EXT-X-INDEPENDENT-SEGMENTS is missing"
