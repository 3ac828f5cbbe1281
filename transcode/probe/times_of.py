"""Packets of PyAV -> the `Times` that transcode.probe.timeline looks at. Inside the sandbox only."""

from fractions import Fraction
from typing import Any

from transcode.probe.sound_times import SoundTimes
from transcode.probe.timeline import SECOND, Times

FARTHEST = 2**51  # microseconds, 71 years: what MOST_PARTS such times add up to is a number of 64 bits


class TimesOf:
    """Gathers the times of packets in file order; a packet without any is taken to follow the one before."""

    def __init__(self) -> None:
        self.times = Times()
        self._ends: dict[int, int] = {}
        self._scales: dict[int, tuple[int, int]] = {}
        self._sounds: dict[int, SoundTimes] = {}

    def add(self, packet: Any) -> None:
        """The next packet of a track with pictures or sound."""
        track = packet.stream_index
        if track not in self._scales:
            scale = Fraction(packet.time_base) * SECOND
            self._scales[track] = scale.numerator, scale.denominator
            if packet.stream.type == "audio":
                self._sounds[track] = SoundTimes(packet.stream)
        expected = self._ends.get(track, 0)
        dts, pts, ticks = packet.dts, packet.pts, packet.duration or 0
        if sound := self._sounds.get(track):
            tick, ticks = sound.of(packet)
            if packet.pos is None:
                dts = pts = tick
        # Where only the time of showing is known it comes in another order: it places the first packet only.
        at = self._scaled(track, dts) if dts is not None else expected
        if dts is None and track not in self._ends and pts is not None:
            at = self._scaled(track, pts)
        shown = self._scaled(track, pts) if pts is not None else at
        duration = self._scaled(track, ticks)
        self.times.add(track, at, shown, duration)
        self._ends[track] = min(at + duration, FARTHEST)

    def _scaled(self, track: int, ticks: int) -> int:
        """Ticks of a track in microseconds, from -FARTHEST to FARTHEST: a file may claim any 64 bits."""
        over, under = self._scales[track]
        return max(-FARTHEST, min(FARTHEST, ticks * over // under))
