"""What two commits made of the same input -> which bytes changed, and whether the CHANGELOG says so. Pure.

A change of bytes is explained by a line that was added to CHANGELOG.md since the base: "Changes the bytes of: CASE,
CASE." (anywhere in it). It is for users, too: they will see other files where they make a title again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_EXPLAINED = re.compile(r"changes the bytes of:? +([\w., -]+)", re.IGNORECASE)

Digests = dict[str, str]  # by file or answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """`changed`: names whose bytes differ between the commits, or exist in one only, or that only HEAD makes anew each
    time. `shaky`: those that the base makes anew each time, so that nothing can be said of them. `explained`: the line
    of the CHANGELOG."""

    changed: tuple[str, ...]
    shaky: tuple[str, ...]
    explained: str | None

    @property
    def fails(self) -> bool:
        return bool(self.changed) and self.explained is None


def compare(case: str, base: Sequence[Digests], head: Sequence[Digests], added: Sequence[str]) -> Bytes:
    """All runs of both sides, and the lines that the CHANGELOG has more."""
    before, runs = base[0], [*base[1:], *head]
    shaky = {name for name in _names(base) if any(one.get(name) != before.get(name) for one in base)}
    changed = {name for name in _names(head) | _names(base) if any(one.get(name) != before.get(name) for one in runs)}
    return Bytes(
        changed=tuple(sorted(changed - shaky)),
        shaky=tuple(sorted(shaky)),
        explained=explanation(case, added),
    )


def explanation(case: str, added: Sequence[str]) -> str | None:
    """The added line that names this case."""
    for line in added:
        if (found := _EXPLAINED.search(line)) and case in re.findall(r"[\w-]+", found[1]):
            return line.strip()
    return None


def _names(runs: Sequence[Digests]) -> set[str]:
    return {name for one in runs for name in one}
