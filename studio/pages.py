"""Renders the templates of pages: HTML with every value escaped."""

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from studio import FOLDER, scripts
from studio.texts import text_in


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
    return environment


def render(template: str, language: str, **values: Any) -> str:
    """The page of a template. In it are `values`, `lang`, and `text(key, ...)` for the texts of the language."""
    return _environment().get_template(template).render(lang=language, text=text_in(language), **values)
