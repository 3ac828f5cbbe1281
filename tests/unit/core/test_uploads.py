"""core.db.uploads: how a size is cut into parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db.uploads import MAX_PARTS
from tests.uploads import upload_of

MIB = 2**20


def parts(size_bytes: int, smallest_bytes: int) -> list[int]:
    upload = upload_of(size_bytes, smallest_part_bytes=smallest_bytes)
    return upload.part_sizes


@pytest.mark.parametrize(
    ("size", "smallest", "expected"),
    [
        (0, 16 * MIB, []),
        (1, 16 * MIB, [1]),
        (16 * MIB, 16 * MIB, [16 * MIB]),
        (16 * MIB + 1, 16 * MIB, [16 * MIB, 1]),
        (48 * MIB, 16 * MIB, [16 * MIB] * 3),
        (1000 * MIB, MIB, [MIB] * 1000),
        (1000 * MIB + 1, MIB, [2 * MIB] * 500 + [1]),
    ],
)
def test_parts(size: int, smallest: int, expected: list[int]) -> None:
    assert parts(size, smallest) == expected


@given(st.integers(1, 50 * 1024**4), st.integers(1, 1024 * MIB))
def test_parts_add_up_and_are_at_most_a_thousand(size: int, smallest: int) -> None:
    cut = parts(size, smallest)
    assert sum(cut) == size
    assert 1 <= len(cut) <= MAX_PARTS
    assert all(part == cut[0] for part in cut[:-1])
    assert 0 < cut[-1] <= cut[0]
    assert len(cut) == 1 or cut[0] >= smallest
