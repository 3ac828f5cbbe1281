"""core.media.upload_container: the packets of a file, whatever begins in it later."""

from pathlib import Path

from core.media.upload_container import open_upload, read_packets
from tests.frames import ffmpeg

AGAIN = 8  # what is behind the end of a list in memory differs from time to time


def recording(path: Path, pid: int, sounds: int, seconds: int) -> bytes:
    """Some seconds of MPEG-TS with pictures and so many sounds, on PIDs from `pid` on."""
    ffmpeg(
        *("-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=64x48:rate=4:duration={seconds}"),
        *("-f", "lavfi", "-i", f"sine=duration={seconds}", "-map", "0", *("-map", "1") * sounds, "-c:v", "mpeg2video"),
        *("-c:a", "mp2", "-b:a", "48k", "-mpegts_start_pid", f"{pid}", "-f", "mpegts", str(path)),
    )
    return path.read_bytes()


def test_streams_that_begin_later_are_left_out(tmp_path: Path) -> None:
    """A recording within another, with streams of its own."""
    file = tmp_path / "both.ts"
    # When it is opened the first 90 s are read, and the end.
    first = recording(tmp_path / "first.ts", 0x100, 1, 100)
    file.write_bytes(first + recording(tmp_path / "second.ts", 0x200, 20, 1) + first)
    (tmp_path / "first.ts").write_bytes(first * 2)
    with open_upload(tmp_path / "first.ts", "mpegts") as opened:
        alone = [(packet.stream_index, packet.size) for packet in read_packets(opened, list(opened.streams))]
    assert {index for index, _ in alone} == {0, 1}
    for _ in range(AGAIN):
        with open_upload(file, "mpegts") as opened:
            assert len(opened.streams) == 2
            found = [(packet.stream_index, packet.size) for packet in read_packets(opened, list(opened.streams))]
        assert sorted(found) == sorted(alone)


def test_no_streams_no_packets(tmp_path: Path) -> None:
    recording(tmp_path / "one.ts", 0x100, 1, 1)
    with open_upload(tmp_path / "one.ts", "mpegts") as opened:
        assert list(read_packets(opened, [])) == []
