"""Program inside the sandbox: an upload -> the text subtitles in it. `python -m subtitles.embedded.read_child`.

Stdin: {file, demuxer, origin_s, video, programme}: the index of the title's video stream or null, and of all streams
that belong to it (empty: all do). Prints one JSON object: {"tracks": [{index, codec, language, title, hearing_impaired,
forced, events: [[start_ms, end_ms or null, dialogue]]}], "pictures": [[codec, language]]}: bitmap subtitles are only
named; "left_out" counts tracks beyond the first MOST_TRACKS. Where the upload has no subtitle track and its first video
packets carry no captions, the rest is not read.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import av

from core.media.upload_container import open_upload, read_packets
from subtitles.embedded import closed_captions
from subtitles.embedded.ass_events import MOST_TRACKS
from subtitles.embedded.closed_captions import Screen

CAPTIONS = "eia_608"
TEXT_CODECS = frozenset(("ass", "ssa", "subrip", "text", "mov_text", "webvtt", CAPTIONS))
LOOK_PACKETS = 300  # of video: captions are sent with each frame, or every few
MOST_EVENTS, MOST_CHARACTERS = 20_000, 4_000_000


def embedded(
    path: str, demuxer: str, origin_s: Fraction, video_index: int | None = None, programme: Sequence[int] = ()
) -> dict[str, Any]:
    """The answer of the program, as its module describes it. Of a damaged file, what can be read."""
    with open_upload(path, demuxer) as opened:
        own = [s for s in opened.streams.subtitles if not programme or s.index in programme]
        texts, pictures = _by_kind(own[:MOST_TRACKS])
        video = next(
            (s for s in opened.streams.video if s.index == video_index and _codec(s) in closed_captions.CODECS), None
        )
        content = _Content({stream.index for stream in texts})
        try:
            for packet in _packets(opened, texts, video):
                if packet.pts is not None and packet.time_base is not None:
                    content.add(packet, round((packet.pts * packet.time_base - origin_s) * 1000))
        except av.FFmpegError:
            pass  # the end of what can be read
        tracks = [_facts(stream) for stream in texts]
        if video is not None and video.index in content.captions:
            tracks.append({**_facts(video), "codec": CAPTIONS, "language": "", "hearing_impaired": True})
        return {
            "tracks": [{**track, "events": content.of(track["index"])} for track in tracks],
            "pictures": pictures,
            "left_out": max(0, len(own) - MOST_TRACKS),
        }


class _Content:
    """Subtitle events and caption bytes read so far, by the index of their stream."""

    def __init__(self, texts: set[int]) -> None:
        self.events: dict[int, list[list[Any]]] = {index: [] for index in texts}
        self.captions: dict[int, list[tuple[int, bytes]]] = {}
        self._room = MOST_CHARACTERS

    def add(self, packet: Any, at_ms: int) -> None:
        """Gather what a packet holds, up to MOST_CHARACTERS for all streams and MOST_EVENTS for one."""
        if pairs := _captions(packet):
            self._room -= len(pairs)
            if self._room > 0:
                self.captions.setdefault(packet.stream_index, []).append((at_ms, pairs))
        elif (events := self.events.get(packet.stream_index)) is not None:
            for event in _events(packet, at_ms):
                self._room -= len(event[2])
                if self._room > 0 and len(events) < MOST_EVENTS:
                    events.append(event)

    def of(self, index: int) -> list[list[Any]]:
        """All [start_ms, end_ms or None, dialogue] of one stream."""
        captions = self.captions.get(index)
        # In the order they are shown; pairs of one moment stay as they came.
        shown = sorted(captions or (), key=lambda one: one[0])
        return _decoded(shown) if shown else self.events.get(index, [])


def _captions(packet: Any) -> bytes:
    """Byte pairs of CEA-608: from a video packet, or from a caption track."""
    codec = _codec(packet.stream)
    if codec == CAPTIONS:
        return bytes(packet)
    return closed_captions.pairs(bytes(packet), codec) if codec in closed_captions.CODECS else b""


def _by_kind(streams: list[Any]) -> tuple[list[Any], list[list[str]]]:
    """The subtitle streams: (those of text, [codec, language] of those that are pictures)."""
    texts, others = [], []
    for stream in streams:
        if _codec(stream) in TEXT_CODECS:
            texts.append(stream)
        else:
            others.append([_codec(stream), stream.language or ""])
    return texts, others


def _packets(opened: Any, texts: list[Any], video: Any) -> Iterator[Any]:
    streams = [*texts, *([video] if video is not None else [])]
    video_packets, captioned = 0, False
    for packet in read_packets(opened, streams):
        if video is not None and packet.stream_index == video.index:
            video_packets += 1
            captioned = captioned or closed_captions.has_captions(bytes(packet))
            if not captioned:
                if video_packets >= LOOK_PACKETS and not texts:
                    return
                continue
            yield packet
        else:
            yield packet


def _events(packet: Any, at_ms: int) -> Iterator[list[Any]]:
    try:
        decoded = packet.decode()
    except av.FFmpegError:
        return
    duration_ms = round((packet.duration or 0) * packet.time_base * 1000)
    for subtitle in decoded:
        dialogue = getattr(subtitle, "ass", None)
        if dialogue:
            yield [at_ms, at_ms + duration_ms if duration_ms > 0 else None, dialogue.decode(errors="replace")]


def _decoded(captions: list[tuple[int, bytes]]) -> list[list[Any]]:
    """Events of caption bytes. The decoder runs twice: once for when screens appear, once for when they vanish."""
    last_ms = captions[-1][0]
    packets = [*captions, (last_ms + closed_captions.LAST_MS, closed_captions.ERASE * 2)]
    begun, ended = _screens(packets, real_time=True), _screens(packets, real_time=False)
    return [[e.start_ms, e.end_ms, e.dialogue] for e in closed_captions.events(begun, ended, captions[0][0])]


def _screens(packets: list[tuple[int, bytes]], *, real_time: bool) -> list[Screen]:
    decoder: Any = av.CodecContext.create("cc_dec", "r")
    decoder.options = {"real_time": str(int(real_time)), "real_time_latency_msec": "0"}
    screens = []
    for at_ms, pairs in packets:
        packet = av.Packet(pairs)
        packet.pts = packet.dts = at_ms
        packet.time_base = Fraction(1, 1000)
        try:
            shown = decoder.decode2(packet)
        except av.FFmpegError:
            continue
        # Our own time: the decoder does not know the clock of these packets.
        screens += [Screen(at_ms=at_ms, dialogue=one.ass.decode(errors="replace")) for one in shown or ()]
    return screens


def _facts(stream: Any) -> dict[str, Any]:
    marks = stream.disposition
    return {
        "index": stream.index,
        "codec": _codec(stream),
        "language": stream.language or "",
        "title": stream.metadata.get("title", "")[:200],
        "hearing_impaired": bool(marks & av.stream.Disposition.hearing_impaired),
        "forced": bool(marks & av.stream.Disposition.forced),
    }


def _codec(stream: Any) -> str:
    name: str = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    return name


def main() -> None:
    request = json.load(sys.stdin)
    try:
        answer = embedded(
            request["file"],
            request["demuxer"],
            Fraction(request["origin_s"]),
            request["video"],
            request["programme"],
        )
    except av.FFmpegError:
        answer = {"tracks": [], "pictures": [], "left_out": 0}
    sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
