"""The part of a title that two fields name; in Node."""

import pytest

from studio import FOLDER
from tests import node

pytestmark = node.needed


@pytest.mark.parametrize(
    ("start", "end", "fault"),
    [
        ("0", "10", False),
        ("2.5", "2.6", False),
        ("2.5", "2.55", True),
        ("3", "2", True),
        ("-1", "2", True),
        ("0", "10.05", False),  # the field shows two digits of a duration
        ("0", "11", True),
        ("", "5", True),
        ("0", "", True),
        ("x", "5", True),
    ],
)
def test_a_part(start: str, end: str, fault: bool) -> None:
    part = node.run((FOLDER / "pages" / "part.ts",), f"return kadr.partOf({start!r}, {end!r}, 10)")
    assert part["fault"] is fault
