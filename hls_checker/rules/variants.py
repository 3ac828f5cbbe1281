"""Rules that compare the multivariant playlist with the variants and renditions it describes. Pure."""

import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

import langcodes

from hls_checker.facts import Title, Track
from hls_checker.listed import Entry
from hls_checker.rules.rule import Book, Broken

RULES = Book()
LARGE_HEIGHT = 432  # a source of more than so many lines is worth a second rung
SMALL_BPS = 730_000  # what any network carries: the third of Apple's rungs. A still picture of 1080 lines needs less
FRAME_RATE_MAY_DIFFER = Fraction(1, 100)
STARTUP_BPS = 2_000_000
_STABLE_ID = re.compile(r"[A-Za-z0-9+/=._-]+")


def _variants(title: Title) -> Iterator[tuple[Entry, Track]]:
    """(entry, track) of each variant whose playlist could be read."""
    for entry in title.multivariant.variants:
        track = title.tracks.get(entry.url or "")
        if track is not None:
            yield entry, track


def _line(title: Title, entry: Entry, what: str) -> tuple[str, str]:
    return title.multivariant.url, f"line {entry.line}: {what}"


def meant(text: str) -> set[str]:
    """Codec names in a comparable form: lower case, and AV1 without its optional fields."""
    names = (name.strip() for name in text.split(",") if name.strip())
    return {".".join(name.lower().split(".")[:4]) if name.startswith("av01") else name.lower() for name in names}


@RULES.must("9.1", "CODECS are those of the init segments")
def _(title: Title) -> Broken:
    for entry, track in _variants(title):
        if "CODECS" not in entry.attributes:
            yield _line(title, entry, "CODECS is missing")
            continue
        tracks = [track, *_sounds(title, entry)]
        codecs = [each.init.entry.codec for each in tracks if each.init is not None]
        if len(codecs) == len(tracks) and all(codecs) and meant(entry["CODECS"]) != meant(",".join(codecs)):
            named = ",".join(dict.fromkeys(codecs))
            yield _line(title, entry, f"CODECS is {entry['CODECS']!r}, the init segments say {named!r}")


def _sounds(title: Title, entry: Entry) -> list[Track]:
    """The audio tracks that can play with a variant."""
    group = title.multivariant.group("AUDIO", entry["AUDIO"]) if entry["AUDIO"] else ()
    return [track for each in group if (track := title.tracks.get(each.url or "")) is not None]


@RULES.must("9.2", "RESOLUTION is the size of the video")
def _(title: Title) -> Broken:
    for entry, track in _variants(title):
        if track.init is None or track.kind != "video":
            continue
        sizes = {
            f"{track.init.entry.width}x{track.init.entry.height}",
            f"{track.init.shown_width}x{track.init.shown_height}",
        }
        if "RESOLUTION" not in entry.attributes:
            yield _line(title, entry, "RESOLUTION is missing")
        elif entry["RESOLUTION"] not in sizes:
            yield _line(title, entry, f"RESOLUTION is {entry['RESOLUTION']}, the track's is {' or '.join(sizes)}")


@RULES.must("9.13", "BANDWIDTH stands on every variant and is more than nothing")
def _(title: Title) -> Broken:
    for entry in (*title.multivariant.variants, *title.multivariant.iframe_variants):
        if entry["BANDWIDTH"].strip("0") == "":
            yield _line(title, entry, "BANDWIDTH is missing or 0")


@RULES.must("9.14", "AVERAGE-BANDWIDTH stands on every variant and is not above BANDWIDTH")
def _(title: Title) -> Broken:
    for entry in title.multivariant.variants:
        if "AVERAGE-BANDWIDTH" not in entry.attributes:
            yield _line(title, entry, "AVERAGE-BANDWIDTH is missing")
        elif int(entry["AVERAGE-BANDWIDTH"]) > int(entry["BANDWIDTH"] or 0):
            yield _line(title, entry, "AVERAGE-BANDWIDTH is above BANDWIDTH")


@RULES.must("9.15", "FRAME-RATE is that of the video")
def _(title: Title) -> Broken:
    for entry, track in _variants(title):
        if track.kind != "video":
            continue
        if "FRAME-RATE" not in entry.attributes:
            yield _line(title, entry, "FRAME-RATE is missing")
        elif track.whole:
            samples = sum(segment.media.samples for segment in track.segments if segment.media)
            rate = samples / (track.duration_s or Fraction(1))
            if abs(Fraction(entry["FRAME-RATE"]) - rate) > FRAME_RATE_MAY_DIFFER:
                yield _line(title, entry, f"FRAME-RATE is {entry['FRAME-RATE']}, the media has {float(rate):.3f}")


@RULES.must("9.16", "VIDEO-RANGE matches the video, unless all of it is SDR")
def _(title: Title) -> Broken:
    pictures = [(entry, track.init.entry.video_range) for entry, track in _variants(title) if track.init]
    pictures = [each for each in pictures if title.tracks[each[0].url or ""].kind == "video"]
    all_sdr = all(actual == "SDR" for _, actual in pictures)
    for entry, actual in pictures:
        declared = entry["VIDEO-RANGE"]
        if not declared and not all_sdr:
            yield _line(title, entry, f"VIDEO-RANGE is missing, the pictures are {actual}")
        elif declared and declared != actual:
            yield _line(title, entry, f"VIDEO-RANGE is {declared}, the pictures are {actual}")


