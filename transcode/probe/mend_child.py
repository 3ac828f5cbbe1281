"""Program inside the sandbox: a file whose times are broken -> the same packets on one timeline, in a new file.

`python -m transcode.probe.mend_child FILE DEMUXER OUT STREAM...`: the streams to keep. Nothing is decoded. The new file
is of the same container. Prints nothing; ends with 1 where nothing could be written.
"""

import sys
from pathlib import Path
from typing import Any

import av
import av.logging

from core.media.upload_container import open_upload
from transcode.probe import timeline
from transcode.probe.times_of import TimesOf

# Demuxer -> muxers to be tried, of which one takes the codecs.
MUXERS = {"mpegts": ("mpegts",), "matroska": ("matroska",), "mov": ("mp4", "mov")}
CLOCK = "mpegts"  # the demuxer of times from a clock that runs on


def mend(path: Path, demuxer: str, out: Path, kept: list[int]) -> bool:
    """Write `out`; False where no packet could be read. Raises av.FFmpegError."""
    times = TimesOf()
    with open_upload(path, demuxer) as opened:
        for packet in _packets(opened, kept):
            times.add(packet)
    mended = timeline.mended(times.times, clock=demuxer == CLOCK)
    if mended is None:
        return False
    *first, last = MUXERS[demuxer]
    for muxer in first:
        try:
            _write(path, demuxer, out, muxer, kept, times.times, mended)
        except (av.FFmpegError, ValueError):
            continue  # it does not take one of the codecs
        return True
    _write(path, demuxer, out, last, kept, times.times, mended)
    return True


def _packets(opened: Any, kept: list[int]) -> Any:
    """The packets of the kept streams in file order, to the end of what can be read."""
    try:
        for packet in opened.demux([opened.streams[index] for index in kept]):
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
) -> None:
    last: dict[int, int] = {}  # stream -> its newest decoding time
    with open_upload(path, demuxer) as opened, av.open(str(out), "w", format=muxer) as written:
        copies = {index: _copied(written, opened.streams[index]) for index in kept}
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
            written.mux(packet)


def _copied(written: Any, stream: Any) -> Any:
    """A stream of the new file like this one; its language is a tag, which no template carries.

    Opaque: no encoder is looked for. There is none of the name of AV1's decoder, and none is needed.
    """
    copy = written.add_stream_from_template(stream, opaque=True)
    if stream.language:
        copy.metadata["language"] = stream.language
    return copy


def main() -> None:
    path, demuxer, out, *streams = sys.argv[1:]
    av.logging.set_level(av.logging.PANIC)
    sys.exit(0 if mend(Path(path), demuxer, Path(out), [int(stream) for stream in streams]) else 1)


if __name__ == "__main__":
    main()
