"""Rules about the content of segments. Pure."""

from hls_checker.facts import Title
from hls_checker.rules.rule import Book, Broken

RULES = Book()


@RULES.must("7.4", "every video segment begins with an IDR picture")
def _(title: Title) -> Broken:
    for track in title.of_kind("video"):
        for segment in track.segments:
            if segment.media is None:
                continue
            if not segment.media.fragments[0].first_is_sync:
                yield segment.line.url, "its first sample is not marked as a sync sample"
            if segment.media.key_picture is False:
                yield segment.line.url, "its first picture is no IDR picture"


@RULES.should("edit-list", "init segments have no edit list, which players read in different ways")
def _(title: Title) -> Broken:
    for track in title.of_kind("video", "audio"):
        if track.init is not None and track.init.edited:
            yield track.url, "the init segment has an edit list"


@RULES.should("separate", "video and audio are in separate files")
def _(title: Title) -> Broken:
    sounds = {entry.url for entry in title.multivariant.renditions if entry["TYPE"] == "AUDIO"}
    for entry in title.multivariant.renditions:
        if entry["TYPE"] == "AUDIO" and entry.url is None:
            yield title.multivariant.url, f"line {entry.line}: this sound is in the file of its pictures"
    for track in title.of_kind("audio"):
        if track.role != "variant" and track.url not in sounds:
            yield track.url, "a track of sound is listed as something else"


@RULES.must("decode", "every picture and every sound decodes, in the size that the track says", decoding=True)
def _(title: Title) -> Broken:
    for track in title.of_kind("video", "audio"):
        decoded = track.decoded
        if decoded is None or track.init is None:
            continue
        for what in decoded.broken:
            yield track.url, what
        if track.kind != "video":
            continue
        samples = sum(segment.media.samples for segment in track.segments if segment.media)
        if decoded.frames != samples:
            yield track.url, f"{decoded.frames} frames of {samples} decode"
        entry = track.init.entry
        if others := [size for size in decoded.sizes if size != f"{entry.width}x{entry.height}"]:
            yield track.url, f"frames are {', '.join(others)}, the track says {entry.width}x{entry.height}"
