"""Program inside the sandbox: clips of an audio file -> segments that Whisper recognises.

`python -m subtitles.speech.transcribe_child`.

In: a JSON object on stdin, {audio_file, model, compute_type, threads, batch, task, language, windows, clips}, clips and
windows in samples. Out: lines {"language", "probability"} once, {"segment"} and {"done": samples transcribed so far} as
they come, {"end": true} at last; {"refused": {code, message}} where the model cannot do what is requested. Each clip is
transcribed alone, so memory does not grow with the title and times need no mapping back.
"""

import json
import math
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # numpy's; Whisper gets its own number
os.environ.update(HF_HUB_OFFLINE="1", CT2_VERBOSE="-2")

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel  # type: ignore[import-untyped]
from faster_whisper.tokenizer import _LANGUAGE_CODES  # type: ignore[import-untyped]

from subtitles.speech.guards import lost, spread
from subtitles.speech.transcript import SpokenWord
from subtitles.speech.voice_activity import RATE_HZ

OPTIONS = {
    "beam_size": 5,
    # A mistake, once made, would go on from window to window.
    "condition_on_previous_text": False,
    "word_timestamps": True,
    # Clips are speech already: the VAD has seen the whole title.
    "vad_filter": False,
}
Samples = np.ndarray[Any, np.dtype[np.float32]]


class Refused(Exception):
    """The model cannot do what the request needs: (code, sentence for people)."""


class TimedWhisper(WhisperModel):  # type: ignore[misc]
    """A Whisper that keeps the model's own times of a segment.

    faster-whisper puts the words' times in its place, and then leaves out a segment whose alignment collapsed to no
    time at all: a sentence is lost without a trace. Here such a segment keeps its time, and its words share it.
    """

    def add_word_timestamps(self, segments: Any, tokenizer: Any, *more: Any, **named: Any) -> Any:
        """Align the words as WhisperModel does, but keep the times of the segments; lost words share theirs."""
        pieces = list(_flat(segments))
        model_times = [(piece["start"], piece["end"]) for piece in pieces]
        result = super().add_word_timestamps(segments, tokenizer, *more, **named)
        for piece, (start, end) in zip(pieces, model_times, strict=True):
            piece["start"], piece["end"] = start, end
            text = tokenizer.decode(piece["tokens"])
            words = [_word(word) for word in piece.get("words") or ()]
            if lost(text, words, _ms(start), _ms(end)):
                piece["words"] = [
                    {
                        "start": word.start_ms / 1000,
                        "end": word.end_ms / 1000,
                        "word": word.text,
                        "probability": math.nan,
                    }
                    for word in spread(text, _ms(start), _ms(end))
                ]
        return result


