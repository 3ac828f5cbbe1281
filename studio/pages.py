"""Renders the templates of pages: HTML with every value escaped."""

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from studio import FOLDER, scripts
from studio.texts import catalogue, text_in


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["at_once"] = scripts.at_once
    environment.filters["clock"] = clock
    return environment


def clock(seconds: float) -> str:
    """65 -> "1:05", 3605 -> "1:00:05"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def render(template: str, language: str, **values: Any) -> str:
    """The page of a template. In it are `values`, `lang`, and `text(key, ...)` for the texts of the language.

    `code_text(code, detail)` is the sentence of an error code, or `detail` where there is none.
    """
    known = catalogue(language)

    def code_text(code: str, detail: str) -> str:
        return known.get(f"code.{code}", detail)

    return (
        _environment()
        .get_template(template)
        .render(lang=language, text=text_in(language), known_texts=known, code_text=code_text, **values)
    )
