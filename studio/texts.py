"""The texts of pages, in each language of `texts/`; the player's scripts are built with the same files. Pure.

A text is named by a key such as `watch.preparing`, and has placeholders in braces: `{title}`.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache

from studio import FOLDER

DEFAULT = "en"
LANGUAGES = tuple(sorted(path.stem for path in (FOLDER / "texts").glob("*.json")))

Text = Callable[..., str]


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of a language by key."""
    texts: dict[str, str] = json.loads((FOLDER / "texts" / f"{language}.json").read_text("utf-8"))
    return texts


def text_in(language: str) -> Text:
    """A function that gives the text of a key with its placeholders filled. Raises KeyError for an unknown key."""
    texts = catalogue(language)

    def text(key: str, **values: str) -> str:
        return texts[key].format_map(values) if values else texts[key]

    return text


def language_of(accept_language: str, wanted: str | None = None) -> str:
    """The language `wanted` where there are texts in it, else the reader's favourite of Accept-Language (RFC 9110)."""
    if wanted in LANGUAGES:
        return wanted
    ranked: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:20]:
        tag, _, quality = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        if primary in LANGUAGES:
            ranked.append((_quality(quality), primary))
    best = max(ranked, key=lambda one: one[0], default=(0.0, DEFAULT))
    return best[1] if best[0] > 0 else DEFAULT


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
