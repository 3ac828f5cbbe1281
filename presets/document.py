"""Loads the YAML files in presets/, with an operator's laid over them: text -> validated pydantic model.

KADR_PRESETS names a folder of YAML files with the names of ours. Their mappings are merged into ours key by key, to any
depth; a list, a ladder (a mapping of numbers) and {} are taken whole, and null removes what we have under the key.

Refuses (ConfigError) whatever has another form than the model, in one sentence that names the file, the key and the
accepted form.
"""

import os
from collections.abc import Hashable
from importlib import resources
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, ValidationError
from pydantic_core import ErrorDetails

from core.errors import ConfigError


class Form(BaseModel):
    """Base of the forms of YAML files: immutable; unknown keys, NaN and infinite numbers are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _one_word(value: object) -> object:
    """Encoder parameters are joined as `name=value:name=value`: neither sign may be inside. YAML's `on` is a bool."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or {*":= "} & {*str(value)}:
        raise ValueError("must be a number or a word without ':', '=' and spaces")
    return str(value)


Whole = Annotated[int, Field(strict=True, gt=0)]
Number = StrictInt | StrictFloat
Amount = Annotated[float, Field(strict=True, ge=0)]  # YAML's `yes` and a number between quotes are none
Word = Annotated[StrictStr, BeforeValidator(_one_word)]
Words = dict[Word, Word]

F = TypeVar("F", bound=BaseModel)
_RENAMED = {"lesson": "lecture"}  # of poster and caption profiles; uploads and clients of before have the old name


def current_name(name: str) -> str:
    """The name that a profile has now."""
    return _RENAMED.get(name, name)


# Read by the modules of presets/ when they are imported: they hold the names that commands and requests may use.
FOLDER = "KADR_PRESETS"
_FILES = ("profiles.yaml", "codecs.yaml", "posters.yaml", "captions.yaml")


def load(file: str, form: type[F]) -> F:
    """One of the YAML files in presets/, the operator's laid over it, checked against `form`. Raises ConfigError."""
    own = _own_file(file, os.environ.get(FOLDER, ""))
    return parse(file, resources.files("presets").joinpath(file).read_text(encoding="utf-8"), form, own)


def load_named(folder: str, name: str, form: type[F], own: Path | None = None) -> F:
    """`name`.yaml of a folder of presets/, or of KADR_PRESETS, which is laid over ours; `own` is laid over both.

    Raises ConfigError, also for an unknown name.
    """
    known = names(folder)
    if name not in known:
        raise ConfigError(f"{name} is none of presets/{folder}; known are {', '.join(known)}, or give a file's path")
    file = f"{folder}/{name}.yaml"
    ours = resources.files("presets").joinpath(file)
    text = ours.read_text(encoding="utf-8") if ours.is_file() else None
    theirs = Path(os.environ.get(FOLDER, "")) / file if os.environ.get(FOLDER) else None
    layers = [layer for layer in (theirs if theirs and theirs.is_file() else None, own) if layer]
    return parse(file, text, form, *layers)


def names(folder: str) -> tuple[str, ...]:
    """The names of the files in a folder of presets/, and in that of KADR_PRESETS."""
    places = [resources.files("presets").joinpath(folder)]
    if own := os.environ.get(FOLDER):
        places.append(Path(own) / folder)
    found = {entry.name for place in places if place.is_dir() for entry in place.iterdir()}
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


def parse(file: str, text: str | None, form: type[F], *layers: Path | None) -> F:
    """Parse and validate the text of the file named `file`, with other files laid over it. Raises ConfigError.

    Without a text, the first of the other files stands alone.
    """
    names = [] if text is None else [f"presets/{file}"]
    tree = {} if text is None else _tree(names[0], text)
    for own in filter(None, layers):
        try:
            tree = laid_over(tree, _tree(str(own), own.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{own}: {getattr(exc, 'strerror', None) or exc}") from exc
        names.append(str(own))
    try:
        return form.model_validate(tree)
    except ValidationError as exc:
        raise ConfigError(f"{', laid over '.join(reversed(names))}: {_sentence(exc.errors()[0])}") from exc


def laid_over(ours: object, own: object) -> object:
    """`ours` with `own` laid over it, as the docstring of the module says. Pure."""
    if own is None:
        return ours
    named = isinstance(own, dict) and own and all(isinstance(key, str) for key in own)
    if not (named and isinstance(ours, dict) and isinstance(own, dict)):
        return own
    merged = {key: value for key, value in ours.items() if own.get(key, value) is not None}
    for key, value in own.items():
        if value is not None:
            merged[key] = laid_over(ours.get(key), value)
    return merged


def _own_file(file: str, folder: str) -> Path | None:
    """The operator's file of this name; None without one. Raises ConfigError for a folder that cannot be meant."""
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise ConfigError(f"{FOLDER}={folder}: there is no such folder")
    found = {path.name for path in Path(folder).iterdir() if path.suffix in (".yaml", ".yml")}
    if unknown := sorted(found - {*_FILES}):
        raise ConfigError(
            f"{FOLDER}={folder}: {', '.join(unknown)} is laid over nothing; known are {', '.join(_FILES)}"
        )
    return Path(folder) / file if file in found else None


def _tree(name: str, text: str) -> object:
    try:
        return yaml.load(text, UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise ConfigError(f"{name}, line {line}: {exc.problem}; it must be YAML, each key once") from exc
    except (yaml.YAMLError, RecursionError) as exc:
        raise ConfigError(f"{name}: {' '.join(str(exc).split())}; it must be YAML") from exc


def _sentence(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"] if part != "[key]") or "the whole file"
    if error["type"] == "missing":
        return f"{key} is missing: it must be there"
    if error["type"] == "extra_forbidden":
        return f"{key} is no key known here: leave it out"
    accepted = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    shown = isinstance(error["input"], str | int | float | None)
    return f"{key} is {error['input']!r:.80}; it {accepted}" if shown else f"{key} {accepted}"


class UniqueKeyLoader(yaml.CSafeLoader):
    """YAML lets a second key of the same name win in silence; here it is an error.

    By libyaml, which PyYAML's wheels contain: every program of Kadr reads these files when it starts.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """What looks like a date or a number and is none, such as 2026-02-30, is an error of its line."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as exc:
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value!r:.40} cannot be read ({exc})", node.start_mark
            ) from exc

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a word or a number", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        mapping: dict[object, object] = super().construct_mapping(node, deep)
        return mapping
