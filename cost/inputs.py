"""The inputs of the model: what each is called, its unit, its default, and where a value comes from. Pure.

In: a scenario, what was measured, and what somebody has given by hand. Out: `Inputs`. Refuses an unknown name and a
value out of its range with ConfigError.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from core.errors import ConfigError
from presets.scenario import BASE, Scenario


class Origin(StrEnum):
    """Where a value comes from, the strongest first."""

    GIVEN = "given"  # by --set, or in the form of the studio
    MEASURED = "measured"
    SCENARIO = "scenario"
    DEFAULT = "default"


class Group(StrEnum):
    """What an input is about. A scenario knows audience and catalogue better than what was measured elsewhere."""

    CATALOGUE = "catalogue"
    AUDIENCE = "audience"
    TECHNICAL = "technical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One input: its unit, its default, and the least and the most it may be. The texts have the default's reason."""

    unit: str
    default: float
    group: Group
    least: float = 0.0
    most: float = 1e15


def _of(unit: str, default: float, group: Group, *, least: float = 0.0, most: float = 1e15) -> Definition:
    return Definition(unit=unit, default=default, group=group, least=least, most=most)


_C, _A, _T = Group.CATALOGUE, Group.AUDIENCE, Group.TECHNICAL
# Of each kind of title. docs/cost.md has the reasons at more length.
OF_KIND: Mapping[str, Definition] = {
    "items": _of("", 1_000, _C),
    "share": _of("share", 1, _C, most=1),
    "title_s": _of("s", 60, _C, least=0.1, most=43_200),
    "new_share": _of("share/month", 0.05, _C, most=100),
    "viewers": _of("", 10_000, _A),
    "starts": _of("/viewer", 8, _A),
    "watched_s": _of("s/start", 24, _A, most=43_200),
    "zipf": _of("exponent", 0.9, _A, most=3),
    "rate_mbps": _of("Mb/s", 1.2, _A, most=200),
    "buffer_s": _of("s", 30, _T, most=3_600),
    "segment_s": _of("s", 6, _T, least=0.5, most=60),
    "ladder_mb": _of("MB/min", 25, _T, most=10_000),
    "pictures_mb": _of("MB/title", 1, _T, most=10_000),
    "source_mb": _of("MB/min", 60, _T, most=100_000),
    "source_days": _of("days", math.inf, _T),
    "renditions": _of("", 5, _T, least=1, most=100),
    "encode_cpu_s": _of("CPU s/min", 90, _T, most=1e6),
    "pictures_cpu_s": _of("CPU s/min", 10, _T, most=1e6),
    "captions_cpu_s": _of("CPU s/min", 30, _T, most=1e6),
}
# Of the whole installation.
OF_ALL: Mapping[str, Definition] = {
    "retry": _of("share", 0, _T, most=10),
    "startup_requests": _of("/start", 6, _T, most=100),
    "cache_gb": _of("GB", 4_000, _T),
    "cache_days": _of("days", 30, _T, most=3_650),
    "life_months": _of("months", 24, _T, least=1, most=600),
    "av1_saving": _of("share", 0.3, _T, most=0.95),
    "av1_devices": _of("share", 0.7, _T, most=1),
    "hevc_saving": _of("share", 0.14, _T, most=0.95),
    "hevc_devices": _of("share", 0.35, _T, most=1),
}


DELIVERED = "delivered"
ECONOMY = "economy"  # an effort; of a measured encode_cpu_s, the share of minutes that were made with it
SHORT_S = 60  # titles up to this long are clips
CLIP_BUFFER_S = 8  # what Kadr's own player loads ahead of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One input with where it comes from; `note` names the text about that, which `facts` fill."""

    value: float
    origin: Origin
    note: str = ""  # DELIVERED: it follows from other inputs
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindInputs:
    """The inputs of one kind of title, as plain numbers. Units: OF_KIND."""

    items: float
    share: float
    title_s: float
    new_share: float
    viewers: float
    starts: float
    watched_s: float
    zipf: float
    rate_mbps: float
    buffer_s: float
    segment_s: float
    ladder_mb: float
    pictures_mb: float
    source_mb: float
    source_days: float
    renditions: float
    encode_cpu_s: float
    pictures_cpu_s: float
    captions_cpu_s: float

    @property
    def delivered_s(self) -> float:
        """Seconds that are delivered a month: what players load ahead counts, up to the end of the title."""
        watched_s = min(self.title_s, self.watched_s)
        return self.viewers * self.starts * min(self.title_s, watched_s + self.buffer_s)

    @property
    def egress_gb(self) -> float:
        """GB that are delivered a month."""
        return self.delivered_s * self.rate_mbps / 8 / 1000


