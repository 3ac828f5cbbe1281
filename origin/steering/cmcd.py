"""CMCD (CTA-5004) of one request: text -> the few keys that steering uses. Pure and strict.

In: the decoded value of the `CMCD` query argument (`key=value` joined by commas), or the same keys as a JSON object.
Keys that are not used are read past, but must be well formed. Refuses with CmcdRefused what is not CMCD: whoever
writes it is a player or somebody who only says so.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import KadrError

MAX_CHARACTERS = 4096
MAX_KEYS = 64
_KEY = r"[a-zA-Z][a-zA-Z0-9.-]*"  # others' own keys are like com.example-key
_PAIR = re.compile(
    rf'(?P<key>{_KEY})(?:=(?:"(?P<text>(?:[^"\\]|\\["\\])*)"|(?P<number>-?[0-9]{{1,15}}(?:\.[0-9]{{1,3}})?)|(?P<word>[a-zA-Z][a-zA-Z0-9_./:*%-]*)))?'
)
_NUMBERS = {"br": "bitrate_kbps", "bl": "buffer_ms", "mtp": "throughput_kbps"}
_FLAGS = {"bs": "starved", "su": "startup"}


class CmcdRefused(KadrError):
    """This is not CMCD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmcd:
    """What a player said with one request. None: it did not say."""

    bitrate_kbps: int | None = None  # br: of the object
    buffer_ms: int | None = None  # bl
    throughput_kbps: int | None = None  # mtp
    starved: bool = False  # bs: the buffer ran dry since the last request
    startup: bool = False  # su: the object is needed to begin, or after a seek or a stall


def parse(value: str) -> Cmcd:
    """Raises CmcdRefused."""
    if len(value) > MAX_CHARACTERS:
        raise CmcdRefused(f"CMCD has at most {MAX_CHARACTERS} characters")
    pairs = list(_json_pairs(value) if value.lstrip().startswith("{") else _pairs(value))
    keys = [key for key, _ in pairs]
    if not keys or len(keys) > MAX_KEYS or len(set(keys)) != len(keys):
        raise CmcdRefused(f"CMCD has 1 to {MAX_KEYS} keys, each once")
    said: dict[str, int | bool] = {}
    for key, found in pairs:
        if key in _NUMBERS:
            if not isinstance(found, int) or isinstance(found, bool) or found < 0:
                raise CmcdRefused(f"{key} is a whole number, 0 or more")
            said[_NUMBERS[key]] = found
        elif key in _FLAGS:
            if not isinstance(found, bool):
                raise CmcdRefused(f"{key} stands alone, or is true or false")
            said[_FLAGS[key]] = found
    return Cmcd(**said)  # type: ignore[arg-type]


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
    def kept(pairs: list[tuple[str, object]]) -> list[tuple[str, object]]:
        return pairs  # a dict would hide a key that stands twice

    try:
        found = json.loads(value, object_pairs_hook=kept)
    except (ValueError, RecursionError) as exc:
        raise CmcdRefused("this is no JSON object") from exc
    if not isinstance(found, list) or not all(isinstance(pair, tuple) for pair in found):
        raise CmcdRefused("this is no JSON object")
    for key, said in found:
        if not re.fullmatch(_KEY, key) or not isinstance(said, bool | int | float | str):
            raise CmcdRefused(f"{key!r:.40} is no key with a number, a word or a flag")
        yield key, said
