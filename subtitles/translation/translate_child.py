"""Program inside the sandbox: translates sentences with a CTranslate2 model. `python -m
subtitles.translation.translate_child`.

Stdin: {model, threads, source, target, sentences}. Prints one JSON string a line, the translations in order. The
tokenizer is the one in the model's folder: tokenizer.json, or the pair source.spm and target.spm of Marian's models.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

import ctranslate2  # type: ignore[import-untyped]
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

BATCH = 8
SPACE = "▁"  # how SentencePiece writes one
_TYPE_UNKNOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A tokenizer: text into a model's tokens, and tokens back into text."""

    split: Callable[[str], list[str]]
    join: Callable[[Sequence[str]], str]


def pieces_of(folder: Path) -> Pieces:
    """The tokenizer in a model's folder."""
    whole = folder / "tokenizer.json"
    if whole.is_file():
        tokenizer = Tokenizer.from_file(str(whole))

        def join(tokens: Sequence[str]) -> str:
            return str(tokenizer.decode([i for i in map(tokenizer.token_to_id, tokens) if i is not None]))

        return Pieces(split=lambda text: list(tokenizer.encode(text).tokens), join=join)
    unigram = marian(folder / "source.spm")
    return Pieces(
        split=lambda text: list(unigram.encode(text).tokens),
        join=lambda tokens: "".join(tokens).replace(SPACE, " ").strip(),
    )


def marian(model: Path) -> Any:
    """A unigram model of SentencePiece. Its own table of normal forms is taken to be NFKC, which it is for Marian."""
    vocabulary, unknown = [], 0
    for position, piece in enumerate(_messages(model.read_bytes(), 1)):
        fields = dict(_fields(piece))
        vocabulary.append((fields[1].decode(), fields.get(2, 0.0)))
        if fields.get(3) == _TYPE_UNKNOWN:
            unknown = position
    tokenizer = Tokenizer(models.Unigram(vocabulary, unknown))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace("  ", " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    return tokenizer


def _messages(body: bytes, number: int) -> Iterator[bytes]:
    return (value for field, value in _fields(body) if field == number)


def _fields(body: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of a protocol buffer: bytes, floats and whole numbers."""
    at = 0
    while at < len(body):
        key, at = _varint(body, at)
        if key & 7 == 0:
            value, at = _varint(body, at)
            yield key >> 3, value
        elif key & 7 == 2:
            length, at = _varint(body, at)
            yield key >> 3, body[at : at + length]
            at += length
        else:
            width = 4 if key & 7 == 5 else 8
            yield key >> 3, memoryview(body[at : at + width]).cast("f" if width == 4 else "d")[0]
            at += width


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def translated(request: dict[str, Any]) -> Iterator[str]:
    """The translation of each sentence, in order."""
    folder = Path(request["model"])
    pieces = pieces_of(folder)
    model = ctranslate2.Translator(
        str(folder), device="cpu", compute_type="int8", inter_threads=1, intra_threads=request["threads"]
    )
    source, target = _language_tokens(folder, request["source"], request["target"])
    sentences = request["sentences"]
    for first in range(0, len(sentences), BATCH):
        batch = [[*source, *pieces.split(text)] for text in sentences[first : first + BATCH]]
        results = model.translate_batch(batch, target_prefix=[target] * len(batch) if target else None, beam_size=4)
        for result in results:
            yield pieces.join([token for token in result.hypotheses[0] if token not in target])


def _language_tokens(folder: Path, source: str, target: str) -> tuple[list[str], list[str]]:
    """(source tokens, target tokens) that many-language models need in front of a sentence; empty for others."""
    vocabulary = folder / "shared_vocabulary.json"
    tokens = set(json.loads(vocabulary.read_bytes())) if vocabulary.is_file() else set()
    pair = f"__{source}__", f"__{target}__"
    return ([pair[0]], [pair[1]]) if set(pair) <= tokens else ([], [])


def main() -> None:
    for text in translated(json.load(sys.stdin)):
        sys.stdout.write(json.dumps(text) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
