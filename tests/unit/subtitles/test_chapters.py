"""Chapters: at a change of topic and at pauses, never short ones, none where there is nothing to divide."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.media.encoded import Cue
from subtitles.cues.chapters import LEAST, LEAST_MS, as_cues, chapters
from tests.speech import BOATS, BREAD, STARS, spoken


def test_a_change_of_topic_begins_a_chapter() -> None:
    cues, starts = spoken([BREAD, STARS, BOATS, BREAD])
    end_ms = cues[-1].end_ms + 1_000
    found = chapters(cues, end_ms)
    assert len(found) == 4
    for chapter, start in zip(found, starts, strict=True):
        assert abs(chapter.start_ms - start) <= 6_500, "within two cues"
    assert (found[0].start_ms, found[-1].end_ms) == (0, end_ms)
    assert "stars" in found[1].title.casefold()
    assert "boat" in found[2].title.casefold()


def test_a_pause_alone_begins_one_too() -> None:
    cues, starts = spoken([BREAD, BREAD, BREAD, BREAD], pause_ms=8_000)
    assert [chapter.start_ms for chapter in chapters(cues, cues[-1].end_ms)] == starts


def test_one_topic_without_a_pause_has_none() -> None:
    cues, _ = spoken([BREAD])
    assert chapters(cues, cues[-1].end_ms) == []


def test_a_short_clip_has_none() -> None:
    cues, _ = spoken([BREAD, STARS, BOATS])
    assert chapters(cues[:8], 25_000) == []
    assert chapters([], 600_000) == []


def test_a_part_that_repeats_nothing_is_named_by_how_it_begins() -> None:
    said = (
        "From fairest creatures we desire increase, that thereby beauty's rose might never die.",
        "Two loves I have.",
    )
    cues = [Cue(start_ms=at, end_ms=at + 2_000, text=said[at % 3 > 0]) for at in (0, 20_000, 40_000, 60_000)]
    titles = {chapter.title for chapter in chapters(cues, 80_000)}
    assert titles == {"From fairest creatures we desire increase, that…", "Two loves I have"}


def test_titles_are_text_in_webvtt() -> None:
    cues, _ = spoken([BREAD, STARS.replace("gravity", "a&b<c>"), BOATS])
    titles = [cue.text for cue in as_cues(chapters(cues, cues[-1].end_ms))]
    assert len(titles) == 3
    for title in titles:
        assert not set("<>") & set(title)


LINES = st.lists(
    st.tuples(
        st.integers(0, 30_000),
        st.integers(1, 9_000),
        st.lists(st.sampled_from((BREAD + STARS + BOATS).split()), max_size=12),
    ),
    max_size=60,
)


@given(LINES)
def test_they_cover_the_title_and_none_is_short(said: list[tuple[int, int, list[str]]]) -> None:
    cues, at = [], 0
    for gap, length, words in said:
        at += gap
        cues.append(Cue(start_ms=at, end_ms=at + length, text=" ".join(words)))
        at += length
    found = chapters(cues, at + 1)
    assert found == [] or len(found) >= LEAST
    if found:
        assert (found[0].start_ms, found[-1].end_ms) == (0, at + 1)
        assert all(one.end_ms == after.start_ms for one, after in pairwise(found))
        assert all(one.end_ms - one.start_ms >= LEAST_MS for one in found)
        assert all(one.title for one in found)
