"""The one spelling of a path that may be signed. Pure.

In: a path as it was written. Out: the same path, decoded once, of plain names only. Refuses what two servers could read
in two ways: encoded slashes, dot segments, NUL, a second layer of encoding, empty names, and every character
that is a wildcard or a delimiter in some scheme (`*`, `?`, `!`, `~`, `&`, `,`). Kadr's own paths need none of them.
"""

import re

from core.errors import KadrError

_CLEAN = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[0-9A-Za-z._-]+)+/?")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_PLAIN = re.compile(r"[0-9A-Za-z._-]")
_MAX_CHARACTERS = 1024


class PrefixRefused(KadrError):
    """The path cannot be signed as it is spelled."""


def canonical_prefix(prefix: str) -> str:
    """`prefix`, decoded; it names at least one folder, starts with `/` and ends in `/`. Raises PrefixRefused.

    The `/` at the end keeps `/v/as_1/ab/` from covering `/v/as_1/abc/`.
    """
    path = canonical_path(prefix)
    if not path.endswith("/"):
        raise PrefixRefused(f"{path}: a prefix ends in /")
    return path


def canonical_path(path: str) -> str:
    """The decoded path of one file or folder. Raises PrefixRefused."""
    if len(path) > _MAX_CHARACTERS:
        raise PrefixRefused(f"a path has at most {_MAX_CHARACTERS} characters")
    decoded = _ESCAPE.sub(_decoded, path) if "%" in path else path
    if not _CLEAN.fullmatch(decoded):
        raise PrefixRefused(
            f"{path!r}: a path starts with / and its names are letters, digits and ._-, none of them empty, . or .."
        )
    return decoded


def _decoded(escape: re.Match[str]) -> str:
    if escape[1] is not None and _PLAIN.fullmatch(character := chr(int(escape[1], 16))):
        return character
    # %2f, %5c, %00 and %25 among them: a server that decodes once more, or once less, would see another path.
    raise PrefixRefused(f"{escape.string!r}: {escape[0]} is no character of a path that can be signed")
