"""ingest.bodies.cursor: a cursor says where a page ended, and is of one order."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db.assets import Position, Sort
from core.http.problems import Problem
from ingest.bodies import cursor
from ingest.bodies.fields import AN_ASSET

TITLES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=100)


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(TITLES)
def test_a_title_is_read_again(title: str) -> None:
    position = Position(id=AN_ASSET, key=title)
    assert cursor.read(cursor.written(position, Sort.TITLE), Sort.TITLE) == position


@given(st.floats(-1, 1e6))
def test_a_duration_is_read_again(duration_s: float) -> None:
    position = Position(id=AN_ASSET, key=duration_s)
    assert cursor.read(cursor.written(position, Sort.LONGEST), Sort.LONGEST) == position


def test_by_age_it_is_the_id() -> None:
    assert cursor.written(Position(id=AN_ASSET), Sort.OLDEST) == AN_ASSET
    assert cursor.read(AN_ASSET, Sort.NEWEST) == Position(id=AN_ASSET)
    assert cursor.read(None, Sort.TITLE) is None


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("as_1", Sort.NEWEST),
        (encoded(["title", "a", AN_ASSET]), Sort.NEWEST),
        (AN_ASSET, Sort.TITLE),
        ("A", Sort.TITLE),
        (encoded("title"), Sort.TITLE),
        (encoded(["title", "a"]), Sort.TITLE),
        (encoded(["title", 1.0, AN_ASSET]), Sort.TITLE),
        (encoded(["title", "a\0", AN_ASSET]), Sort.TITLE),
        (encoded(["title", "\ud800", AN_ASSET]), Sort.TITLE),
        (encoded(["title", "a", "as_1"]), Sort.TITLE),
        (encoded(["title", "a", AN_ASSET]), Sort.LONGEST),
        (encoded(["longest", "a", AN_ASSET]), Sort.LONGEST),
        (encoded(["longest", True, AN_ASSET]), Sort.LONGEST),
    ],
)
def test_any_other_is_refused(text: str, sort: Sort) -> None:
    with pytest.raises(Problem) as told:
        cursor.read(text, sort)
    assert (told.value.status, told.value.code, told.value.pointer) == (422, "invalid", "/cursor")
