"""Rules about time: that all tracks cover the same of it, are cut together, and say how long they are. Pure."""

from fractions import Fraction
from itertools import accumulate, chain, pairwise

from hls_checker.facts import Title, Track
from hls_checker.rules.rule import Book, Broken

RULES = Book()
OVER_TARGET_S = Fraction(1, 2)
SOUND_MAY_DIFFER_S = Fraction(1, 10)
CLIP_S = 60
USUAL_S = 6
SCRAP_S = Fraction(1, 2)


@RULES.must("8.7", "every variant covers the same time range")
def _(title: Title) -> Broken:
    played = [track for track in title.of_kind("video", "audio") if track.whole]
    if not played:
        return
    first = next((track for track in played if track.kind == "video"), played[0])
    for track in played:
        may_s = max(first.frame_s, track.frame_s) + (SOUND_MAY_DIFFER_S if track.kind == "audio" else 0)
        name, at_s, other_s = title.name(first.url), track.start_s, first.start_s
        if abs(at_s - other_s) > may_s:
            yield track.url, f"it begins at {float(at_s):.3f} s, {name} at {float(other_s):.3f} s"
        at_s, other_s = at_s + track.duration_s, other_s + first.duration_s
        if not title.growing and abs(at_s - other_s) > may_s:
            yield track.url, f"it ends at {float(at_s):.3f} s, {name} at {float(other_s):.3f} s"


@RULES.must("8.2", "video and audio have the same target duration")
def _(title: Title) -> Broken:
    targets = {track.url: track.media.target_s for track in title.of_kind("video", "audio")}
    usual = max(targets.values(), default=0)
    for url, target_s in targets.items():
        if target_s != usual:
            yield url, f"the target duration is {target_s} s here and {usual} s elsewhere"


@RULES.must("7.7", "no segment is longer than the target duration and half a second")
def _(title: Title) -> Broken:
    for track in title.of_kind("video", "audio", "text"):
        for segment in track.segments:
            if segment.duration_s > track.media.target_s + OVER_TARGET_S:
                what = f"it plays for {float(segment.duration_s):.3f} s, the target duration is"
                yield segment.line.url, f"{what} {track.media.target_s} s"


@RULES.must("8.1", "the EXTINFs of any run of segments are within one frame of what the media says")
def _(title: Title) -> Broken:
    for track in title.of_kind("video", "audio"):
        if not track.whole:
            continue
        # Of any run a..b the error is drift[b] - drift[a]: the largest is that of the highest and the lowest.
        drift = list(chain([Fraction(0)], accumulate(s.line.duration_s - s.duration_s for s in track.segments)))
        off = max(drift) - min(drift)
        if off > track.frame_s:
            at = sorted((drift.index(max(drift)), drift.index(min(drift))))
            sums = f"the EXTINFs of segments {at[0] + 1} to {at[1]} are {float(off) * 1000:.1f} ms"
            yield track.url, f"{sums} off, a frame is {float(track.frame_s) * 1000:.1f} ms"


@RULES.must("7.3", "decode times go on from fragment to fragment and from segment to segment")
def _(title: Title) -> Broken:
    for track in title.of_kind("video", "audio"):
        played = [(segment.line, f) for segment in track.segments if segment.media for f in segment.media.fragments]
        for (before, one), (line, other) in pairwise(played):
            expected = one.decode_time + one.duration
            if other.decode_time != expected and not line.discontinuity and line.number - before.number <= 1:
                yield line.url, f"a fragment begins at tick {other.decode_time}, the one before ends at {expected}"
                break  # all that follow are wrong, too


@RULES.should("cuts", "all tracks are cut at the same times")
def _(title: Title) -> Broken:
    played = [track for track in title.of_kind("video", "audio") if track.whole]
    first = next((track for track in played if track.kind == "video"), None)
    if first is None:
        return
    cuts = _cuts_s(first)
    for track in played:
        may_s = track.frame_s if track.kind == "audio" else Fraction(1, 1000)
        own = _cuts_s(track)
        wrong = next((n for n, (a, b) in enumerate(zip(cuts, own, strict=False), 1) if abs(a - b) > may_s), None)
        if wrong is not None:
            what = f"segment {wrong} ends at {float(own[wrong - 1]):.3f} s, that of {title.name(first.url)} at"
            yield track.url, f"{what} {float(cuts[wrong - 1]):.3f} s"
        elif len(cuts) != len(own) and not title.growing:
            yield track.url, f"it has {len(own) + 1} segments, {title.name(first.url)} has {len(cuts) + 1}"


def _cuts_s(track: Track) -> list[Fraction]:
    """End times of all segments but the last, in seconds."""
    return list(accumulate(segment.duration_s for segment in track.segments))[:-1]


@RULES.should("target", "segments are six seconds long, or shorter in a clip of up to a minute", when_ready=True)
def _(title: Title) -> Broken:
    for track in title.of_kind("video", "audio"):
        lengths_s = [segment.duration_s for segment in track.segments]
        longest = max(lengths_s[:-1], default=None)
        # A clip has to change its quality before it is over.
        if longest is not None and longest < 4 and sum(lengths_s) > CLIP_S:
            yield track.url, f"its longest segment but the last has {float(longest):.3f} s"
        longest = max(lengths_s, default=Fraction(0))
        if longest > USUAL_S + OVER_TARGET_S:
            yield track.url, f"its longest segment has {float(longest):.3f} s: players wait for it, and change late"


@RULES.should("scrap", "the last segment has half a second or more, unless it is the only one")
def _(title: Title) -> Broken:
    for track in title.of_kind("video", "audio"):
        if len(track.segments) > 1 and not title.growing and track.segments[-1].duration_s < SCRAP_S:
            last = track.segments[-1]
            yield last.line.url, f"it has {float(last.duration_s):.3f} s: a request for next to nothing"
