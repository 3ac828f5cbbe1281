"""transcode.probe.mend_child: packets of any codec are written to a copy with times in order, without being decoded."""

from pathlib import Path

import av
import pytest

from tests.frames import ffmpeg
from transcode.probe.mend_child import mend

SIZE = "64x48"
CODECS = {
    "av1": ("-c:v", "libsvtav1", "-preset", "12"),
    "vp9": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "h264": ("-c:v", "libx264", "-preset", "ultrafast"),
    "msmpeg4v3": ("-c:v", "msmpeg4"),
    "prores": ("-c:v", "prores_ks"),
}


def recorded_twice(codec: str, container: str, folder: Path) -> Path:
    """Half a second of pictures and sound, written twice from zero as a recorder that restarts leaves them."""
    one, two = folder / "one", folder / "two"
    layout = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof") if container == "mp4" else ("-live", "1")
    ffmpeg(
        *("-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate=20:duration=1"),
        *("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "libopus", *CODECS[codec], "-g", "10"),
        *(*layout, "-f", container, str(one)),
    )
    body = one.read_bytes()
    first = body.index(b"moof") - 4 if container == "mp4" else body.index(b"\x1f\x43\xb6\x75")
    two.write_bytes(body + body[first:])
    return two


@pytest.mark.parametrize(
    ("codec", "container"), [*((codec, "matroska") for codec in CODECS), ("av1", "mp4"), ("vp9", "mp4")]
)
def test_every_codec(codec: str, container: str, tmp_path: Path) -> None:
    file, copy = recorded_twice(codec, container, tmp_path), tmp_path / "copy"
    demuxer = {"mp4": "mov"}.get(container, container)
    before = packets(file)
    assert mend(file, demuxer, copy, [0, 1]) == 0
    after = packets(copy)
    for index in (0, 1):
        sizes = [size for number, _, size in after if number == index]
        assert sizes == [size for number, _, size in before if number == index]
        times = [dts for number, dts, _ in after if number == index]
        assert len(times) > 10
        assert times == sorted(set(times)), "each later than the one before"
    with av.open(str(copy)) as opened:
        assert opened.streams.video[0].codec_context.codec.canonical_name == codec
        assert len(list(opened.decode(opened.streams.video[0]))) >= len([1 for number, _, _ in after if number == 0])


def packets(file: Path) -> list[tuple[int, int | None, int]]:
    """(stream, decoding time, bytes) of each packet."""
    with av.open(str(file)) as opened:
        return [(packet.stream_index, packet.dts, packet.size) for packet in opened.demux() if packet.size]


def with_damage(count: int, folder: Path) -> tuple[Path, int]:
    """AV1 in Matroska, recorded twice, with so many pictures of each time that no muxer takes; and its pictures."""
    file = recorded_twice("av1", "matroska", folder)
    with av.open(str(file)) as opened:
        pictures = [bytes(packet) for packet in opened.demux(opened.streams.video[0]) if packet.size]
    body = file.read_bytes()
    for picture in [picture for picture in pictures if len(picture) > 12][1 : 1 + count]:
        body = body.replace(picture, b"\xff" * 12 + picture[12:])
    file.write_bytes(body)
    return file, len(pictures)


def test_a_packet_that_no_file_can_hold_is_left_out(tmp_path: Path) -> None:
    """Two damaged packets of forty cost those packets, and not the title."""
    file, pictures = with_damage(1, tmp_path)
    copy = tmp_path / "copy"
    assert mend(file, "matroska", copy, [0, 1]) == 2
    assert len([1 for number, _, _ in packets(copy) if number == 0]) == pictures - 2


def test_more_than_a_few_are_not_left_out(tmp_path: Path) -> None:
    file, _ = with_damage(10, tmp_path)
    with pytest.raises(ValueError, match="matroska does not take"):
        mend(file, "matroska", tmp_path / "copy", [0, 1])
