"""transcode.probe.sniff: the first bytes decide which demuxer may open an upload, and what is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Rejected
from transcode.probe.sniff import DEMUXERS, SNIFF_BYTES, container


def transport(packets: int, size: int, first: int) -> bytes:
    """MPEG-TS packets of `size` bytes with the sync byte at `first`."""
    return (bytes(first) + b"\x47" + bytes(size - first - 1)) * packets


def mp3(header: bytes, size: int) -> bytes:
    """Two frames of `size` bytes, as MPEG-1 and MPEG-2 audio of these bit rates has them."""
    return (header + bytes(size - 4)) * 2


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x00\x00\x00\x1cftypisom", "mp4"),
        (b"\x00\x00\x00\x14ftypqt  ", "mp4"),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "mp4"),
        (b"\x00\x00\x10\x00moov", "mp4"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01", "matroska"),
        (b"RIFF\x00\x10\x00\x00AVI LIST", "avi"),
        (b"RIFF\x00\x10\x00\x00WAVEfmt ", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"fLaC\x00\x00\x00\x22", "flac"),
        (b"OggS\x00\x02", "ogg"),
        (b"ID3\x04\x00\x00", "mp3"),
        (mp3(b"\xff\xfb\x90\x00", 417), "mp3"),
        (mp3(b"\xff\xfb\x92\x00", 418), "mp3"),
        (mp3(b"\xff\xf3\x44\xc4", 96), "mp3"),
        (mp3(b"\xff\xfd\x80\x00", 417), "mp3"),
        (transport(3, 188, 0), "mpegts"),
        (transport(22, 188, 0)[:SNIFF_BYTES], "mpegts"),
        (transport(22, 192, 4)[:SNIFF_BYTES], "mpegts"),
        (transport(21, 204, 0)[:SNIFF_BYTES], "mpegts"),
        # cut in the middle of a packet
        (transport(30, 188, 0)[1:][:SNIFF_BYTES], "mpegts"),
        (transport(30, 188, 0)[187:][:SNIFF_BYTES], "mpegts"),
        (transport(30, 192, 4)[100:][:SNIFF_BYTES], "mpegts"),
        (transport(30, 204, 0)[203:][:SNIFF_BYTES], "mpegts"),
    ],
)
def test_known_containers(head: bytes, name: str) -> None:
    assert container(head) == name
    assert name in DEMUXERS


@pytest.mark.parametrize(
    ("head", "code", "said"),
    [
        (b"", "not_media", "empty"),
        (b"\x00", "not_media", "not a video or audio file"),
        (b"<html><body>", "not_media", "a web page"),
        (b"\xef\xbb\xbf\r\n <!DOCTYPE HTML>", "not_media", "a web page"),
        (b"<!-- x --><html>", "not_media", "a web page"),
        (b'{"error": "expired"}', "not_media", "server's error message"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "not_media", "server's error message"),
        (b"\x1f\x8b\x08\x00", "not_media", "compressed with gzip"),
        (b"PK\x03\x04", "not_media", "a ZIP archive"),
        (b"7z\xbc\xaf\x27\x1c", "not_media", "an archive"),
        (b"%PDF-1.7", "not_media", "a PDF document"),
        (b"\x89PNG\r\n", "not_media", "a picture"),
        (b"#!/bin/sh\n", "not_media", "not a video or audio file"),
        (b"#EXTM3U\nhttp://169.254.169.254/", "unsupported_container", "HLS playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd", "unsupported_container", "concat script"),
        (b"FLV\x01\x05", "unsupported_container", "FLV"),
        (b"GIF89a", "unsupported_container", "GIF"),
        (b"RIFF\x00\x10\x00\x00WEBPVP8 ", "unsupported_container", "neither AVI nor WAV"),
        (mp3(b"\xff\xfb\x90\x00", 416), "not_media", "not a video or audio file"),
        (b"\xff\xfb\x90\x00" + bytes(500), "not_media", "not a video or audio file"),
        (b"\xff\xf1\x50\x80" * 400, "not_media", "not a video or audio file"),
        (b"\xff\xd8\xff\xe0" + bytes(500), "not_media", "a picture"),
        (b"\x00\x00\x01\xba\x44\x00", "unsupported_container", "program stream"),
        (b"\x00\x00\x01\xb3\x16\x00", "unsupported_container", "raw video"),
        (b"\x00\x00\x00\x01\x67\x64", "unsupported_container", "raw video"),
        (transport(2, 188, 0), "not_media", "not a video or audio file"),
        (transport(5, 188, 0)[9:], "not_media", "not a video or audio file"),
        (b"\x47" + bytes(SNIFF_BYTES - 1), "not_media", "not a video or audio file"),
    ],
)
def test_refused(head: bytes, code: str, said: str) -> None:
    with pytest.raises(Rejected, match=said) as refused:
        container(head)
    assert refused.value.code == code
    assert "MP4" in refused.value.hint


def test_one_wrong_sync_byte_is_no_transport_stream() -> None:
    head = bytearray(transport(21, 188, 0))
    head[188 * 20] = 0
    with pytest.raises(Rejected):
        container(bytes(head))


@given(st.binary(max_size=600))
def test_any_bytes_are_named_or_refused(head: bytes) -> None:
    try:
        assert container(head) in DEMUXERS
    except Rejected as refused:
        assert refused.code in ("not_media", "unsupported_container")
