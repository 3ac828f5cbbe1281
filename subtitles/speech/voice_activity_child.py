"""Program inside the sandbox: a sound track -> a file of 16 kHz mono samples and the spans of speech in it.

`python -m subtitles.speech.voice_activity_child` with a JSON object on stdin: {file, demuxer, index, origin_s,
duration_s, audio_file}.
Writes `audio_file` (16-bit samples; sample 0 is the title's time 0, silence where the track has none) and prints lines:
{"done": share}, at last {"samples", "spans"}; no samples where nothing could be decoded. It never holds more of the
title in memory than a minute.
"""

import json
import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

# One core does it faster than real time a hundredfold, and a pool on a large machine reserves memory for each core.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import av
import numpy as np
from faster_whisper.vad import get_vad_model  # type: ignore[import-untyped]

from core.media.upload_container import decoded_sound, open_upload
from subtitles.speech.voice_activity import FRAME, RATE_HZ, spans

SLACK = RATE_HZ // 20  # time stamps jitter; what is further off is a gap or an overlap
BLOCK = 60 * RATE_HZ // FRAME  # frames the VAD looks at in one go
LEAD = 2 * RATE_HZ // FRAME  # it forgets between blocks, so each begins with the end of the one before
DECODING = 0.6  # of the work


class SampleWriter:
    """Writes decoded frames as 16 kHz samples, each at its position on the title's timeline."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self.written = 0
        self._skip = 0  # samples that lie before what is written already
        self._expected: Fraction | None = None  # sample at which the next frame should begin
        self._resampler: Any = None
        self._kind: object = None
        self._mixed = True  # by libav, which does not know every layout

    def add(self, frame: Any, at: Fraction | None) -> None:
        """Add a decoded frame. `at`: its position in samples of the title; None continues after the one before."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        far = at is not None and (self._expected is None or abs(at - self._expected) > SLACK)
        if kind != self._kind or far:
            self.flush()
            self._mixed = _can_mix(frame)
            self._kind, self._resampler = kind, _resampler()
            if at is not None:
                self._go_to(round(at))
                self._expected = at
        self._expected = (self._expected or Fraction(0)) + Fraction(frame.samples * RATE_HZ, frame.sample_rate)
        frame = frame if self._mixed else _one_channel(frame)
        frame.pts = None
        self._write(self._resampler.resample(frame))

    def flush(self) -> None:
        """Write the samples that the resampler still holds back."""
        if self._resampler is not None:
            self._write(self._resampler.resample(None))
            self._resampler = None

    def _go_to(self, sample: int) -> None:
        self._skip = max(self.written - sample, 0)
        self.written = max(self.written, min(sample, self._most))
        self._file.seek(2 * self.written)  # a hole reads as silence

    def _write(self, frames: list[Any]) -> None:
        for frame in frames:
            samples = frame.to_ndarray().reshape(-1)
            skipped = min(self._skip, len(samples))
            self._skip -= skipped
            written = samples[skipped : skipped + self._most - self.written]
            self._file.write(written.tobytes())
            self.written += len(written)


def _resampler() -> Any:
    return av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)


def _can_mix(frame: Any) -> bool:
    try:
        _resampler().resample(frame)
    except av.FFmpegError:
        return False
    return True


def _one_channel(frame: Any) -> Any:
    """A frame of all its channels' mean; of ambisonic sound the first one, which is the sound of all directions."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    kept = samples[:1] if frame.layout.name.startswith("ambisonic") else samples.mean(axis=0, keepdims=True)
    one = av.AudioFrame.from_ndarray(np.ascontiguousarray(kept, samples.dtype), frame.format.name, "mono")
    one.sample_rate = frame.sample_rate
    return one


def write_audio(request: dict[str, Any]) -> int:
    """Write the audio file; its length in samples, 0 where nothing could be decoded."""
    origin_s, duration_s = Fraction(request["origin_s"]), Fraction(request["duration_s"])
    most = round(duration_s * RATE_HZ)
    with Path(request["audio_file"]).open("wb") as audio:
        writer = SampleWriter(audio, most)
        reported = 0.0
        for frame in _frames(request["file"], request["demuxer"], request["index"]):
            known = frame.pts is not None and frame.time_base is not None
            at = (frame.pts * frame.time_base - origin_s) * RATE_HZ if known else None
            if at is not None and at >= most:
                break
            writer.add(frame, at)
            if writer.written / most >= reported + 0.02:
                reported = writer.written / most
                _report({"done": round(reported * DECODING, 3)})
        writer.flush()
        if writer.written:
            audio.truncate(2 * most)
    return most if writer.written else 0


def _frames(path: str, demuxer: str, index: int) -> Iterator[Any]:
    """The frames of one track that can be decoded; damage is stepped over."""
    try:
        with open_upload(path, demuxer) as opened:
            yield from decoded_sound(opened, opened.streams[index])
    except av.FFmpegError:
        return


def speech_probabilities(file: Path, samples: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """For each FRAME samples of the file, the probability that they are speech."""
    model, frames = get_vad_model(), -(-samples // FRAME)
    probabilities = []
    for first in range(0, frames, BLOCK):
        lead = min(first, LEAD)
        piece = np.fromfile(file, "<i2", count=(lead + BLOCK) * FRAME, offset=2 * (first - lead) * FRAME)
        piece = piece.astype(np.float32) / np.float32(32768)
        piece = np.pad(piece, (0, -len(piece) % FRAME))
        probabilities.append(model(piece).reshape(-1)[lead:])
        _report({"done": round(DECODING + (1 - DECODING) * min(1.0, (first + BLOCK) / frames), 3)})
    return np.concatenate(probabilities)


def _report(line: dict[str, Any]) -> None:
    print(json.dumps(line, separators=(",", ":")), flush=True)  # noqa: T201  the parent reads it


def main() -> None:
    request = json.load(sys.stdin)
    samples = write_audio(request)
    spoken = spans(speech_probabilities(Path(request["audio_file"]), samples).tolist(), samples) if samples else ()
    _report({"samples": samples, "spans": [[span.start, span.end] for span in spoken]})


if __name__ == "__main__":
    main()
