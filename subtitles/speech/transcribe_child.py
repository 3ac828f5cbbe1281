"""Program inside the sandbox: spans of speech in an audio file -> segments that Whisper recognises.

`python -m subtitles.speech.transcribe_child`.

In: a JSON object on stdin, {audio_file, samples, model, compute_type, threads, batch, task, language, declared, places,
spans}; spans in samples, places are lists of spans elsewhere in the title, for its language. Out: lines {"language",
"probability"} once, {"segment"} and {"done": samples of speech transcribed so far} as they come, {"end": true, "heard":
{language: share of the windows}} at last; {"refused": {code, message}} where the model cannot do what is requested.

Each window is heard alone (subtitles.speech.windows) and the next one begins with the first speech after its words, so
memory does not grow with the title. Where it goes on with a sentence the model is given the sentence so far, or it
would write a capital letter in the middle. Speech amid a window that got no words is heard once more, alone.
"""

import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # numpy's; Whisper gets its own number
os.environ.update(HF_HUB_OFFLINE="1", CT2_VERBOSE="-2")

import numpy as np
from faster_whisper import BatchedInferencePipeline  # type: ignore[import-untyped]
from faster_whisper.audio import pad_or_trim  # type: ignore[import-untyped]
from faster_whisper.tokenizer import _LANGUAGE_CODES, Tokenizer  # type: ignore[import-untyped]
from faster_whisper.transcribe import get_suppressed_tokens  # type: ignore[import-untyped]

from subtitles.speech.coverage import LEAST, NEAR_MS, part, with_words, without_words
from subtitles.speech.guards import LEAST_LOGPROB, NO_SPEECH, STRAY_MS
from subtitles.speech.timed_whisper import Refused, finite, load, milliseconds
from subtitles.speech.transcript import Segment, SpokenWord
from subtitles.speech.voice_activity import PAD, RATE_HZ, Span
from subtitles.speech.windows import Window, window, windows

BEAM = 5
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
# What decoding is like: one good try, and a bounded number of others where it is repetitive or improbable.
DECODING = {
    "beam_size": BEAM,
    "best_of": 3,
    "patience": 1.0,
    "length_penalty": 1.0,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "log_prob_threshold": -1.0,
    "no_speech_threshold": 0.6,
    "compression_ratio_threshold": 2.4,
    "temperatures": (0.0, 0.4, 0.8),
    "suppress_blank": True,
    "max_initial_timestamp": 1.0,
    "max_new_tokens": None,
}
CERTAIN, EXCLUDED = 0.8, 0.1  # a window in another language than the title: at least and at most so likely
CUT_MS = 300  # a word so near to the end of a window that ends amid speech may be half of one
SLOW, MOST_SLOW = 3 * RATE_HZ, 2  # how little of a window may have words, and how often in a row
MOST_AGAIN = 3  # gaps of a window: each costs another one
AGREED = 0.9  # two places so certain of one language need no third
UNFINISHED = RATE_HZ * 3 // 10  # of speech without words at a window's end, where the model did not end its text
Samples = np.ndarray[Any, np.dtype[np.float32]]


class AudioFile:
    """The file of 16 kHz samples, read a window at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def heard(self, one: Window) -> Samples:
        """The samples of a window, -1..1."""
        return np.concatenate([self._read(piece) for piece in one.pieces]).astype(np.float32) / np.float32(32768)

    def _read(self, piece: Span) -> Any:
        return np.fromfile(self._path, "<i2", count=piece.samples, offset=2 * piece.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What Whisper recognised in one window, in times of the title, and whether it ended its text."""

    segments: list[Segment]
    is_ended: bool