@dataclass(frozen=True, slots=True)
class Inputs:
    """Every input by its name: KIND.INPUT, or INPUT of the whole installation."""

    values: Mapping[str, Value] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.values[name].value

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of title, in the scenario's order."""
        return tuple(dict.fromkeys(name.partition(".")[0] for name in self.values if "." in name))

    def kind(self, name: str) -> KindInputs:
        """The inputs of one kind."""
        return KindInputs(**{one.name: self[f"{name}.{one.name}"] for one in fields(KindInputs)})

    def having(self, changes: Mapping[str, float], origin: Origin = Origin.GIVEN) -> "Inputs":
        """The same with other values. Raises ConfigError for an unknown name and a value out of its range."""
        changed = dict(self.values)
        for name, value in changes.items():
            if name not in changed:
                raise ConfigError(f"{name} is no input here; there are {', '.join(changed)}")
            changed[name] = Value(value=_checked(name, value), origin=origin)
        return replace(self, values=changed)


def definition(name: str) -> Definition:
    """Of an input by its full name."""
    kind, _, own = name.rpartition(".")
    return (OF_KIND if kind else OF_ALL)[own]


def inputs_of(
    scenario: Scenario,
    *,
    variant: str = BASE,
    measured: Mapping[str, Value] | None = None,
    delivered: Value | None = None,
    given: Mapping[str, float] | None = None,
) -> Inputs:
    """Given by hand wins; then what was measured of our own work; then the scenario; then the default.

    What was measured of catalogue and audience only takes the place of defaults: a scenario is about another platform.
    `delivered`: the GB that CDNs deliver a month, by their logs; the starts of a scenario with one kind follow from it.
    """
    values = {name: Value(value=one.default, origin=Origin.DEFAULT) for name, one in _all(scenario)}
    named = set()
    for place, name, value in _named(scenario, variant):
        if name not in values:
            raise ConfigError(f"{place} is no input here; there are {', '.join(values)}")
        values[name] = Value(value=_checked(name, float(value), place), origin=Origin.SCENARIO)
        named.add(name)
    for name, found in (measured or {}).items():
        if definition(name).group is Group.TECHNICAL or name not in named:
            values[name] = replace(found, value=_bounded(name, found.value))
    inputs = Inputs(values).having(given or {})
    return inputs if delivered is None else _delivering(delivered, inputs)


def _delivering(delivered: Value, inputs: Inputs) -> Inputs:
    """The same with as many starts as deliver so many GB, where nobody has said how many there are."""
    starts = f"{inputs.kinds[0]}.starts"
    each_gb = inputs.having({starts: 1}).kind(inputs.kinds[0]).egress_gb
    if len(inputs.kinds) > 1 or inputs.values[starts].origin is not Origin.DEFAULT or each_gb <= 0:
        return inputs
    found = replace(delivered, value=_bounded(starts, delivered.value / each_gb))
    return replace(inputs, values={**inputs.values, starts: found})


def _named(scenario: Scenario, variant: str) -> Iterator[tuple[str, str, float]]:
    """(where it stands in the scenario's file, KIND.INPUT or INPUT, value) of what it names, the strongest last."""
    for kind, one in scenario.kinds.items():
        yield from ((f"kinds.{kind}.inputs.{name}", f"{kind}.{name}", value) for name, value in one.inputs.items())
    yield from ((f"inputs.{name}", name, value) for name, value in scenario.inputs.items())
    yield from ((f"variants.{variant}.{name}", name, value) for name, value in scenario.variant(variant).items())


def _all(scenario: Scenario) -> Iterator[tuple[str, Definition]]:
    for kind in scenario.kinds:
        yield from ((f"{kind}.{name}", one) for name, one in OF_KIND.items())
    yield from OF_ALL.items()


def _checked(name: str, value: float, shown: str = "") -> float:
    known = definition(name)
    endless = math.isinf(known.default) and math.isinf(value) and value > 0
    if not endless and not known.least <= value <= known.most:
        raise ConfigError(f"{shown or name} is {value:g}; it must be from {known.least:g} to {known.most:g}")
    return value


def _bounded(name: str, value: float) -> float:
    """What was measured is true, and never refused: a title of three frames has thousands of MB per minute."""
    known = definition(name)
    return min(known.most, max(known.least, value))
