"""A scenario: a platform of a certain size, of which `kadr cost` says what it costs a month.

In: a file of presets/scenarios/, or another of the same form. Out: `Scenario`. Refuses a wrong file and an unknown name
with ConfigError; what an input is called and how large it may be is judged by cost.inputs.
"""

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from core.errors import ConfigError
from presets.document import Form, Number, load_named, parse
from presets.price_book import ANYWHERE

FOLDER = "scenarios"
DEFAULT_SCENARIO = "1m-mau"
INSTALLATION = "installation"  # this one: its catalogue is measured
BASE = "base"  # the variant without changes


class Stack(Form):
    """What Kadr runs on: names of the price book, what is fixed a month, and where viewers are ({region: share})."""

    name: str
    cdn: str
    storage: str
    fixed: float = Field(ge=0)
    fixed_for: str = ""  # what that buys
    regions: dict[str, float] = Field(default_factory=lambda: {"eu_na": 1.0})

    @field_validator("regions")
    @classmethod
    def _is_whole(cls, regions: dict[str, float]) -> dict[str, float]:
        if abs(sum(regions.values()) - 1) > 1e-6 or min(regions.values(), default=-1) < 0 or ANYWHERE in regions:
            raise ValueError("must be shares of regions that add up to 1")
        return regions


class Kind(Form):
    """Titles of one kind. `profile`: that of Kadr they are encoded with, by which measurements are found."""

    profile: str = ""
    inputs: dict[str, Number] = Field(default_factory=dict)


class Scenario(Form):
    """Form of a file in presets/scenarios/. Inputs that it does not name have their defaults.

    `inputs` are those of all kinds; `variants` are {name: {KIND.INPUT or INPUT: value}} over the rest.
    """

    name: str
    question: str = ""
    budget: float | None = Field(default=None, gt=0)  # of a month
    stack: Stack
    others: tuple[Stack, ...] = ()
    kinds: dict[str, Kind] = Field(min_length=1)
    inputs: dict[str, Number] = Field(default_factory=dict)
    variants: dict[str, dict[str, Number]] = Field(default_factory=dict)
    not_in_it: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _no_second_base(self) -> Self:
        if BASE in self.variants:
            raise ValueError(f"must have no variant {BASE}: that is the scenario without one")
        return self

    def variant(self, name: str) -> dict[str, Number]:
        """The changes of this variant. Raises ConfigError for an unknown one."""
        if name == BASE:
            return {}
        if name not in self.variants:
            raise ConfigError(f"{name} is no variant of {self.name}; it has {', '.join((BASE, *self.variants))}")
        return self.variants[name]


def scenario(name: str = DEFAULT_SCENARIO, file: Path | None = None) -> Scenario:
    """The scenario of this name, or that in `file`, which stands alone. Raises ConfigError."""
    return load_named(FOLDER, name, Scenario) if file is None else parse(str(file), "{}", Scenario, file)
