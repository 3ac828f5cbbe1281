"""An owner's picture by its own bytes: what is refused, which way is up, which colours it has."""

import struct
import zlib

import numpy as np
import pytest

from core.errors import Rejected
from tests.pictures import PIXELS, image
from thumbnails.uploaded import icc_profile, image_header
from thumbnails.uploaded.image_decode import decoded
from thumbnails.uploaded.image_header import Orientation, exif_orientation, header


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "avif"])
def test_the_four_kinds(kind: str) -> None:
    found = header(image(kind))
    assert (found.kind, found.width, found.height) == (kind, 640, 360)


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "avif"])
@pytest.mark.parametrize("left", [0.02, 0.5, 0.9, 0.99])
def test_a_truncated_picture_never_passes_both_looks(kind: str, left: float) -> None:
    body = image(kind)
    cut = body[: int(len(body) * left)]
    with pytest.raises(Rejected) as caught:
        decoded(cut, header(cut), 1920)
    assert caught.value.code == "picture_refused"
    assert caught.value.hint


def png(width: int, height: int, *extra: tuple[bytes, bytes]) -> bytes:
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), *extra]
    chunks += [(b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return image_header.PNG + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JPEG"),
        (b"GIF89a" + bytes(50), "no JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no JPEG"),
        (b"II*\0" + bytes(50), "no JPEG"),
        (b"MM\0*" + bytes(50), "no JPEG"),
        (b"BM" + bytes(60), "no JPEG"),
        (b"\0\0\0\x18ftypheic" + bytes(60), "no JPEG"),
        (b"\0\0\0\x18ftypavis" + bytes(60), "animated"),
        (b"GIF89a" + b"\xff\xd8\xff" + bytes(50), "no JPEG"),
        (png(65_000, 65_000), "more than 50 megapixels"),
        (png(50_000_001, 1), "more than 50 megapixels"),
        (png(16, 900), "at least 32"),
        (png(640, 360, (b"acTL", struct.pack(">II", 2, 0))), "animated"),
        (b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<IB", 10, 2) + bytes(40), "animated"),
        (b"\xff\xd8\xff" + bytes(image_header.MOST_BYTES), "more than 20 MB"),
    ],
)
def test_what_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(Rejected, match=words) as caught:
        header(body)
    assert caught.value.code == "picture_refused"


def exif(orientation: int, order: str = ">") -> bytes:
    mark = b"MM" if order == ">" else b"II"
    return mark + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


@pytest.mark.parametrize("order", "<>")
def test_orientations(order: str) -> None:
    assert exif_orientation(exif(6, order)) == Orientation(quarters=3)
    assert exif_orientation(exif(8, order)) == Orientation(quarters=1)
    assert exif_orientation(exif(2, order)) == Orientation(mirrored=True)
    for upright in (0, 1, 9, 600):
        assert exif_orientation(exif(upright, order)) == Orientation()
    assert exif_orientation(exif(6, order)[:-8]) == Orientation()
    assert exif_orientation(b"MM\0*\xff\xff\xff\xff") == Orientation()


# Colours of an owner's picture


def profile(primaries: tuple[tuple[float, float, float], ...], power: float) -> bytes:
    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    bodies = {
        name: b"XYZ \0\0\0\0" + fixed(*xyz) for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)
    }
    bodies |= {name: b"para" + bytes(8) + fixed(power) for name in (b"rTRC", b"gTRC", b"bTRC")}
    at, table, rest = 132 + 12 * len(bodies), b"", b""
    for name, body in bodies.items():
        table += struct.pack(">4sII", name, at + len(rest), len(body))
        rest += body
    return bytes(16) + b"RGB " + bytes(108) + struct.pack(">I", len(bodies)) + table + rest


SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))


def test_wide_colours_become_srgb() -> None:
    colours = np.array([[[60, 120, 200], [128, 128, 128], [255, 255, 255], [0, 0, 0]]], np.uint8)
    made = icc_profile.to_srgb(colours, profile(P3, 2.2)).astype(int)
    # Greys stay; a P3 colour of these numbers is more vivid than the sRGB one.
    assert np.abs(made[0, 1:] - colours[0, 1:]).max() <= 2
    assert made[0, 0, 2] > 208
    assert made[0, 0, 0] < 60


@pytest.mark.parametrize("known", [b"", b"\0" * 200, profile(SRGB, 2.2)[:150], profile(SRGB, 2.2)])
def test_others_stay(known: bytes) -> None:
    assert np.abs(icc_profile.to_srgb(PIXELS, known).astype(int) - PIXELS).max() <= 6
