"""A recording made by a browser names no language, and is not English for that."""

import pytest

from transcode.probe.said_language import said_language


@pytest.mark.parametrize(
    ("language", "encoder", "said"),
    [
        ("eng", "Chrome", None),
        ("eng", "QTmuxingAppLibWebM-0.0.1", None),
        ("rus", "Chrome", "rus"),
        ("eng", "libebml v1.4.5 + libmatroska v1.7.1", "eng"),
        ("eng", "", "eng"),
        (None, "Chrome", None),
    ],
)
def test_what_a_file_says(language: str | None, encoder: str, said: str | None) -> None:
    assert said_language(language, encoder) == said
