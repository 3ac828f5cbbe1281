"""Which pairs of languages the settings name a translator for, without a look at any model. Pure.

The API refuses with it what no worker could do; whether a model is there and whole, a worker finds out.
"""

from core.settings import Settings

ANY = "*"


def may_translate(settings: Settings, source: str, target: str) -> bool:
    """Whether a translator is set for a pair of language tags; into English a model of Whisper is one."""
    pairs = {item.partition("=")[0].strip().lower() for item in (settings.translation_model or "").split(",")}
    if pairs & {f"{primary_language(source)}-{primary_language(target)}", ANY}:
        return True
    return primary_language(target) == "en" and settings.whisper_model is not None


def primary_language(tag: str) -> str:
    """ "pt-BR" is "pt"."""
    return tag.partition("-")[0].lower()
