"""Program inside the sandbox: a file whose times are broken -> the same packets on one timeline, in a new file.

`python -m transcode.probe.mend_child FILE DEMUXER OUT STREAM...`: the streams to keep. Nothing is decoded. The new file
is of the same container. Packets too damaged for it are left out; prints how many. Ends with 1 where nothing could be
written.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import av.logging

from core.media.upload_container import open_upload, read_packets
from transcode.probe import timeline
from transcode.probe.said_language import said_language
from transcode.probe.times_of import TimesOf

# Demuxer -> muxers to be tried, of which one takes the codecs.
MUXERS = {"mpegts": ("mpegts",), "matroska": ("matroska",), "mov": ("mp4", "mov")}
LEFT_OUT_SHARE = 10  # where more than a tenth of the packets is left out, something else is wrong
CLOCK = "mpegts"  # the demuxer of times from a clock that runs on


def mend(path: Path, demuxer: str, out: Path, kept: list[int]) -> int | None:
    """Write `out`; how many packets were left out, or None where none could be read.

    Raises av.FFmpegError, ValueError.
    """
    times = TimesOf()
    with open_upload(path, demuxer) as opened:
        for packet in _packets(opened, kept):
            times.add(packet)
    mended = timeline.mended(times.times, clock=demuxer == CLOCK)
    if mended is None:
        return None
    *first, last = MUXERS[demuxer]
    for muxer in first:
        with suppress(av.FFmpegError, ValueError):  # it does not take one of the codecs
            return _write(path, demuxer, out, muxer, kept, times.times, mended)
    return _write(path, demuxer, out, last, kept, times.times, mended)


def _packets(opened: Any, kept: list[int]) -> Any:
    """The packets of the kept streams in file order, to the end of what can be read."""
    try:
        for packet in read_packets(opened, [opened.streams[index] for index in kept]):
            if packet.size:
                yield packet
    except av.FFmpegError:
        return


def _write(
    path: Path,
    demuxer: str,
    out: Path,
    muxer: str,
    kept: list[int],
    times: timeline.Times,
    mended: timeline.Mended,
) -> int:
    left_out = 0
    last: dict[int, int] = {}  # stream -> its newest decoding time
    with open_upload(path, demuxer) as opened, av.open(str(out), "w", format=muxer) as written:
        copies = {index: _copied(written, opened.streams[index]) for index in kept}
        written.start_encoding()
        number = 0
        for number, packet in enumerate(_packets(opened, kept)):
            index, unit = packet.stream_index, packet.time_base * timeline.SECOND
            offset = mended.offsets[number]
            dts = round((times.dts[number] + offset) / unit)
            pts = round((times.pts[number] + offset) / unit)
            dts = max(dts, last.get(index, dts - 1) + 1)
            if timeline.is_stray(times, number):
                pts = dts
            packet.dts, packet.pts = dts, max(dts, pts)
            last[index] = dts
            packet.stream = copies[index]
            try:
                written.mux(packet)
            except (av.InvalidDataError, av.ArgumentError):
                left_out += 1
    if left_out * LEFT_OUT_SHARE > number:
        raise ValueError(f"{muxer} does not take {left_out} packets of {number + 1}")
    return left_out


def _copied(written: Any, stream: Any) -> Any:
    """A stream of the new file like this one; its language is a tag, which no template carries.

    Opaque: no encoder is looked for. There is none of the name of AV1's decoder, and none is needed.
    """
    copy = written.add_stream_from_template(stream, opaque=True)
    language = said_language(stream.language, stream.container.metadata.get("encoder", ""))
    if language:
        copy.metadata["language"] = language
    return copy


def main() -> None:
    path, demuxer, out, *streams = sys.argv[1:]
    av.logging.set_level(av.logging.PANIC)
    left_out = mend(Path(path), demuxer, Path(out), [int(stream) for stream in streams])
    if left_out is None:
        sys.exit(1)
    json.dump(left_out, sys.stdout)


if __name__ == "__main__":
    main()
