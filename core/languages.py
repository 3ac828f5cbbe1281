"""Language tags (BCP 47) as people read them. Pure."""

from functools import lru_cache


@lru_cache(maxsize=512)
def language_name(tag: str) -> str:
    """In the language itself, as a player's menu shows it: "de" is "Deutsch". The tag where it names no language."""
    # Here, because its tables take long to load.
    import langcodes

    try:
        language = langcodes.Language.get(tag)
    except ValueError:
        return tag
    return language.autonym() if language.is_valid() else tag