class Listener:
    """A model, the audio of one job, and what was found out about its language."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.model = load(request)
        self.audio = AudioFile(Path(request["audio_file"]))
        self.spans = tuple(Span(start=start, end=end) for start, end in request["spans"])
        self.limits = Span(start=0, end=request["samples"])
        self.task: str = request["task"]
        self.is_declared: bool = request["declared"]
        self.languages: Counter[str] = Counter()  # samples of speech in each
        self._kept: tuple[Window, Any] | None = None  # a window that is heard again
        self._tokenizers: dict[str, Any] = {}
        self.language, self.probability = self._language_of(request)

    def hear(self, one: Window) -> Heard:
        """Recognise the speech in one window: its segments in times of the title."""
        encoded = self._encode(one, keep=True)
        tokenizer = self._tokenizer(self.language_in(one))
        options = SimpleNamespace(**DECODING, suppress_tokens=get_suppressed_tokens(tokenizer, [-1]))
        result, logprob, temperature, compression = self.model.generate_with_fallback(
            encoded, self.model.get_prompt(tokenizer, []), tokenizer, options
        )
        extractor = self.model.feature_extractor
        frames = min(one.samples // extractor.hop_length, extractor.nb_max_frames)
        pieces, _, is_ended = self.model._split_segments_by_timestamps(
            tokenizer=tokenizer,
            tokens=result.sequences_ids[0],
            time_offset=0.0,
            segment_size=frames,
            segment_duration=frames * extractor.time_per_frame,
            seek=0,
        )
        self.model.add_word_timestamps(
            [pieces], tokenizer, encoded, frames, PREPENDED, APPENDED, last_speech_timestamp=0.0
        )
        figures = {
            "no_speech": finite(result.no_speech_prob),
            "logprob": finite(logprob),
            "compression": finite(compression),
            "temperature": finite(temperature),
        }
        segments = [_segment(piece, tokenizer.decode(piece["tokens"]), figures, one) for piece in pieces]
        return Heard(segments=[segment for segment in segments if segment.text], is_ended=is_ended)

    def missing(self, one: Window, segments: Iterable[Segment]) -> tuple[Span, ...]:
        """The speech of a window that has no words in these segments."""
        return without_words(self.within(one), (word for segment in segments for word in segment.words))

    def tail(self, one: Window, heard: Heard) -> int | None:
        """From which sample on speech at the window's end has no words; None where all of it has."""
        words = [word for segment in heard.segments for word in segment.words]
        if not words:
            return None
        last = max(word.end_ms for word in words) * RATE_HZ // 1000
        left = without_words(self.within(one), words, LEAST if heard.is_ended else UNFINISHED)
        begin = next((gap.start for gap in left if gap.start >= last), None)
        if begin is None:
            return None
        # Where its last word ends, not where it surely has ended: the next one may follow at once.
        return last if begin - last <= 2 * NEAR_MS * RATE_HZ // 1000 else begin - PAD

    def again(self, gaps: tuple[Span, ...]) -> list[Segment]:
        """What is heard in speech that got no words, each alone; nothing where the model doubts it."""
        found: list[Segment] = []
        for gap in sorted(gaps, key=lambda gap: gap.samples, reverse=True)[:MOST_AGAIN]:
            if one := window((gap,), gap.start, self.limits):
                heard = self.hear(one).segments
                found += (s for s in heard if s.logprob >= LEAST_LOGPROB and s.no_speech <= NO_SPEECH)
        return found

    def within(self, one: Window) -> list[Span]:
        """The spans of detected speech inside a window, cut at its edges."""
        inside = [
            Span(start=max(span.start, one.pieces[0].start), end=min(span.end, one.end))
            for span in self.spans
            if span.end > one.pieces[0].start and span.start < one.end
        ]
        return [span for span in inside if span.samples > 0]

    def _encode(self, one: Window, *, keep: bool = False) -> Any:
        if self._kept and self._kept[0] == one:
            return self._kept[1]
        features = self.model.feature_extractor(self.audio.heard(one))[..., :-1]
        encoded = self.model.encode(pad_or_trim(features[..., : self.model.feature_extractor.nb_max_frames]))
        self._kept = (one, encoded) if keep else self._kept
        return encoded

    def _likely(self, encoded: Any) -> dict[str, float]:
        return {token[2:-2]: probability for token, probability in self.model.model.detect_language(encoded)[0]}

    def language_in(self, one: Window) -> str:
        """The language of a window: the title's, unless another one is certain and nobody declared any."""
        if not self.model.model.is_multilingual:
            return self.language
        likely = self._likely(self._encode(one, keep=True))
        best = max(likely, key=lambda language: likely[language])
        is_other = likely[best] >= CERTAIN and likely.get(self.language, 0.0) <= EXCLUDED
        self.languages[best if is_other else self.language] += one.samples
        return best if is_other and not self.is_declared else self.language

    def _language_of(self, request: dict[str, Any]) -> tuple[str, float | None]:
        """The title's language: the one that is known, or what is likeliest over several places. Raises Refused."""
        known = _LANGUAGE_CODES if self.model.model.is_multilingual else ("en",)
        if (language := request["language"]) is not None:
            if language not in known:
                raise Refused("language", f"the model does not know the language {language!r}")
            return language, None
        if not self.model.model.is_multilingual:
            return "en", 1.0  # it cannot tell: how probable its words are does, afterwards
        sums, asked = Counter[str](), 0
        places = [[Span(start=start, end=end) for start, end in place] for place in request["places"]]
        # The job's first window is heard next, and is not encoded again for it.
        everywhere: list[Sequence[Span]] = [self.spans, *reversed(places)]
        for number, spans in enumerate(everywhere):
            if (one := window(spans, spans[0].start, self.limits)) is None:
                continue
            encoded = self._encode(one, keep=number == 0)
            sums.update(self._likely(encoded))
            asked += 1
            if asked > 1 and sums.most_common(1)[0][1] / asked >= AGREED:
                break
        best, probability = sums.most_common(1)[0]
        return best, finite(probability / asked)

    def _tokenizer(self, language: str) -> Any:
        if language not in self._tokenizers:
            self._tokenizers[language] = Tokenizer(
                self.model.hf_tokenizer, self.model.model.is_multilingual, task=self.task, language=language
            )
        return self._tokenizers[language]


