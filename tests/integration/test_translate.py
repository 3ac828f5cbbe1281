"""subtitles.translation.translate: a real model of CTranslate2 in the real sandbox. Its weights are arranged by hand:
it says one sentence whatever it is asked, which proves the way there and back and nothing about translations."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from core.errors import ConfigError
from core.sandbox.child import ChildRunner
from core.settings import Settings
from subtitles.translation.translate import chosen, parsed
from subtitles.translation.translate_child import SPACE, marian
from tests.marian import LANGUAGES, PIECES, build, sentencepiece


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
