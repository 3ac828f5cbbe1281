"""The rules by which captions are marked in the studio: those that Kadr cuts its own captions by.

In: a caption profile's name and a language. Out: numbers for the page's script; lengths in characters of the script.
"""

from typing import Any

from presets.caption import DEFAULT, caption_profile


def of(profile_name: str | None, language: str | None) -> dict[str, Any]:
    """The rules of a profile, by default the standard one, for a language (BCP 47)."""
    profile = caption_profile(profile_name or DEFAULT, language)
    cells = 2 if profile.script.wide else 1
    return {
        "cells_per_character": cells,
        "line_characters": profile.line_cells // cells,
        "lines": profile.lines,
        "most_cps": profile.most_cells // cells,
        "shortest_ms": profile.shortest_ms,
        "longest_ms": profile.longest_ms,
        "gap_ms": profile.gap_ms,
        "spaced": profile.spaced,
    }
