"""Chapters as lines of text, as the page of a title edits them; in Node."""

import pytest

from studio import FOLDER
from tests import node

pytestmark = node.needed


def added(text: str, seconds: float) -> tuple[str, str]:
    """The text with a chapter at this second, and what of it is selected."""
    call = f"kadr.withChapterAt({text!r}, {seconds}, 'Chapter')"
    edited = node.run((FOLDER / "pages" / "chapter_lines.ts",), f"return {call}")
    return edited["text"], edited["text"][edited["from"] : edited["to"]]


@pytest.mark.parametrize(
    ("text", "seconds", "expected"),
    [
        ("", 0.4, "0:00 Chapter"),
        ("0:00 Clay", 65.9, "0:00 Clay\n1:05 Chapter"),
        ("0:00 Clay\n1:05:00 Kiln", 65, "0:00 Clay\n1:05 Chapter\n1:05:00 Kiln"),
        ("0:10 Clay\n\nno time\n", 5, "0:05 Chapter\n0:10 Clay\nno time"),
    ],
)
def test_a_chapter_goes_where_its_time_belongs(text: str, seconds: float, expected: str) -> None:
    assert added(text, seconds) == (expected, "Chapter")


def test_one_that_begins_in_this_second_is_there_already() -> None:
    assert added("0:00 Clay\n0:05.5 Wheel and water\n0:09 Kiln", 5.2) == (
        "0:00 Clay\n0:05.5 Wheel and water\n0:09 Kiln",
        "Wheel and water",
    )


def test_automatic_chapters_as_lines() -> None:
    code = "return kadr.asLines([{start: 0, title: 'Clay'}, {start: 3605.2, title: 'Kiln'}])"
    assert node.run((FOLDER / "pages" / "chapter_lines.ts",), code) == "0:00 Clay\n1:00:05 Kiln"
