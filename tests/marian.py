"""Models of CTranslate2 whose weights are arranged by hand: they say one sentence whatever they are asked."""

from pathlib import Path

import numpy as np
from ctranslate2.specs import TransformerSpec

from subtitles.translation.translate_child import SPACE

SAID = [f"{SPACE}Good", f"{SPACE}day", "."]
LETTERS = dict.fromkeys("Добрыйень")
PIECES = ["<unk>", "<s>", "</s>", *SAID, f"{SPACE}Добрый", f"{SPACE}день", SPACE, *LETTERS]
LANGUAGES = ["__ru__", "__en__"]
WIDTH, LONGEST = 64, 32


def build(folder: Path, vocabulary: list[str]) -> Path:
    """A model whose decoder chooses every token by its position alone."""
    folder.mkdir()
    spec = TransformerSpec.from_config((1, 1), 1, pre_norm=True)

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, "float32")

    def linear(layer: object, out: int, into: int) -> None:
        layer.weight, layer.bias = zeros(out, into), zeros(out)

    def norm(layer: object) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, "float32"), zeros(WIDTH)

    for part in (spec.encoder, spec.decoder):
        embeddings = part.embeddings[0] if isinstance(part.embeddings, list) else part.embeddings
        embeddings.weight = zeros(len(vocabulary), WIDTH)
        norm(part.layer_norm)
        layer = part.layer[0]
        norm(layer.self_attention.layer_norm)
        linear(layer.self_attention.linear[0], 3 * WIDTH, WIDTH)
        linear(layer.self_attention.linear[1], WIDTH, WIDTH)
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, WIDTH, WIDTH)
        linear(layer.ffn.linear_1, WIDTH, WIDTH)
    attention = spec.decoder.layer[0].attention
    norm(attention.layer_norm)
    for layer, size in zip(attention.linear, (WIDTH, 2 * WIDTH, WIDTH), strict=True):
        linear(layer, size, WIDTH)
    codes = np.random.default_rng(0).standard_normal((LONGEST, WIDTH)).astype("float32")
    codes = (codes - codes.mean(1, keepdims=True)) / codes.std(1, keepdims=True)
    spec.encoder.position_encodings.encodings = zeros(LONGEST, WIDTH)
    spec.decoder.position_encodings.encodings = codes
    spec.decoder.projection.weight = zeros(len(vocabulary), WIDTH)
    spec.decoder.projection.bias = zeros(len(vocabulary))
    for position, token in enumerate([*SAID, "</s>"]):
        spec.decoder.projection.weight[vocabulary.index(token)] += codes[position]
    spec.register_source_vocabulary(vocabulary)
    spec.register_target_vocabulary(vocabulary)
    spec.validate()
    spec.save(str(folder))
    return folder


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*found, value))


def sentencepiece(path: Path, pieces: list[str]) -> None:
    """A unigram model as SentencePiece writes it: a protocol buffer with a message of text, score and type for each."""
    body = b""
    for number, piece in enumerate(pieces):
        text = piece.encode()
        score = np.float32(-len(pieces) if len(piece) == 1 else -1).tobytes()
        message = b"\x0a" + varint(len(text)) + text + b"\x15" + score + b"\x18" + varint(2 if number == 0 else 1)
        body += b"\x0a" + varint(len(message)) + message
    path.write_bytes(body + b"\x12\x02\x08\x01")  # and some of its other settings
