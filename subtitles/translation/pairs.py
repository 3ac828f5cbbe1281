"""KADR_TRANSLATION_MODEL: which pairs of languages have a translator, without a look at any model. Pure.

The API refuses with it what no worker could do; whether a model is there and whole, a worker finds out.
"""

from collections.abc import Iterator

from core.settings import Settings

ANY = "*"


def may_translate(settings: Settings, source: str, target: str) -> bool:
    """Whether a translator is set for a pair of language tags; into English a model of Whisper is one."""
    pairs = {pair for pair, _ in entries(settings.translation_model)}
    if pairs & {f"{primary_language(source)}-{primary_language(target)}", ANY}:
        return True
    return primary_language(target) == "en" and settings.whisper_model is not None


def entries(setting: str | None) -> Iterator[tuple[str, str]]:
    """Each (pair, folder) of "ru-en=/models/ru-en,*=/models/many", unchecked; the folder is "" where none is given."""
    for item in filter(None, (setting or "").split(",")):
        pair, _, folder = item.partition("=")
        yield pair.strip().lower(), folder.strip()


def primary_language(tag: str) -> str:
    """The first part of a language tag: "pt" of "pt-BR"."""
    return tag.partition("-")[0].lower()