def transcribed(listener: Listener) -> Iterator[dict[str, Any]]:
    """Lines with the segments of each window in order, and progress in samples of speech."""
    for end, segments in through(listener, listener.spans, 0):
        yield from ({"segment": asdict(segment)} for segment in segments)
        yield {"done": sum(min(span.end, end) - span.start for span in listener.spans if span.start < end)}


def through(listener: Listener, spoken: Sequence[Span], begin: int) -> Iterator[tuple[int, list[Segment]]]:
    """Speech from sample `begin` on: the segments of one window after another, and where the next one begins."""
    slow = 0  # windows after one another of which little had words
    while one := window(spoken, begin, listener.limits):
        heard, cut = without_cut_word(one, listener.hear(one))
        tail = listener.tail(one, heard) if cut is None else cut
        slow = slow + 1 if tail is not None and tail - one.pieces[0].start < SLOW else 0
        ended = one if tail is None or slow > MOST_SLOW or tail <= begin else replace(one, end=tail)
        gaps = listener.missing(ended, heard.segments) if heard.segments or len(one.pieces) > 1 else ()
        yield ended.end, with_words(heard.segments, listener.again(gaps), gaps) if gaps else heard.segments
        begin = ended.end


def without_cut_word(one: Window, heard: Heard) -> tuple[Heard, int | None]:
    """Without the last word where the window's end cut it, and the sample where it began: the next one has it whole."""
    last = heard.segments[-1] if heard.segments else None
    if not one.is_cut or last is None or len(last.words) < 2:
        return heard, None
    word, before = last.words[-1], last.words[-2]
    if word.end_ms < one.pieces[-1].end_ms - CUT_MS or word.start_ms < one.pieces[-1].start_ms:
        return heard, None
    kept = [*heard.segments[:-1], part(last, last.words[:-1])]
    return replace(heard, segments=kept), (word.start_ms + before.end_ms) // 2 * RATE_HZ // 1000


