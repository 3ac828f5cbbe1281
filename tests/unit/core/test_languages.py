"""core.media.languages: names and standard forms of language tags, without a library that takes seconds to load."""

import subprocess
import sys

import pytest

from core.media.language_names import NAMES, REPLACED
from core.media.languages import language_name, standard_tag
from tests.checks import ROOT

# What names languages in API, origin and worker.
NAMING = ("packager.multivariant", "core.db.tracks", "workers.steps.extract", "transcode.plan.audio")


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("de", "Deutsch"),
        ("DE", "Deutsch"),
        ("eng", "English"),
        ("ger", "Deutsch"),
        ("pt-br", "português (Brasil)"),
        ("pt_BR", "português (Brasil)"),
        ("zh-hant", "中文（繁體）"),
        ("iw", "עברית"),
        ("pl-us", "polski (US)"),
        ("de-x-kadr", "Deutsch (x-kadr)"),
        ("yue", "粵語"),
        ("xx", "xx"),
        ("x-foo", "x-foo"),
        ("not a tag", "not a tag"),
        ("", ""),
    ],
)
def test_names(tag: str, name: str) -> None:
    assert language_name(tag) == name


@pytest.mark.parametrize(
    ("tag", "standard"),
    [
        ("ENG", "en"),
        ("sr-latn-rs", "sr-Latn-RS"),
        ("es-419", "es-419"),
        ("sh", "sr-Latn"),
        ("de-CH-1996", "de-CH-1996"),
        ("en-a-BBB-x-YY", "en-a-bbb-x-yy"),
        ("e", None),
        ("en-", None),
        ("english language", None),
    ],
)
def test_standard_forms(tag: str, standard: str | None) -> None:
    assert standard_tag(tag) == standard


def test_every_tag_of_the_tables_is_in_its_standard_form() -> None:
    assert len(NAMES) > 200
    assert {tag: standard_tag(tag) for tag in NAMES} == {tag: tag for tag in NAMES}
    assert {new for new in REPLACED.values() if standard_tag(new) != new} == set()


def test_naming_a_language_loads_no_library() -> None:
    """It took an origin nine seconds and 284 MB, on the loop."""
    program = (
        f"import sys, {', '.join(NAMING)}\n"
        "from core.media.languages import language_name, standard_tag\n"
        "from subtitles.speech.languages import whisper_language\n"
        "from transcode.plan.audio import language_tag\n"
        "assert (language_name('fr'), language_tag('fre'), whisper_language('fre')) == ('français', 'fr', 'fr')\n"
        "print(sorted(name for name in sys.modules if name.startswith(('langcodes', 'language_data'))))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.strip() == "[]"
