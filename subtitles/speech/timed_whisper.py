"""A Whisper model for programs in the sandbox: loaded, checked, and with words that lie within their segments.

In: what a request says of the model. Raises Refused where it cannot do what it must. Times are the model's, in seconds
of the window it heard; `milliseconds` and `finite` make plain numbers of what it returns.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from faster_whisper import WhisperModel  # type: ignore[import-untyped]

from subtitles.speech.guards import lost, spread
from subtitles.speech.transcript import SpokenWord


class Refused(Exception):
    """The model cannot do what the request needs: (code, sentence for people)."""


class TimedWhisper(WhisperModel):  # type: ignore[misc]
    """A Whisper whose words lie within the times that the model gave their segment.

    The alignment of a last word may run over the sentence that follows, and hide that it has no words; and a segment
    whose alignment collapsed to no time at all is left out by faster-whisper. Here such a segment keeps its time, and
    its words share it.
    """

    def add_word_timestamps(self, segments: Any, tokenizer: Any, *more: Any, **named: Any) -> Any:
        """Align the words as WhisperModel does, end them with their segments, and keep the segments' own times."""
        pieces = list(_flat(segments))
        model_times = [(piece["start"], piece["end"]) for piece in pieces]
        result = super().add_word_timestamps(segments, tokenizer, *more, **named)
        for piece, (start, end) in zip(pieces, model_times, strict=True):
            piece["start"], piece["end"] = start, end
            text = tokenizer.decode(piece["tokens"])
            words = [_word(word) for word in piece.get("words") or ()]
            if lost(text, words, milliseconds(start), milliseconds(end)):
                piece["words"] = [
                    {
                        "start": word.start_ms / 1000,
                        "end": word.end_ms / 1000,
                        "word": word.text,
                        "probability": math.nan,
                    }
                    for word in spread(text, milliseconds(start), milliseconds(end))
                ]
            elif words and piece["words"][-1]["start"] < end < piece["words"][-1]["end"]:
                piece["words"][-1]["end"] = end
        return result


def _flat(segments: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for segment in segments:
        if isinstance(segment, dict):
            yield segment
        else:
            yield from _flat(segment)


def _word(word: dict[str, Any]) -> SpokenWord:
    return SpokenWord(
        start_ms=milliseconds(word["start"]), end_ms=milliseconds(word["end"]), text=word["word"], probability=None
    )


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


def milliseconds(time_s: float) -> int:
    """0 for what is no number."""
    return round(1000 * finite(time_s))


def finite(value: float) -> float:
    """Rounded to four digits; 0 for what is no number."""
    return round(float(value), 4) if math.isfinite(value) else 0.0
