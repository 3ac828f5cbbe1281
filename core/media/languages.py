"""Languages by BCP 47 tag: the standard form of a tag, and what a language calls itself. Pure.

A table of the common ones instead of a library: importing one with all of CLDR takes seconds and hundreds of megabytes,
on the loop of whoever meets the first titled track.
"""

import re

from core.media.language_names import NAMES, REPLACED

_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def standard_tag(tag: str) -> str | None:
    """A tag in the form of RFC 5646, 2.1.1: "ENG" is "en", "pt_br" is "pt-BR". None for what is no language tag."""
    tag = tag.replace("_", "-")
    if not _TAG.fullmatch(tag):
        return None
    language, *rest = tag.split("-")
    language = REPLACED.get(language.lower(), language.lower())
    parts, private = [language], False
    for subtag in rest:
        private = private or len(subtag) == 1
        parts.append(subtag.lower() if private else _cased(subtag))
    return "-".join(parts)


def language_name(tag: str) -> str:
    """Name of a language in that language: "de" is "Deutsch". The tag itself where it is unknown.

    A variety that has no name of its own is named after its language: "pl-US" is "polski (US)".
    """
    standard = standard_tag(tag)
    if standard is None:
        return tag
    if standard in NAMES:
        return NAMES[standard]
    language, _, variety = standard.partition("-")
    return f"{NAMES[language]} ({variety})" if language in NAMES else tag


def _cased(subtag: str) -> str:
    """Regions (two letters) in capitals, scripts (four) with one, everything else in small letters."""
    if len(subtag) == 2:
        return subtag.upper()
    return subtag.title() if len(subtag) == 4 and subtag.isalpha() else subtag.lower()
