"""core.media.mp4_boxes: all forms of a size (ISO/IEC 14496-12, 4.2), in bytes and in files; what does not fit is
BoxFault."""

import io
import struct
from collections.abc import Callable
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.media.mp4_boxes import Box, BoxCutOff, BoxFault, box_at, boxes, find, find_all

Source = Callable[[bytes], bytes | BinaryIO]
SOURCES = pytest.mark.parametrize("source", [bytes, io.BytesIO], ids=["bytes", "file"])


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def large(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content


@SOURCES
def test_boxes_follow_each_other(source: Source) -> None:
    body = box(b"ftyp", b"isom") + large(b"free", b"12345") + box(b"mdat")
    assert list(boxes(source(body), 0, len(body))) == [
        Box(kind=b"ftyp", start=0, body=8, end=12),
        Box(kind=b"free", start=12, body=28, end=33),
        Box(kind=b"mdat", start=33, body=41, end=41),
    ]


@SOURCES
def test_a_size_of_zero_goes_on_to_the_end(source: Source) -> None:
    body = box(b"ftyp") + struct.pack(">I4s", 0, b"mdat") + b"media"
    last = Box(kind=b"mdat", start=8, body=16, end=21, to_end=True)
    assert list(boxes(source(body), 0, len(body), top_level=True))[-1] == last
    assert list(boxes(source(body), 0, len(body), clip=True))[-1] == last
    with pytest.raises(BoxFault, match="b'mdat' at 8 says 0 bytes"):
        list(boxes(source(body), 0, len(body)))


@SOURCES
def test_fewer_than_eight_bytes_at_the_end_are_no_box(source: Source) -> None:
    body = box(b"udta", box(b"name") + bytes(4))
    assert [inner.kind for inner in boxes(source(body), 8, len(body))] == [b"name"]


@SOURCES
def test_boxes_are_found_by_their_path(source: Source) -> None:
    tracks = [box(b"trak", box(b"edts") + box(b"mdia", box(b"mdhd", bytes([number])))) for number in range(3)]
    body = box(b"ftyp") + box(b"moov", box(b"mvhd") + b"".join(tracks)) + box(b"mdat")
    headers = list(find_all(source(body), 0, len(body), b"moov", b"trak", b"mdia", b"mdhd"))
    assert [body[header.body : header.end] for header in headers] == [b"\0", b"\1", b"\2"]
    assert find(source(body), 0, len(body), b"moov", b"trak", b"mdia", b"mdhd") == headers[0]
    with pytest.raises(BoxFault, match="no box moov/trak/minf"):
        find(source(body), 0, len(body), b"moov", b"trak", b"minf")


@SOURCES
@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (struct.pack(">I4s", 7, b"free") + b"1234567", BoxFault),
        (struct.pack(">I4sQ", 1, b"free", 15), BoxFault),
        (struct.pack(">I4s", 9, b"free"), BoxCutOff),
        (struct.pack(">I4sQ", 1, b"free", 17), BoxCutOff),
        (struct.pack(">I4s", 1, b"free") + b"1234567", BoxCutOff),
        (b"\0\0\0\x08fre", BoxCutOff),
    ],
    ids=["small", "small large", "long", "long large", "large header", "header"],
)
def test_what_does_not_fit_is_refused(source: Source, body: bytes, fault: type[BoxFault]) -> None:
    with pytest.raises(fault) as caught:
        box_at(source(body), 0, len(body))
    assert type(caught.value) is fault


@SOURCES
def test_what_lies_in_a_box_may_not_go_on_beyond_it(source: Source) -> None:
    body = box(b"moov", struct.pack(">I4s", 16, b"trak")) + box(b"mdat", bytes(20))
    with pytest.raises(BoxCutOff, match=r"b'trak' at 8 says 16 bytes, there are 8"):
        list(boxes(source(body), 8, 16))
    assert [inner.end for inner in boxes(source(body), 8, 16, clip=True)] == [16]


@given(st.binary(max_size=60))
def test_whatever_comes_only_box_faults(body: bytes) -> None:
    try:
        read = list(boxes(body, 0, len(body)))
    except BoxFault:
        return
    assert [one.end for one in read[:-1]] == [one.start for one in read[1:]]
    assert all(one.start < one.body <= one.end <= len(body) for one in read)