def _flat(segments: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for segment in segments:
        if isinstance(segment, dict):
            yield segment
        else:
            yield from _flat(segment)


def _word(word: dict[str, Any]) -> SpokenWord:
    return SpokenWord(start_ms=_ms(word["start"]), end_ms=_ms(word["end"]), text=word["word"], probability=None)


class AudioFile:
    """The file of 16 kHz samples, read a clip at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def clip(self, start: int, end: int) -> Samples:
        """Samples `start` to before `end`, -1..1."""
        samples = np.fromfile(self._path, "<i2", count=end - start, offset=2 * start)
        return samples.astype(np.float32) / np.float32(32768)


def load(request: dict[str, Any]) -> TimedWhisper:
    """The model on this machine's cores. Raises Refused."""
    model = TimedWhisper(
        request["model"],
        device="cpu",
        compute_type=request["compute_type"],
        cpu_threads=request["threads"],
        num_workers=1,
        local_files_only=True,
    )
    mels = model.feature_extractor.mel_filters.shape[0]
    if mels != model.model.n_mels:
        raise Refused(
            "model",
            f"the model hears {model.model.n_mels} mel bands and its folder says {mels}: "
            "preprocessor_config.json is missing or of another model",
        )
    return model


def language_of(model: TimedWhisper, request: dict[str, Any], audio: AudioFile) -> tuple[str, float | None]:
    """The declared language, or what is likeliest over all windows. Raises Refused."""
    known = _LANGUAGE_CODES if model.model.is_multilingual else ("en",)
    if declared := request["language"]:
        if declared not in known:
            raise Refused("language", f"the model does not know the language {declared!r}")
        return declared, None
    if not model.model.is_multilingual:
        return "en", 1.0
    sums: dict[str, float] = {}
    for start, end in request["windows"]:
        _, _, likely = model.detect_language(audio=audio.clip(start, end))
        for language, probability in likely:
            sums[language] = sums.get(language, 0.0) + probability
    best = max(sums, key=lambda language: sums[language])
    return best, _finite(sums[best] / len(request["windows"]))


def transcribed(
    model: TimedWhisper, request: dict[str, Any], language: str, audio: AudioFile
) -> Iterator[dict[str, Any]]:
    """Lines with the segments of each clip in order, and progress in samples."""
    done, task, batch = 0, request["task"], request["batch"]
    clips = [tuple(clip) for clip in request["clips"]]
    if batch > 1:
        yield from _batched(model, request, language, audio)
        return
    for start, end in clips:
        segments, _ = model.transcribe(audio.clip(start, end), language=language, task=task, **OPTIONS)
        for segment in segments:
            yield {"segment": _plain(segment, start)}
        done += end - start
        yield {"done": done}


def _batched(model: TimedWhisper, request: dict[str, Any], language: str, audio: AudioFile) -> Iterator[dict[str, Any]]:
    """Several clips at once: faster on many cores, without the retries at other temperatures."""
    done, batch, clips = 0, request["batch"], request["clips"]
    pipeline = BatchedInferencePipeline(model)
    for first in range(0, len(clips), batch):
        together = clips[first : first + batch]
        # One after the other in one array: what lies between them is not read.
        samples = np.concatenate([audio.clip(start, end) for start, end in together])
        clip_positions, at = [], 0
        for start, end in together:
            clip_positions.append((at, at + end - start, start))
            at += end - start
        segments, _ = pipeline.transcribe(
            samples,
            language=language,
            task=request["task"],
            batch_size=batch,
            without_timestamps=False,
            clip_timestamps=[{"start": a / RATE_HZ, "end": b / RATE_HZ} for a, b, _ in clip_positions],
            **OPTIONS,
        )
        for segment in segments:
            at = round(segment.seek / 100 * RATE_HZ)
            place = min(clip_positions, key=lambda place: abs(place[0] - at))
            yield {"segment": _plain(segment, place[2] - place[0])}
        done += sum(end - start for start, end in together)
        yield {"done": done}


def _plain(segment: Any, offset: int) -> dict[str, Any]:
    """Milliseconds of the title. `offset`: samples of the audio file before the clip."""
    before = offset * 1000 // RATE_HZ
    return {
        "start_ms": before + _ms(segment.start),
        "end_ms": before + _ms(segment.end),
        "text": segment.text.strip(),
        "words": [
            {
                "start_ms": before + _ms(word.start),
                "end_ms": before + _ms(word.end),
                "text": word.word,
                "probability": None if math.isnan(word.probability) else _finite(word.probability),
            }
            for word in segment.words or ()
        ],
        "no_speech": _finite(segment.no_speech_prob),
        "logprob": _finite(segment.avg_logprob),
        "compression": _finite(segment.compression_ratio),
        "temperature": _finite(segment.temperature or 0.0),
    }


def _ms(time_s: float) -> int:
    return round(1000 * _finite(time_s))


def _finite(value: float) -> float:
    return round(float(value), 4) if math.isfinite(value) else 0.0


def _report(line: dict[str, Any]) -> None:
    print(json.dumps(line, separators=(",", ":")), flush=True)  # noqa: T201  the parent reads it


def main() -> None:
    request = json.load(sys.stdin)
    audio = AudioFile(Path(request["audio_file"]))
    try:
        model = load(request)
        language, probability = language_of(model, request, audio)
    except Refused as exc:
        code, message = exc.args
        _report({"refused": {"code": code, "message": message}})
        return
    _report({"language": language, "probability": probability})
    for line in transcribed(model, request, language, audio):
        _report(line)
    _report({"end": True})


if __name__ == "__main__":
    main()
