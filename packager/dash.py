"""Renders the DASH manifest (MPD), over the same CMAF segments as the HLS playlists. Pure.

In: renditions, subtitles and pathways. Out: a static MPD of profile isoff-live with exact timelines. Elements stand in
the order of the schema (ISO/IEC 23009-1); content steering is that of ETSI TS 103 998. The CMAF profile is not claimed:
an upload's own track may be among the renditions.
"""

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring
from zlib import crc32

from core.media.encoded import Rendition, RenditionKind, Segment, Subtitles
from packager.names import INIT_NAME, WHOLE_NAME, Pathway, unique

NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
PROFILE = "urn:mpeg:dash:profile:isoff-live:2011"
ROLE = "urn:mpeg:dash:role:2011"
CHANNELS = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
SINGLE_PATHWAY = (Pathway(),)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def mpd(
    renditions: Sequence[Rendition],
    pathways: Sequence[Pathway] = SINGLE_PATHWAY,
    *,
    subtitles: Sequence[Subtitles] = (),
    steering_uri: str | None = None,
) -> str:
    """The MPD of these renditions. Pathways become BaseURLs; players start with the first.

    DASH has one query for all pathways: only those with the first one's query are listed.
    """
    query = pathways[0].query
    video = [r for r in renditions if r.kind is RenditionKind.VIDEO]
    audio = [r for r in renditions if r.kind is RenditionKind.AUDIO]
    root = Element("MPD", {"xmlns": NAMESPACE, "profiles": PROFILE, "type": "static"})
    # Of the video where there is any: the last audio frame may end a little later.
    root.set("mediaPresentationDuration", _duration(max(r.duration_s for r in video or audio)))
    # The longest segment: enough at @bandwidth, which is a peak over whole segments.
    root.set("minBufferTime", _duration(max(Fraction(s.duration, r.timescale) for r in renditions for s in r.segments)))
    listed = [pathway for pathway in pathways if pathway.query == query and (pathway.prefix or pathway.id)]
    for pathway in listed:
        base = SubElement(root, "BaseURL", {"serviceLocation": pathway.id} if pathway.id else {})
        base.text = pathway.prefix or "./"
    if steering_uri is not None:
        first = {"defaultServiceLocation": pathways[0].id} if pathways[0].id else {}
        SubElement(root, "ContentSteering", {**first, "queryBeforeStart": "false"}).text = steering_uri
    period = SubElement(root, "Period", {"id": "0", "start": "PT0S"})
    # Players switch renditions within a set, and cannot switch between codecs.
    ids = _SetIds()
    for family, group in groupby(sorted(video, key=_codec_family), key=_codec_family):
        _video_set(period, ids.of(family), list(group), query)
    for number, rendition in enumerate(audio):
        _audio_set(period, ids.of(rendition.id), rendition, query, main=number == 0)
    whole = sorted((track for track in subtitles if track.whole is not None), key=lambda track: track.forced)
    for track, name in zip(whole, unique(track.name for track in whole), strict=True):
        _text_set(period, ids.of(track.id), track, name, query)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


class _SetIds:
    """The ids of the sets of one manifest: of 31 bits, as some players read an xs:unsignedInt as signed.

    Derived from the name of what is in the set, so that a codec family, an audio rendition and a track have the same
    one in every revision.
    """

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def of(self, name: str) -> str:
        number = crc32(name.encode()) >> 1
        while number in self._taken:  # for two of a hundred tracks, in 1 of 400,000 titles
            number += 1
        self._taken.add(number)
        return str(number)


def _codec_family(rendition: Rendition) -> str:
    return rendition.codec.partition(".")[0]


def _video_set(period: Element, set_id: str, renditions: list[Rendition], query: str) -> None:
    set_attributes = {
        "id": set_id,
        "contentType": "video",
        "mimeType": "video/mp4",
        "segmentAlignment": "true",
        "startWithSAP": "1",
        "maxWidth": str(max(r.width or 0 for r in renditions)),
        "maxHeight": str(max(r.height or 0 for r in renditions)),
    }
    adaptation_set = SubElement(period, "AdaptationSet", set_attributes)
    SubElement(adaptation_set, "Role", {"schemeIdUri": ROLE, "value": "main"})
    shared = len({_times(rendition) for rendition in renditions}) == 1
    if shared:
        _template(adaptation_set, renditions[0], query)
    for rendition in renditions:
        attributes = {
            "id": rendition.id,
            "codecs": rendition.codec,
            "bandwidth": str(rendition.bandwidth_bps),
            "width": str(rendition.width),
            "height": str(rendition.height),
            "frameRate": str(rendition.frame_rate or 0),
            "sar": "1:1",
        }
        representation = SubElement(adaptation_set, "Representation", attributes)
        if not shared:
            _template(representation, rendition, query)


