"""subtitles.translation.pairs: what the settings name a translator for, without a look at any model."""

import pytest

from core.settings import Settings
from subtitles.translation.pairs import may_translate


@pytest.mark.parametrize(
    ("settings", "source", "target", "may"),
    [
        ({}, "ru", "en", False),
        ({"whisper_model": "base"}, "ru", "en-GB", True),
        ({"whisper_model": "base"}, "ru", "de", False),
        ({"whisper_model": "none"}, "ru", "en", False),
        ({"translation_model": "ru-de=/models/a, sv-en=/models/b"}, "ru-RU", "de-AT", True),
        ({"translation_model": "ru-de=/models/a, sv-en=/models/b"}, "sv", "en", True),
        ({"translation_model": "ru-de=/models/a"}, "de", "ru", False),
        ({"translation_model": "*=/models/many"}, "de", "ru", True),
    ],
)
def test_what_can_be_translated(settings: dict[str, str], source: str, target: str, may: bool) -> None:
    assert may_translate(Settings(**settings), source, target) is may
