"""subtitles.translate: a real model of CTranslate2 in the real sandbox. Its weights are arranged by hand: it says one
sentence whatever it is asked, which proves the way there and back and nothing about translations."""

from pathlib import Path

import numpy as np
import pytest
from ctranslate2.specs import TransformerSpec
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from core.child import ChildRunner
from core.errors import ConfigError
from core.settings import Settings
from subtitles.translate import chosen, parsed
from subtitles.translate_child import SPACE, marian

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


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    folder = build(tmp_path / "ru-en", PIECES)
    for name in ("source.spm", "target.spm"):
        sentencepiece(folder / name, PIECES)
    return folder


async def translated(settings: Settings, folder: Path, sentences: list[str]) -> list[str]:
    model = chosen(settings, "ru", "en-GB")
    assert model is not None
    assert model.id == folder.name
    work_dir, shares = folder.parent / "work", list[float]()
    work_dir.mkdir()
    runner = await ChildRunner.detect("best-effort")
    told = await model.translate(sentences, work_dir=work_dir, runner=runner, on_progress=shares.append)
    assert shares == [(n + 1) / len(sentences) for n in range(len(sentences))]
    return told


async def test_with_marians_tokenizer(pair: Path) -> None:
    settings = Settings(translation_model=f"ru-en={pair}")
    assert await translated(settings, pair, ["Добрый день.", "Ещё раз!"] * 6) == ["Good day."] * 12
    assert chosen(settings, "ru", "de") is None
    assert chosen(settings, "en", "ru") is None
    assert chosen(Settings(), "ru", "en") is None


async def test_with_a_tokenizer_of_its_own(tmp_path: Path) -> None:
    folder = build(tmp_path / "many", [*PIECES, *LANGUAGES])
    vocabulary = {token: number for number, token in enumerate([*PIECES, *LANGUAGES])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = Settings(translation_model=f"*={folder}")
    # Its decoder begins after the token of the language, one position on.
    told = await translated(settings, folder, ["Добрый день."])
    assert [text.split()[0] for text in told] == ["day."]
    assert chosen(settings, "ru", "de") is None, "no token of its vocabulary says German"


def test_pieces_of_marian(pair: Path) -> None:
    tokenizer = marian(pair / "source.spm")
    assert tokenizer.encode("Добрый  день").tokens == [f"{SPACE}Добрый", f"{SPACE}день"]
    assert tokenizer.encode("день Z").tokens[:1] == [f"{SPACE}день"]


@pytest.mark.parametrize("setting", ["/models/ru-en", "ru=/models/a", "ru-en=", "ru-en"])
def test_a_wrong_setting_is_named(setting: str) -> None:
    with pytest.raises(ConfigError, match="KADR_TRANSLATION_MODEL"):
        parsed(setting)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    settings = Settings(translation_model=f"ru-en={tmp_path}")
    with pytest.raises(ConfigError, match=r"no model\.bin"):
        chosen(settings, "ru", "en")
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"no tokenizer\.json, and no source\.spm"):
        chosen(settings, "ru", "en")
