"""The rules that the captions editor marks by are those of presets/captions.yaml, in characters of the language."""

import pytest

from core.errors import ConfigError
from ingest.studio import cue_rules
from presets.caption import caption_profile


def test_rules_are_those_of_the_profile_in_characters() -> None:
    english, chinese = cue_rules.of(None, "en-GB"), cue_rules.of("standard", "zh-Hant")
    profile = caption_profile("standard", "zh")
    assert chinese["most_cps"] * 2 == profile.most_cells
    assert chinese["line_characters"] * 2 == profile.line_cells
    assert (english["cells_per_character"], chinese["cells_per_character"]) == (1, 2)
    assert (english["spaced"], chinese["spaced"]) == (True, False)
    assert english["line_characters"] > chinese["line_characters"]


def test_captions_made_by_another_profile_are_marked_by_that() -> None:
    lecture = caption_profile("lecture", None)
    assert cue_rules.of("lecture", None)["longest_ms"] == lecture.longest_ms
    with pytest.raises(ConfigError):
        cue_rules.of("no such profile", "en")
