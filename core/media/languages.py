"""Names of languages for people, from BCP 47 tags. Pure."""

from functools import lru_cache


@lru_cache(maxsize=512)
def language_name(tag: str) -> str:
    """Name of a language in that language: "de" is "Deutsch". The tag itself where it is unknown."""
    # Imported here, because its tables take long to load.
    import langcodes

    try:
        language = langcodes.Language.get(tag)
    except ValueError:
        return tag
    return language.autonym() if language.is_valid() else tag
