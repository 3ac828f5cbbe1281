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
    """`changed`: names whose bytes differ between the commits, or exist in one only. `shaky`: that one commit alone
    makes anew each time, so that nothing can be said of them. `explained`: the line of the CHANGELOG."""

    changed: tuple[str, ...]
    shaky: tuple[str, ...]
    explained: str | None

    @property
    def fails(self) -> bool:
        return bool(self.changed) and self.explained is None


def compare(case: str, base: Sequence[Digests], head: Sequence[Digests], added: Sequence[str]) -> Bytes:
    """All runs of both sides, and the lines that the CHANGELOG has more."""
    shaky = sorted(_unsteady(base) | _unsteady(head))
    before, after = base[0], head[0]
    changed = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name) and name not in shaky
    )
    return Bytes(changed=tuple(changed), shaky=tuple(shaky), explained=explanation(case, added))


def explanation(case: str, added: Sequence[str]) -> str | None:
    """The added line that names this case."""
    for line in added:
        if (found := _EXPLAINED.search(line)) and case in re.findall(r"[\w-]+", found[1]):
            return line.strip()
    return None


def _unsteady(runs: Sequence[Digests]) -> set[str]:
    return {name for one in runs for name in one.keys() | runs[0].keys() if one.get(name) != runs[0].get(name)}
