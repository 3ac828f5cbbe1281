"""subtitles.speech.models.known_models: the table of models whose files are known."""

import re

import pytest

from core.models.known import KnownModel
from subtitles.speech.models.known_models import DEFAULT, KNOWN, is_english_only, known_model
from subtitles.speech.models.model import NEEDED, REPOSITORIES, VOCABULARIES

DIGEST = re.compile(r"[0-9a-f]{64}")


def test_what_kadr_up_fetches_is_known_and_speaks_many_languages() -> None:
    default = known_model(DEFAULT)
    assert default is not None
    assert not is_english_only(DEFAULT)
    assert default.files["model.bin"].sha256 == "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
    assert known_model("Systran/faster-whisper-base") is default


def test_most_models_are_not_known() -> None:
    assert known_model("small") is None
    assert known_model("me/own") is None


@pytest.mark.parametrize("model", KNOWN.values(), ids=list(KNOWN))
def test_a_known_model_is_whole(model: KnownModel) -> None:
    assert model.repository in REPOSITORIES.values()
    assert set(NEEDED) < set(model.files)
    assert len(set(VOCABULARIES) & set(model.files)) == 1
    packages = {wheel.name.replace("-", "_") for wheel in model.wheels}
    for file in model.files.values():
        assert DIGEST.fullmatch(file.sha256)
        assert file.size_bytes > 0
        assert {piece.partition("/")[0] for piece in file.pieces} <= packages
    for wheel in model.wheels:
        assert DIGEST.fullmatch(wheel.sha256)
        assert re.fullmatch(r"\d+\.\d+\.\d+", wheel.version)
    assert model.wheels_bytes < model.size_bytes  # they are compressed
    assert is_english_only(str(model.repository)) == str(model.repository).endswith(".en")
