"""Rules about subtitles in WebVTT. Pure."""

from collections.abc import Iterator
from fractions import Fraction

from hls_checker.facts import Title, Track
from hls_checker.rules.rule import Book, Broken

RULES = Book()
MAY_LACK_S = Fraction(1, 10)


def _tracks(title: Title) -> Iterator[Track]:
    return (track for track in title.tracks.values() if track.role == "SUBTITLES")


@RULES.must("5.3", "every WebVTT segment has an X-TIMESTAMP-MAP")
def _(title: Title) -> Broken:
    for track in _tracks(title):
        for segment in track.segments:
            if segment.text is not None and segment.text.offset_ms is None:
                yield segment.line.url, "X-TIMESTAMP-MAP is missing"


@RULES.must("webvtt", "subtitles are written as WebVTT says")
def _(title: Title) -> Broken:
    for track in _tracks(title):
        for segment in track.segments:
            for what in segment.text.wrong if segment.text else ():
                yield segment.line.url, what


@RULES.must("subtitles-cover", "subtitles cover the whole duration")
def _(title: Title) -> Broken:
    whole_s = max((track.duration_s for track in title.of_kind("video", "audio")), default=Fraction(0))
    for track in _tracks(title):
        covered_s = track.media.duration_s
        if not title.growing and covered_s < whole_s - MAY_LACK_S:
            yield track.url, f"its segments end at {float(covered_s):.3f} s, the title at {float(whole_s):.3f} s"


@RULES.must("subtitles-span", "a cue stands in each segment that it is shown in, whole, and in no other")
def _(title: Title) -> Broken:
    for track in _tracks(title):
        times, at_ms = [], Fraction(0)
        for segment in track.segments:
            times.append((segment, at_ms, at_ms + segment.line.duration_s * 1000))
            at_ms = times[-1][2]
        cues = {cue for segment, _, _ in times if segment.text for cue in segment.text.cues}
        for segment, start_ms, end_ms in times:
            if segment.text is None:
                continue
            here = set(segment.text.cues)
            due = {cue for cue in cues if cue.start_ms < end_ms - 1 and cue.end_ms > start_ms + 1}
            near = {cue for cue in cues if cue.start_ms <= end_ms + 1 and cue.end_ms >= start_ms - 1}
            for cue in sorted(due - here, key=lambda cue: cue.start_ms):
                yield segment.line.url, f"the cue at {cue.start_ms} ms is missing, {cue.text[:30]!r}"
            for cue in sorted(here - near, key=lambda cue: cue.start_ms):
                yield segment.line.url, f"the cue at {cue.start_ms} ms is not shown in this segment, {cue.text[:30]!r}"
