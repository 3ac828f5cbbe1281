"""When the packets of a sound track begin, and how long they are, by what they say themselves. Inside the sandbox only.

In MPEG-TS only a PES packet has a time, and holds many frames of sound. libav counts on from that time by the sample
rate which the track had at first; where AAC changes its rate on the way, the frames of a PES packet are timed too far
apart or too close. Here each frame counts as long as its own ADTS header says.
"""

from typing import Any

# By the index in an ADTS header (ISO/IEC 14496-3, table 1.18).
_RATES_HZ = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_BLOCK_SAMPLES = 1024
_HEADER_BYTES = 7


class SoundTimes:
    """The times of the packets of one sound track, which are to be given in file order."""

    def __init__(self, stream: Any) -> None:
        context = stream.codec_context
        self._adts = context is not None and context.codec.canonical_name == "aac"
        self._ticks_per_s = float(1 / stream.time_base) if stream.time_base else 0.0
        self._end: float | None = None  # of the packet before, in ticks

    def of(self, packet: Any) -> tuple[int | None, int]:
        """(tick at which the packet begins, ticks that it lasts)."""
        tick, duration = packet.pts if packet.pts is not None else packet.dts, packet.duration or 0
        seconds = adts_seconds(bytes(memoryview(packet)[:_HEADER_BYTES])) if self._adts else None
        if seconds is None:
            self._end = None
            return tick, duration
        begin: float | None = tick
        if packet.pos is None and self._end is not None:  # not the first frame of its PES packet
            begin = self._end
        length = seconds * self._ticks_per_s
        self._end = None if begin is None else begin + length
        return (None if begin is None else round(begin)), round(length)


def adts_seconds(header: bytes) -> float | None:
    """How long a frame of AAC lasts by its ADTS header (ISO/IEC 14496-3, 1.A.2.2); None where there is no such header.

    Right for HE-AAC too, whose header has half the sample rate and half the samples.
    """
    if len(header) < _HEADER_BYTES or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    index = header[2] >> 2 & 15
    return (_BLOCK_SAMPLES * ((header[6] & 3) + 1) / _RATES_HZ[index]) if index < len(_RATES_HZ) else None
