"""`cursor` of a list of assets: where a page ended, as an opaque text. Pure.

In the orders by age that is the id of the last asset; in the others the text has what was sorted by as well, so that
the next page begins there whatever has become of that asset.
"""

import base64
import binascii
import json
import re

from core.db.assets import Position, Sort
from core.http.problems import Problem

_ID = re.compile(r"as_[0-9a-z]{26}")
_BY_AGE = (Sort.NEWEST, Sort.OLDEST)


def written(position: Position, sort: Sort) -> str:
    """The cursor of a page that ends here."""
    if sort in _BY_AGE:
        return position.id
    text = json.dumps([sort.value, position.key, position.id], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(cursor: str | None, sort: Sort) -> Position | None:
    """The position; None where the list begins. Raises Problem(422) for a cursor that is not of this order."""
    if cursor is None:
        return None
    position = _by_age(cursor) if sort in _BY_AGE else _by_key(cursor, sort)
    if position is None:
        hint = "Use next_cursor of the page before, with the same sort, or begin without a cursor."
        raise Problem(422, "invalid", "The cursor is not of a list in this order.", hint=hint, pointer="/cursor")
    return position


def _by_age(cursor: str) -> Position | None:
    return Position(id=cursor) if _ID.fullmatch(cursor) else None


def _by_key(cursor: str, sort: Sort) -> Position | None:
    try:
        found = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) != 3:
        return None
    order, key, ident = found
    kind = str if sort is Sort.TITLE else float
    good = order == sort.value and type(key) is kind and isinstance(ident, str) and _ID.fullmatch(ident)
    return Position(id=ident, key=key) if good and _can_be_stored(str(key)) else None


def _can_be_stored(text: str) -> bool:
    """Whether PostgreSQL takes the text: no NUL, and no half of a surrogate pair, which JSON can hold."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