def _times(rendition: Rendition) -> tuple[int, tuple[int, ...]]:
    return rendition.timescale, tuple(segment.duration for segment in rendition.segments)


def _audio_set(period: Element, set_id: str, rendition: Rendition, query: str, *, main: bool) -> None:
    """Add an AdaptationSet for one audio rendition: audio renditions differ in language, not in bit rate."""
    set_attributes = {
        "id": set_id,
        "contentType": "audio",
        "mimeType": "audio/mp4",
        "lang": _lang(rendition.language),
        "segmentAlignment": "true",
        "startWithSAP": "1",
    }
    adaptation_set = SubElement(period, "AdaptationSet", set_attributes)
    SubElement(
        adaptation_set, "AudioChannelConfiguration", {"schemeIdUri": CHANNELS, "value": str(rendition.channels or 2)}
    )
    SubElement(adaptation_set, "Role", {"schemeIdUri": ROLE, "value": "main" if main else "alternate"})
    _template(adaptation_set, rendition, query)
    attributes = {"id": rendition.id, "codecs": rendition.codec, "bandwidth": str(rendition.bandwidth_bps)}
    if rendition.codec == "mp4a.40.2":  # HE-AAC may play at twice its track's rate
        attributes["audioSamplingRate"] = str(rendition.timescale)
    SubElement(adaptation_set, "Representation", attributes)


def _text_set(period: Element, set_id: str, track: Subtitles, name: str, query: str) -> None:
    """Add an AdaptationSet for a subtitle track, as one WebVTT file."""
    set_attributes = {
        "id": set_id,
        "contentType": "text",
        "mimeType": "text/vtt",
        "lang": _lang(track.language),
    }
    adaptation_set = SubElement(period, "AdaptationSet", set_attributes)
    SubElement(adaptation_set, "Label").text = _NOT_XML.sub("", name)
    role = "forced-subtitle" if track.forced else "caption" if track.captions else "subtitle"
    SubElement(adaptation_set, "Role", {"schemeIdUri": ROLE, "value": role})
    attributes = {"id": track.id, "bandwidth": str(max(1, track.bandwidth_bps))}
    SubElement(SubElement(adaptation_set, "Representation", attributes), "BaseURL").text = Pathway(query=query).uri(
        f"{track.id}/{WHOLE_NAME}"
    )


def _lang(language: str | None) -> str:
    """The language tag (RFC 5646), or "und" where it is missing or malformed."""
    return language if language and re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", language) else "und"


def _template(parent: Element, rendition: Rendition, query: str) -> None:
    pathway = Pathway(prefix="$RepresentationID$/", query=query.replace("$", "$$"))
    attributes = {
        "timescale": str(rendition.timescale),
        "initialization": pathway.uri(INIT_NAME),
        "media": pathway.uri("$Number%05d$.m4s"),
        "startNumber": "0",
    }
    timeline = SubElement(SubElement(parent, "SegmentTemplate", attributes), "SegmentTimeline")
    for number, (duration, count) in enumerate(_runs(rendition.segments)):
        entry = SubElement(timeline, "S", {"t": "0"} if number == 0 else {})
        entry.set("d", str(duration))
        if count > 1:
            entry.set("r", str(count - 1))


def _runs(segments: Iterable[Segment]) -> Iterable[tuple[int, int]]:
    """(duration in ticks, count) of each run of equal durations."""
    for duration, group in groupby(segment.duration for segment in segments):
        yield duration, sum(1 for _ in group)


def _duration(seconds: Fraction) -> str:
    """Seconds as an xs:duration, to the microsecond."""
    micros = round(seconds * 1_000_000)
    return f"PT{micros // 1_000_000}.{micros % 1_000_000:06d}".rstrip("0").rstrip(".") + "S"
