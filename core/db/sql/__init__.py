"""Named SQL: `load("steps")["claim"]` is the statement under `-- name: claim` in steps.sql.

The comment lines below a name say what the statement is for; they stay in it and show up in the server's logs.
"""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def load(room: str) -> dict[str, str]:
    """All named statements of `room`.sql. Raises FileNotFoundError for a room without SQL."""
    parts = _NAME.split((files(__name__) / f"{room}.sql").read_text("utf-8"))
    return {name: sql.strip().rstrip(";") for name, sql in zip(parts[1::2], parts[2::2], strict=True)}
