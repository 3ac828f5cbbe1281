"""What `kadr cost` answers, for the report: a headline, the bill and what to turn first, in its own words."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from cost.answer import answer
from cost.words import Words
from presets.price_book import price_book
from presets.scenario import DEFAULT_SCENARIO, scenario

LANGUAGE = "en"


def money(name: str = DEFAULT_SCENARIO) -> dict[str, Any]:
    """Of a scenario, by its name or its YAML file, JSON-ready. Raises ConfigError for one that is not there."""
    about = scenario(file=Path(name)) if name.endswith((".yaml", ".yml")) else scenario(name)
    words = Words(answer(about, price_book()), LANGUAGE)
    return {
        "scenario": name,
        "headline": words.headline(),
        "limits": words.limits(),
        "basis": words.basis(),
        "lines": [asdict(row) for row in words.lines()],
        "stacks": [asdict(row) for row in words.stacks()],
        "turns": [asdict(row) for row in words.turns()],
    }
