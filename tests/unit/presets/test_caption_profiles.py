"""presets.caption: what the file says, for which language, and that a wrong file is named in one sentence."""

import pytest

from core.errors import ConfigError
from presets.caption import (
    CAPTION_NAMES,
    FILE,
    CaptionsForm,
    Script,
    caption_profile,
)
from presets.document import load, parse

LANGUAGES = tuple(load(FILE, CaptionsForm).languages)

ONE = """
profiles:
  standard: {line_characters: 42, wide_line_characters: 16, lines: 2, target_cps: 17, most_cps: 20, shortest_ms: 834,
    longest_ms: 7000, gap_ms: 84, pause_ms: 1000, linger_ms: 500, cue_cost: 40}
languages:
  en: {clinging: a An THE}
"""


def test_the_default_has_the_published_limits() -> None:
    profile = caption_profile()
    assert (profile.line_cells, profile.lines, profile.target_cells, profile.most_cells) == (42, 2, 17, 20)
    assert (profile.shortest_ms, profile.longest_ms, profile.pause_ms, profile.linger_ms) == (834, 7000, 1000, 500)
    assert profile.gap_ms >= 2000 / 24


def test_the_profiles_and_languages() -> None:
    assert CAPTION_NAMES == ("standard", "lecture", "short-vertical", "cjk")
    assert {"en", "de", "es", "fr", "it", "pt", "nl", "pl", "cs", "sv", "ru", "uk", "zh", "ja"} <= {*LANGUAGES}
    for language in LANGUAGES:
        profile = caption_profile("standard", language)
        assert profile.script is Script.JOINED or (profile.clinging and profile.conjunctions), language


def test_full_width_scripts_count_two_cells_a_character() -> None:
    zh, ja, ko = (caption_profile("standard", language) for language in ("zh-Hant", "ja", "ko"))
    assert (zh.script, zh.line_cells, zh.target_cells, zh.most_cells) == (Script.UNSPACED, 32, 18, 22)
    assert (ja.line_cells, ja.most_cells) == (32, 26)
    assert (ko.script, ko.line_cells) == (Script.WIDE, 32)
    assert caption_profile("short-vertical", "zh").line_cells == 16
    assert caption_profile("cjk").script is Script.UNSPACED


def test_a_language_is_found_by_its_first_subtag() -> None:
    assert (
        caption_profile("standard", "pt-BR")
        == caption_profile("standard", "pt_br")
        == caption_profile("standard", "PT")
    )
    assert caption_profile("standard", "tlh").clinging == frozenset()
    assert caption_profile("standard", "tlh").line_cells == 42


def test_an_unknown_profile_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no caption profile 'tv': take one of standard, lecture"):
        caption_profile("tv")


def test_words_are_compared_in_lower_case() -> None:
    assert parse("captions.yaml", ONE, CaptionsForm).profile("standard", "en").clinging == {"a", "an", "the"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("lines: 2", "lines: 3"), "profiles.standard.lines is 3; it should be less than or equal to 2"),
        (("target_cps: 17", "target_cps: 21"), "must have a target_cps of at most most_cps"),
        (("pause_ms: 1000", "pause_ms: 800"), "must have a pause_ms with room for shortest_ms and gap_ms"),
        (("standard:", "usual:"), "must have the profile standard, the default"),
        (("clinging:", "articles:"), "languages.en.articles is no key known here"),
        (("gap_ms: 84, ", ""), "profiles.standard.gap_ms is missing"),
        (("{clinging", "{target_cps: 9, clinging"), "must have target_cps and most_cps, the first at most the second"),
    ],
)
def test_a_wrong_file_is_told_in_one_sentence(change: tuple[str, str], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse("captions.yaml", ONE.replace(*change), CaptionsForm)
    assert told in str(refused.value)
    assert str(refused.value).startswith("presets/captions.yaml")
