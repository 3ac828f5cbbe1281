"""Loads the YAML files in presets/: text -> validated pydantic model.

Refuses (ConfigError) whatever has another form than the model, in one sentence that names the file, the key and the
accepted form.
"""

from importlib import resources
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, ValidationError
from pydantic_core import ErrorDetails

from core.errors import ConfigError


class Form(BaseModel):
    """Base of the forms of YAML files: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _one_word(value: object) -> object:
    """Encoder parameters are joined as `name=value:name=value`: neither sign may be inside. YAML's `on` is a bool."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or {*":= "} & {*str(value)}:
        raise ValueError("must be a number or a word without ':', '=' and spaces")
    return str(value)


Whole = Annotated[int, Field(strict=True, gt=0)]
Number = StrictInt | StrictFloat
Word = Annotated[StrictStr, BeforeValidator(_one_word)]
Words = dict[Word, Word]

F = TypeVar("F", bound=BaseModel)


def load(file: str, form: type[F]) -> F:
    """One of the YAML files in presets/, checked against `form`. Raises ConfigError."""
    return parse(file, resources.files("presets").joinpath(file).read_text(encoding="utf-8"), form)


def parse(file: str, text: str, form: type[F]) -> F:
    """Parse and validate the text of the file named `file`. Raises ConfigError."""
    try:
        return form.model_validate(yaml.load(text, UniqueKeyLoader))  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise ConfigError(f"presets/{file}, line {line}: {exc.problem}; it must be YAML, each key once") from exc
    except ValidationError as exc:
        raise ConfigError(f"presets/{file}: {_sentence(exc.errors()[0])}") from exc


def _sentence(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"] if part != "[key]") or "the whole file"
    if error["type"] == "missing":
        return f"{key} is missing: it must be there"
    if error["type"] == "extra_forbidden":
        return f"{key} is no key known here: leave it out"
    accepted = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    shown = isinstance(error["input"], str | int | float | None)
    return f"{key} is {error['input']!r:.80}; it {accepted}" if shown else f"{key} {accepted}"


class UniqueKeyLoader(yaml.SafeLoader):
    """YAML lets a second key of the same name win in silence; here it is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        mapping: dict[object, object] = super().construct_mapping(node, deep)
        return mapping