@RULES.should("9.9", "large video has more than one bit rate", when_ready=True)
def _(title: Title) -> Broken:
    heights = [track.init.entry.height for track in title.of_kind("video") if track.init]
    by_pathway = Counter(pathway for pathway, _ in {(entry["PATHWAY-ID"], entry.url) for entry, _ in _variants(title)})
    needed = max((int(entry["BANDWIDTH"] or 0) for entry, _ in _variants(title)), default=0)
    if max(by_pathway.values(), default=0) == 1 and max(heights, default=0) > LARGE_HEIGHT and needed > SMALL_BPS:
        yield title.multivariant.url, f"there is one variant, of {max(heights)} lines"


@RULES.must("2.3", "audio includes AAC of one or two channels")
def _(title: Title) -> Broken:
    sounds = [track.init.entry for track in title.of_kind("audio") if track.init]
    if sounds and not any(sound.codec.startswith("mp4a.40.") and sound.channels <= 2 for sound in sounds):
        audio = ", ".join(f"{sound.codec} of {sound.channels} channels" for sound in sounds)
        yield title.multivariant.url, f"there is only {audio}"


@RULES.must("8.10", "renditions say their language")
def _(title: Title) -> Broken:
    for entry in title.multivariant.renditions:
        if entry["TYPE"] == "VIDEO":
            continue
        if "LANGUAGE" not in entry.attributes:
            yield _line(title, entry, "LANGUAGE is missing")
        elif not langcodes.tag_is_valid(entry["LANGUAGE"]):
            yield _line(title, entry, f"LANGUAGE {entry['LANGUAGE']!r} is no language tag of BCP 47")


@RULES.must("rfc-4.4.6.1.1", "in a group names are unique, and one rendition at most is the default")
def _(title: Title) -> Broken:
    groups = dict.fromkeys((entry["TYPE"], entry["GROUP-ID"]) for entry in title.multivariant.renditions)
    for kind, name in groups:
        group = title.multivariant.group(kind, name)
        for spoken, times in Counter(entry["NAME"] for entry in group).items():
            if times > 1:
                yield _line(title, group[0], f"the {kind} group {name!r} has {times} renditions named {spoken!r}")
        defaults = [entry for entry in group if entry["DEFAULT"] == "YES"]
        if len(defaults) > 1:
            yield _line(title, defaults[1], f"the {kind} group {name!r} has {len(defaults)} defaults")
    for entry in title.multivariant.renditions:
        if entry["DEFAULT"] == "YES" and entry["AUTOSELECT"] == "NO":
            yield _line(title, entry, "DEFAULT is YES and AUTOSELECT is NO")
        if entry["TYPE"] == "SUBTITLES" and entry.url is None:
            yield _line(title, entry, "subtitles have no URI")


@RULES.must("rfc-4.4.6.2.1", "the groups that a variant names are there")
def _(title: Title) -> Broken:
    for entry in title.multivariant.variants:
        for kind in ("AUDIO", "VIDEO", "SUBTITLES"):
            if entry[kind] and not title.multivariant.group(kind, entry[kind]):
                yield _line(title, entry, f"there is no {kind} group {entry[kind]!r}")
    for entry in title.multivariant.renditions:
        if not any(variant[entry["TYPE"]] == entry["GROUP-ID"] for variant in title.multivariant.variants):
            yield _line(title, entry, f"no variant names the {entry['TYPE']} group {entry['GROUP-ID']!r}")
    if not title.multivariant.variants:
        yield title.multivariant.url, "there is no variant"


@RULES.should("closed-captions", "CLOSED-CAPTIONS=NONE is on every variant without embedded captions")
def _(title: Title) -> Broken:
    for entry in title.multivariant.variants:
        if "CLOSED-CAPTIONS" not in entry.attributes:
            yield _line(title, entry, "CLOSED-CAPTIONS is missing, a player looks for captions before it starts")


@RULES.should("stable-id", "variants have a STABLE-VARIANT-ID of their own")
def _(title: Title) -> Broken:
    seen: dict[tuple[str, str], Entry] = {}
    for entry in title.multivariant.variants:
        name = entry["STABLE-VARIANT-ID"]
        if not _STABLE_ID.fullmatch(name):
            yield _line(title, entry, f"STABLE-VARIANT-ID is {name!r}" if name else "STABLE-VARIANT-ID is missing")
            continue
        other = seen.setdefault((entry["PATHWAY-ID"], name), entry)
        if other.url != entry.url:
            yield _line(title, entry, f"STABLE-VARIANT-ID {name!r} is also that of line {other.line}")


@RULES.should("first-variant", "the first variant is the one nearest to 2 Mb/s", when_ready=True)
def _(title: Title) -> Broken:
    rates = [int(entry["AVERAGE-BANDWIDTH"] or entry["BANDWIDTH"] or 0) for entry in title.multivariant.variants]
    nearest = min(rates, key=lambda rate: abs(rate - STARTUP_BPS), default=0)
    if rates and abs(rates[0] - STARTUP_BPS) > abs(nearest - STARTUP_BPS):
        yield title.multivariant.url, f"the first variant has {rates[0]} b/s, another one {nearest} b/s"
