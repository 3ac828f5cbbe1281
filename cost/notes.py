"""Where an input comes from and its unit, in words of a language. Pure."""

import re

from cost.inputs import Origin, Value, definition
from studio.numbers import grouped, number
from studio.texts import text_in


def note_of(name: str, value: Value, language: str) -> str:
    """Why a default is what it is, or what a value was measured of; "" where there is no more to say."""
    text = text_in(language)
    if value.origin is Origin.DEFAULT:
        return text(f"cost.why.{name.rpartition('.')[2]}")
    facts = {key: _shown(fact, language) for key, fact in value.facts.items()}
    return text(f"cost.note.{value.note}", **facts) if value.note else ""


def unit_of(name: str, language: str) -> str:
    """The unit of an input; "" of a count."""
    unit = definition(name).unit
    return text_in(language)(f"cost.unit.{re.sub(r'[^a-z]+', '_', unit.lower()).strip('_')}") if unit else ""


def _shown(fact: float, language: str) -> str:
    return grouped(fact, language, 0) if fact >= 1000 else number(fact, language)
