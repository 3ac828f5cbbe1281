"""CMCD (CTA-5004) of one request: text -> the few keys that steering uses. Pure and strict.

In: the decoded value of the `CMCD` query argument (`key=value` joined by commas), or the same keys as a JSON object.
Unused keys are skipped, but must be well formed. Raises CmcdRefused for anything else: it is written by players,
and by anyone who pretends to be one.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import KadrError

MAX_CHARACTERS = 4096
MAX_KEYS = 64
_KEY = r"[a-zA-Z][a-zA-Z0-9.-]*"  # custom keys are like com.example-key
_PAIR = re.compile(
    rf'(?P<key>{_KEY})(?:=(?:"(?P<text>(?:[^"\\]|\\["\\])*)"|(?P<number>-?[0-9]{{1,15}}(?:\.[0-9]{{1,3}})?)|(?P<word>[a-zA-Z][a-zA-Z0-9_./:*%-]*)))?'
)
_NUMBERS = {"br": "bitrate_kbps", "bl": "buffer_ms", "mtp": "throughput_kbps"}
_FLAGS = {"bs": "starved", "su": "startup"}


class CmcdRefused(KadrError):
    """The text is not valid CMCD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmcd:
    """What a player reported with one request. None: not reported."""

    bitrate_kbps: int | None = None  # br: of the object
    buffer_ms: int | None = None  # bl
    throughput_kbps: int | None = None  # mtp
    starved: bool = False  # bs: the buffer ran dry since the last request
    startup: bool = False  # su: the object is needed to begin, or after a seek or a stall


def parse(value: str) -> Cmcd:
    """The keys that steering uses. Raises CmcdRefused."""
    if len(value) > MAX_CHARACTERS:
        raise CmcdRefused(f"CMCD has at most {MAX_CHARACTERS} characters")
    pairs = list(_json_pairs(value) if value.lstrip().startswith("{") else _pairs(value))
    keys = [key for key, _ in pairs]
    if not keys or len(keys) > MAX_KEYS or len(set(keys)) != len(keys):
        raise CmcdRefused(f"CMCD has 1 to {MAX_KEYS} keys, each once")
    values: dict[str, int | bool] = {}
    for key, content in pairs:
        if key in _NUMBERS:
            if not isinstance(content, int) or isinstance(content, bool) or content < 0:
                raise CmcdRefused(f"{key} must be a whole number, 0 or more")
            values[_NUMBERS[key]] = content
        elif key in _FLAGS:
            if not isinstance(content, bool):
                raise CmcdRefused(f"{key} must have no value, or true or false")
            values[_FLAGS[key]] = content
    return Cmcd(**values)  # type: ignore[arg-type]


def _pairs(value: str) -> Iterator[tuple[str, object]]:
    at = 0
    while True:
        pair = _PAIR.match(value, at)
        if pair is None:
            raise CmcdRefused(f"there is no key=value at character {at + 1}")
        key, text, number, word = pair.group("key", "text", "number", "word")
        if number is not None:
            yield key, float(number) if "." in number else int(number)
        elif word in ("true", "false") or (word is None and text is None):
            yield key, word != "false"
        else:
            yield key, text if word is None else word
        at = pair.end()
        if at == len(value):
            return
        if value[at] != ",":
            raise CmcdRefused(f"there is no comma at character {at + 1}")
        at += 1


def _json_pairs(value: str) -> Iterator[tuple[str, object]]:
    def as_pairs(pairs: list[tuple[str, object]]) -> list[tuple[str, object]]:
        return pairs  # a dict would hide a repeated key

    try:
        items = json.loads(value, object_pairs_hook=as_pairs)
    except (ValueError, RecursionError) as exc:
        raise CmcdRefused("the text is not a JSON object") from exc
    if not isinstance(items, list) or not all(isinstance(pair, tuple) for pair in items):
        raise CmcdRefused("the text is not a JSON object")
    for key, content in items:
        if not re.fullmatch(_KEY, key) or not isinstance(content, bool | int | float | str):
            raise CmcdRefused(f"{key!r:.40} must be a valid key with a number, a text or a flag")
        yield key, content
