"""Renditions and subtitles without files behind them, for tests of what is written about them."""

from fractions import Fraction

from core.media.encoded import Blob, Rendition, RenditionKind, Segment, Subtitles


def rendition(name: str, timescale: int, durations: list[int], bits: int = 8_000_000, **more) -> Rendition:
    """A rendition whose segments all have `bits` bits."""
    defaults = {
        "kind": RenditionKind.VIDEO,
        "codec": "avc1.64001f",
        "width": 1280,
        "height": 720,
        "frame_rate": Fraction(25),
    }
    return Rendition(
        id=name,
        timescale=timescale,
        init=Blob(sha256="0" * 64, size_bytes=800),
        segments=tuple(Segment(blob=Blob(sha256="1" * 64, size_bytes=bits // 8), duration=d) for d in durations),
        **{**defaults, **more},
    )


def sound(name: str = "a1", bits: int = 480_000, **more) -> Rendition:
    only = {
        "kind": RenditionKind.AUDIO,
        "codec": "mp4a.40.2",
        "width": None,
        "height": None,
        "frame_rate": None,
        "channels": 2,
    }
    return rendition(name, 48_000, [288_000, 192_000], bits, **{**only, **more})


def subtitles(name: str = "s1", **more) -> Subtitles:
    """70 s of German in three segments of 3 kB."""
    blob = Blob(sha256="2" * 64, size_bytes=3_000)
    facts = {"language": "de", "name": "Deutsch", "machine_generated": False, "captions": False}
    segments = tuple(Segment(blob=blob, duration=ms) for ms in (30_000, 30_000, 10_000))
    return Subtitles(id=name, segments=segments, **{**facts, **more})
