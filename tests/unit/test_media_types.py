"""Media types of objects: an init segment and a media segment are told apart by what is in them."""

import pytest

from core.media_types import INIT_TYPE, M4A_TYPE, SEGMENT_TYPE, cmaf_type, download_type


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"\x00\x00\x00\x1cftypiso6\x00\x00\x02\x00", INIT_TYPE),
        (b"\x00\x00\x00\x18stypmsdh\x00\x00\x00\x00", SEGMENT_TYPE),
        (b"\x00\x00\x00\x64moof\x00\x00\x00\x10mfhd", SEGMENT_TYPE),
        (b"\x00\x00\x00\x2csidx\x01\x00\x00\x00", SEGMENT_TYPE),
        (b"", SEGMENT_TYPE),
    ],
)
def test_the_first_box_decides(body: bytes, expected: str) -> None:
    assert cmaf_type(body) == expected


def test_downloads_by_name() -> None:
    assert [download_type(name) for name in ("high.mp4", "low.mp4", "audio.m4a")] == [INIT_TYPE, INIT_TYPE, M4A_TYPE]
