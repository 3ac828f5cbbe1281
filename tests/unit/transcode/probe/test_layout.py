"""transcode.probe.layout: programmes and crops in what libav says of a file, and what its tags cannot forge."""

import subprocess
from pathlib import Path

import pytest

from core.media.upload_container import open_upload
from tests.media import FFMPEG
from transcode.probe.layout import Layout, parse, read
from transcode.probe.source import NO_CROP, Crop

TWO_PROGRAMMES = """\
Input #0, mpegts, from '':
  Duration: 00:00:04.02, start: 1.400000, bitrate: 2698 kb/s
  Program 1
    Metadata:
      service_name    : one
  Stream #0:0[0x100]: Video: h264, yuv420p, 320x180
  Stream #0:1[0x101]: Audio: aac (LC), 44100 Hz, mono
  Program 2
    Metadata:
      service_name    : Program 7
                      :   Program 8
                      :   Stream #0:0
  Stream #0:2[0x102]: Video: h264, yuv420p, 640x360
  Stream #0:1[0x101]: Audio: aac (LC), 44100 Hz, mono
  No Program
  Stream #0:3[0x103]: Audio: aac (LC), 44100 Hz, mono
"""


def test_streams_of_programmes() -> None:
    found = parse(TWO_PROGRAMMES)
    assert found.programmes == ({0, 1}, {1, 2})
    assert found.beside(2) == {1, 2}
    assert found.beside(1) == {0, 1, 2}, "shared by both"
    assert found.beside(3) is None


def test_a_crop_is_of_the_stream_above_it() -> None:
    found = parse(
        "  Stream #0:0[0x1](und): Audio: aac\n"
        "  Stream #0:1[0x2](und): Video: h264, 640x360\n"
        "    Metadata:\n"
        "      Frame Cropping  : 9/9/9/9\n"
        "    Side data:\n"
        "      Frame Cropping: 2/4/60/62\n"
    )
    assert found == Layout(programmes=(), crops={1: Crop(left=2, right=4, top=60, bottom=62)})
    assert found.crop(0) == NO_CROP


def test_a_real_file_with_two_programmes(tmp_path: Path) -> None:
    path = tmp_path / "two.ts"
    inputs = [word for hz in (300, 900) for word in ("-f", "lavfi", "-i", f"sine={hz}:duration=1")]
    programmes = ["-program", "program_num=1:st=0", "-program", "program_num=2:st=1"]
    maps = ["-map", "0", "-map", "1", "-c:a", "mp2"]
    subprocess.run([FFMPEG, "-v", "error", *inputs, *maps, *programmes, str(path)], check=True, timeout=60)
    with open_upload(path, "mpegts") as opened:
        assert read(opened).programmes == ({0}, {1})


@pytest.mark.parametrize(
    ("crop", "overscan"),
    [
        (Crop(left=12, right=12, top=9, bottom=9), True),  # a camera's clean aperture of 1440x1080
        (Crop(top=60, bottom=60), False),
        (Crop(left=12, right=12), False),
        (Crop(bottom=8), False),  # padding to whole macroblocks
        (Crop(left=200, right=200, top=150, bottom=150), False),
        (Crop(left=720, right=720, top=540, bottom=540), False),
        (NO_CROP, False),
    ],
)
def test_a_margin_of_a_camera(crop: Crop, overscan: bool) -> None:
    assert crop.is_overscan(1440, 1080) is overscan