def batched(listener: Listener, batch: int) -> Iterator[dict[str, Any]]:
    """Several windows at once: faster on many cores, without the tries at other temperatures."""
    pipeline, left, done = BatchedInferencePipeline(listener.model), windows(listener.spans, listener.limits), 0
    for first in range(0, len(left), batch):
        together = left[first : first + batch]
        # One after the other in one array: what lies between them is not read.
        places, at = [], 0
        for one in together:
            places.append((at / RATE_HZ, one))
            at += one.samples
        pieces, _ = pipeline.transcribe(
            np.concatenate([listener.audio.heard(one) for one in together]),
            language=listener.language,
            task=listener.task,
            batch_size=batch,
            without_timestamps=False,
            beam_size=BEAM,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
            clip_timestamps=[{"start": at_s, "end": at_s + one.samples / RATE_HZ} for at_s, one in places],
        )
        listener.language_in(together[0])
        segments = [_from_batch(piece, places) for piece in pieces]
        for one in together:
            own = [
                segment for segment in segments if one.pieces[0].start_ms <= segment.start_ms <= one.pieces[-1].end_ms
            ]
            yield from ({"segment": asdict(segment)} for segment in _completed(listener, one, own))
        done += sum(span.samples for one in together for span in listener.within(one))
        yield {"done": done}


def _completed(listener: Listener, one: Window, segments: list[Segment]) -> Iterator[Segment]:
    """The segments of a window, and what is in it beside them."""
    tail = listener.tail(one, Heard(segments=segments, is_ended=True))
    gaps = listener.missing(one if tail is None else replace(one, end=tail), segments)
    yield from with_words(segments, listener.again(gaps), gaps) if gaps else segments
    if tail is not None:
        for _, more in through(listener, listener.within(one), tail):
            yield from more


def _from_batch(piece: Any, places: list[tuple[float, Window]]) -> Segment:
    at_s, one = min(places, key=lambda place: abs(place[0] - piece.seek / 100))
    moved = {
        "start": piece.start - at_s,
        "end": piece.end - at_s,
        "words": [
            {
                "start": word.start - at_s,
                "end": word.end - at_s,
                "word": word.word,
                "probability": word.probability,
            }
            for word in piece.words or ()
        ],
    }
    figures = {
        "no_speech": finite(piece.no_speech_prob),
        "logprob": finite(piece.avg_logprob),
        "compression": finite(piece.compression_ratio),
        "temperature": finite(piece.temperature or 0.0),
    }
    return _segment(moved, piece.text, figures, one)


def _segment(piece: dict[str, Any], text: str, figures: dict[str, Any], one: Window) -> Segment:
    """Times of a window as times of the title. The segment's are its words' where a pause was shortened between."""
    begin, end = milliseconds(piece["start"]), milliseconds(piece["end"])
    low, high = begin - STRAY_MS, end + STRAY_MS
    heard = piece.get("words") or ()
    edges = [tuple(min(max(milliseconds(word[edge]), low), high) for edge in ("start", "end")) for word in heard]
    words = []
    for word, (first, last) in zip(heard, edges, strict=True):
        start_ms, end_ms = one.title_ms(first, last)
        probability = None if math.isnan(word["probability"]) else finite(word["probability"])
        words.append(SpokenWord(start_ms=start_ms, end_ms=end_ms, text=word["word"], probability=probability))
    (start_ms, _), (_, end_ms) = one.title_ms(begin, begin), one.title_ms(end, end)
    if words and abs(words[0].start_ms - start_ms - (edges[0][0] - begin)) > STRAY_MS:
        start_ms = words[0].start_ms
    if words and abs(words[-1].end_ms - end_ms - (edges[-1][1] - end)) > STRAY_MS:
        end_ms = words[-1].end_ms
    return Segment(start_ms=start_ms, end_ms=end_ms, text=text.strip(), words=tuple(words), **figures)


def _report(line: dict[str, Any]) -> None:
    print(json.dumps(line, separators=(",", ":")), flush=True)  # noqa: T201  the parent reads it


def main() -> None:
    request = json.load(sys.stdin)
    try:
        listener = Listener(request)
    except Refused as exc:
        code, message = exc.args
        _report({"refused": {"code": code, "message": message}})
        return
    _report({"language": listener.language, "probability": listener.probability})
    for line in batched(listener, request["batch"]) if request["batch"] > 1 else transcribed(listener):
        _report(line)
    _report({"end": True, "heard": dict(listener.languages)})


if __name__ == "__main__":
    main()
