"""Which parameters of a test run in `make test`, and which of the same kind only in `make acceptance`."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest

MORE_MEDIA = "more media of a kind that make test has one of"
MORE_PLAYERS = "more players in real time: make test has one for each behaviour"
MORE_VALUES = "more values of a kind that make test has some of"


def some(values: Iterable[Any], kept: Collection[Any], reason: str = MORE_MEDIA) -> list[Any]:
    """All `values` as parameters; those whose first (or only) part is not `kept` are marked for acceptance.

    Fails where something kept is not among the values, so that a renamed value does not silently leave make test.
    """
    found = []
    missing = list(kept)
    for value in values:
        parts = value if isinstance(value, tuple) else (value,)
        if parts[0] in kept:
            missing = [one for one in missing if one != parts[0]]
            found.append(pytest.param(*parts))
        else:
            found.append(pytest.param(*parts, marks=pytest.mark.acceptance(reason)))
    assert not missing, f"not among the values: {missing}"
    return found
