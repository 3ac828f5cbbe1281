"""transcode.probe.sound_times: frames of sound in one PES packet follow each other by their own headers."""

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from transcode.probe.sound_times import SoundTimes, adts_seconds
from transcode.probe.timeline import SECOND
from transcode.probe.times_of import TimesOf

TICKS_PER_S = 90_000
INDEX_48000, INDEX_22050 = 3, 7


def adts(index: int, blocks: int = 1) -> bytes:
    return bytes((0xFF, 0xF1, 0x40 | index << 2, 0x80, 0, 0x1F, 0xFC | blocks - 1))


class Packet(bytes):
    """A packet as PyAV gives it; `pos` is None for one that has no time of its own."""

    stream_index = 0
    time_base = Fraction(1, TICKS_PER_S)
    pts = dts = pos = duration = None
    stream = SimpleNamespace(
        type="audio",
        time_base=time_base,
        codec_context=SimpleNamespace(codec=SimpleNamespace(canonical_name="aac")),
    )


def packet(content: bytes, tick: int | None, duration: int, pos: int | None) -> Any:
    made: Any = Packet(content)
    made.pts = made.dts = tick
    made.duration, made.pos = duration, pos
    return made


def of_old_rate(pes: int = 3, frames: int = 20) -> list[Any]:
    """Sound of 48 kHz, with the times that libav gives where the track had 22,050 Hz before."""
    wrong, right = 1024 * TICKS_PER_S // 22_050, 1024 * TICKS_PER_S // 48_000
    return [
        packet(adts(INDEX_48000), (number * frames) * right + frame * wrong, wrong, None if frame else 188 * number)
        for number in range(pes)
        for frame in range(frames)
    ]


def test_frames_are_as_long_as_their_headers_say() -> None:
    times = SoundTimes(Packet.stream)
    assert [times.of(one) for one in of_old_rate()] == [(1920 * number, 1920) for number in range(60)]


def test_a_gap_between_pes_packets_stays() -> None:
    times = SoundTimes(Packet.stream)
    for one in of_old_rate(pes=1):
        times.of(one)
    assert times.of(packet(adts(INDEX_48000), 500_000, 4179, 188)) == (500_000, 1920)


def test_without_headers_the_times_are_those_of_the_file() -> None:
    times = SoundTimes(Packet.stream)
    packets = [packet(b"\x21\x10\x04\x60\x8c\x1c\0\0", tick, 1000, pos) for tick, pos in ((5, 0), (2000, None))]
    assert [times.of(one) for one in packets] == [(5, 1000), (2000, 1000)]


def test_a_change_of_rate_is_no_restart() -> None:
    """Twenty frames of 21 ms, counted as 46 ms, seemed to go back by half a second at each PES packet."""
    times = TimesOf()
    for one in of_old_rate():
        times.add(one)
    step = SECOND * 1024 // 48_000
    assert list(times.times.dts) == pytest.approx([step * number for number in range(60)], abs=50)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (adts(INDEX_48000), 1024 / 48_000),
        (adts(INDEX_22050, blocks=2), 2048 / 22_050),
        (adts(13), None),
        (adts(INDEX_48000)[:6], None),
        (bytes(7), None),
        (b"", None),
    ],
)
def test_headers(header: bytes, seconds: float | None) -> None:
    assert adts_seconds(header) == seconds
