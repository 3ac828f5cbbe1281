"""Classes of plain values -> pydantic's adapter of each, which checks JSON and makes it.

An adapter is made when it is first asked for, once per process: making one takes tens of milliseconds, and most
programs that import a class neither read nor write it.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_Kind = TypeVar("_Kind")


def adapter(kind: type[_Kind]) -> "TypeAdapter[_Kind]":
    """Pydantic's adapter of a class: it checks JSON values and makes instances of them, and the reverse."""
    made: TypeAdapter[_Kind] = _made(kind)  # type: ignore[arg-type]  # a class is hashable
    return made


@cache
def _made(kind: Any) -> Any:
    # Imported here: programs in the sandbox have values and no use for the checks, and the import is half their start.
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
