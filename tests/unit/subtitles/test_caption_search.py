"""Search in captions: every moment once, across cues, whatever the case, the accents and the marks."""

import pytest

from core.media.encoded import Cue
from subtitles.cues.search import Index

CUES = [
    Cue(start_ms=0, end_ms=1_000, text="Grüße, und <b>willkommen</b>"),
    Cue(start_ms=1_000, end_ms=2_000, text="zum Kurs &amp; zur Übung.\nEins"),
    Cue(start_ms=2_000, end_ms=3_000, text="zwei, drei – Eins zwei"),
    Cue(start_ms=3_000, end_ms=4_000, text="Ёлка: 42 < 43"),
]


@pytest.mark.parametrize(
    ("sought", "starts"),
    [
        ("grüsse", [0]),
        ("GRUSSE", [0]),
        ("willkommen zum kurs", [0]),
        ("kurs & zur ubung", [1_000]),
        ("eins zwei", [1_000, 2_000]),
        ("елка", [3_000]),
        ("42 43", [3_000]),
        ("b", [1_000]),
        ("amp", []),
        ("...", []),
        ("", []),
    ],
)
def test_where_it_is_said(sought: str, starts: list[int]) -> None:
    assert [found.start_ms for found in Index(CUES).find(sought)] == starts


def test_texts_are_plain_and_bounded() -> None:
    found = Index(CUES).find("willkommen")
    assert found[0].text == "Grüße, und willkommen"
    many = [Cue(start_ms=n, end_ms=n + 1, text="same") for n in range(1000)]
    assert len(Index(many).find("same", most=7)) == 7
