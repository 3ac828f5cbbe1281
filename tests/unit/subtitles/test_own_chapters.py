"""Chapters that an owner gives: one on each line, in order, within the title."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtitles.cues.own_chapters import (
    LONGEST_TITLE,
    Misplaced,
    NotAChapter,
    OwnChapter,
    as_lines,
    from_lines,
    from_stored,
    misplaced,
    whole,
)

TITLES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)


def chapters(*starts: float) -> list[OwnChapter]:
    return [OwnChapter(start_s=start, title=f"at {start}") for start in starts]


@pytest.mark.parametrize(
    ("line", "start_s", "title"),
    [
        ("0:00 Introduction", 0.0, "Introduction"),
        ("  1:05   Glazing, twice ", 65.0, "Glazing, twice"),
        ("01:02:03 - Kiln", 3723.0, "Kiln"),
        ("90:00 – Late", 5400.0, "Late"),
        ("0:05.25 A quarter", 5.25, "A quarter"),
        ("0:05,5 -1 degrees", 5.5, "-1 degrees"),
        ("0:00 <script>alert(1)</script>", 0.0, "<script>alert(1)</script>"),
    ],
)
def test_a_line(line: str, start_s: float, title: str) -> None:
    assert from_lines(line) == [(1, OwnChapter(start_s=start_s, title=title))]


@pytest.mark.parametrize(
    "line",
    [
        "Introduction",
        "0:00",
        "1:5 Short",
        "0:75 Too many seconds",
        "12 Seconds alone",
        f"0:00 {'x' * 201}",
        "-1:00 Before",
    ],
)
def test_what_is_no_chapter_is_told_with_its_line(line: str) -> None:
    with pytest.raises(NotAChapter) as told:
        from_lines(f"0:00 Clay\n\n{line}\n9:00 Kiln")
    assert told.value.line == 3


def test_empty_lines_count_as_lines_only() -> None:
    assert [number for number, _ in from_lines("\n0:00 Clay\n\n\n0:10 Kiln\n")] == [2, 5]
    assert from_lines(" \n\n") == []


@given(st.lists(st.tuples(st.integers(0, 10**7), TITLES), max_size=10))
def test_what_is_written_is_read_again(values: list[tuple[int, str]]) -> None:
    written = [OwnChapter(start_s=at_ms / 1000, title=title) for at_ms, title in values if title not in "-–—"]
    assert [one for _, one in from_lines(as_lines(written))] == written


def test_they_begin_one_after_the_other_and_within_the_title() -> None:
    assert misplaced(chapters(0, 2, 4), 4.001) is None
    assert misplaced(chapters(3), None) is None, "the first may begin later, and no length is known yet"
    assert misplaced(chapters(0, 4, 2), 10) == (2, Misplaced.ORDER)
    assert misplaced(chapters(0, 2, 2.0004), 10) == (2, Misplaced.ORDER), "in the same millisecond"
    assert misplaced(chapters(0, 4, 10), 10) == (2, Misplaced.END)


def test_each_lasts_until_the_next_and_those_after_the_end_are_left_out() -> None:
    made = whole(chapters(1.5, 4, 20), 10_000)
    assert [(one.start_ms, one.end_ms) for one in made] == [(1500, 4000), (4000, 10_000)]
    assert whole(chapters(20), 10_000) == []


def test_as_they_are_stored() -> None:
    assert from_stored([{"start_s": 1.5, "title": "Clay"}]) == (OwnChapter(start_s=1.5, title="Clay"),)
    assert from_stored(None) == ()
    assert LONGEST_TITLE == 200
