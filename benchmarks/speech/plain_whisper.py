"""faster-whisper as its documentation calls it: the whole file with its own VAD, beam 5. A program for comparison.

`python -m benchmarks.speech.plain_whisper MODEL THREADS FILE [LANGUAGE]` prints JSON: {language, words: [[start_s,
end_s, text], ...]}.
"""

import json
import os
import sys

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", HF_HUB_OFFLINE="1")

from faster_whisper import WhisperModel  # type: ignore[import-untyped]


def main(folder: str, threads: str, file: str, language: str | None = None) -> None:
    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=int(threads), local_files_only=True)
    segments, info = model.transcribe(file, language=language, beam_size=5, vad_filter=True, word_timestamps=True)
    words = [[word.start, word.end, word.word] for segment in segments for word in segment.words or ()]
    print(json.dumps({"language": info.language, "words": words}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
