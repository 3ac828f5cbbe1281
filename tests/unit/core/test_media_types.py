"""Media types of progressive files."""

from core.media.media_types import INIT_TYPE, M4A_TYPE, download_type


def test_downloads_by_name() -> None:
    assert [download_type(name) for name in ("high.mp4", "low.mp4", "audio.m4a")] == [INIT_TYPE, INIT_TYPE, M4A_TYPE]
