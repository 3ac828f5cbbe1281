"""A price book: what machines, storage, CDNs and video platforms charge, each price with where it comes from.

In: a file of presets/prices/, read when it is asked for. Out: `PriceBook`, in the currency that it names. Refuses a
wrong file and an unknown name with ConfigError.
"""

from datetime import date
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field, model_validator

from core.errors import ConfigError
from presets.document import Amount, Form, load_named

FOLDER = "prices"
DEFAULT_BOOK = "2026-11"
ANYWHERE = "any"  # the region of a price that is the same in all of them


class Grade(StrEnum):
    """How a price is known. C and M are to be verified before money depends on them."""

    OFFICIAL = "A"  # the vendor's page or documentation
    TRANSCRIBED = "B"  # somebody's dated transcription of that page
    OLD = "C"  # an older copy, a blog, or notes
    MEMORY = "M"  # a list price of long standing, written down from memory

    @property
    def verify(self) -> bool:
        """Whether the price is to be verified before it is relied on."""
        return self in (Grade.OLD, Grade.MEMORY)


class Tier(Form):
    """The price of each unit up to `up_to` of them a month; without it, of all that are left."""

    up_to: Amount | None = Field(default=None, gt=0)
    price: Amount


class Price(Form):
    """One price, or marginal tiers: each unit costs what its own tier says."""

    unit: str
    price: Amount | None = None
    tiers: tuple[Tier, ...] = ()
    region: str = ANYWHERE
    grade: Grade
    date: date
    source: str
    step: Amount = Field(default=1e-9, gt=0)  # it is bought in multiples of so many units

    @model_validator(mode="after")
    def _goes_up(self) -> Self:
        if (self.price is None) == (not self.tiers):
            raise ValueError("must have a price or tiers, one of them (null takes out the other)")
        ends = [tier.up_to for tier in self.tiers]
        if self.tiers and (ends[-1] is not None or None in ends[:-1]):
            raise ValueError("must have tiers with up_to, and a last one without")
        known = [end for end in ends if end is not None]
        if any(second <= first for first, second in pairwise(known)):
            raise ValueError("must have tiers whose up_to grows")
        return self


class Plan(Form):
    """A flat plan of a CDN: so many GB and requests a month for one price, and no overage."""

    name: str
    price: Amount = Field(gt=0)
    gb: Amount = Field(gt=0)
    requests: Amount = Field(gt=0)


class Plans(Form):
    """The flat plans of a CDN, with where they come from."""

    grade: Grade
    date: date
    source: str
    region: str = ANYWHERE
    plans: tuple[Plan, ...] = Field(min_length=1)


class Cdn(Form):
    """A CDN: prices per GB by region (`any`: all), or flat plans; and per request."""

    name: str
    deliver: dict[str, Price] = Field(default_factory=dict)
    plans: Plans | None = None
    requests: Price | None = None  # none: they cost nothing

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.deliver) == (self.plans is not None):
            raise ValueError("must have deliver or plans, one of them")
        return self


class Storage(Form):
    """A store of objects. What it sends to a CDN of `free_to` costs no egress; to others `egress` a GB.

    Of that, `free_times` as much as is stored is free.
    """

    name: str
    store: Price
    put: Price | None = None
    get: Price | None = None
    egress: Price | None = None
    free_times: Amount = 0
    free_to: tuple[str, ...] = ()


class EncodePrice(Price):
    """What a minute of one output costs; `outputs`: how many of this price a title has."""

    outputs: int = Field(default=1, ge=1)


class Vendor(Form):
    """A platform that does the same work. It bills by the minute, or by what storage and CDN of this book charge."""

    name: str
    encode: tuple[EncodePrice, ...] = ()
    least_s: Amount = 0  # a shorter title is billed as one of this length
    store: Price | None = None
    storage: str | None = None
    keeps_source: bool = False
    deliver: Price | None = None
    cdn: str | None = None
    captions: Price | None = None
    note: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.store is None) == (self.storage is None) or (self.deliver is None) == (self.cdn is None):
            raise ValueError("must have one of store and storage, and one of deliver and cdn")
        return self


class PriceBook(Form):
    """Form of a file in presets/prices/."""

    name: str
    currency: str
    core_hour: Price
    storage: dict[str, Storage]
    cdn: dict[str, Cdn]
    vendors: dict[str, Vendor]

    @model_validator(mode="after")
    def _knows_what_it_names(self) -> Self:
        for key, vendor in self.vendors.items():
            if vendor.storage is not None and vendor.storage not in self.storage:
                raise ValueError(f"must have the storage {vendor.storage} that {key} names")
            if vendor.cdn is not None and vendor.cdn not in self.cdn:
                raise ValueError(f"must have the CDN {vendor.cdn} that {key} names")
        for key, store in self.storage.items():
            if strange := set(store.free_to) - set(self.cdn):
                raise ValueError(f"must have the CDNs that {key} is free to, and lacks {', '.join(sorted(strange))}")
        return self

    def the_cdn(self, key: str) -> Cdn:
        """The CDN of this name. Raises ConfigError for an unknown one."""
        return _known(self.cdn, key, "CDN", self.name)

    def the_storage(self, key: str) -> Storage:
        """The storage of this name. Raises ConfigError for an unknown one."""
        return _known(self.storage, key, "storage", self.name)


T = TypeVar("T")


def _known(entries: dict[str, T], key: str, what: str, book: str) -> T:
    if key not in entries:
        raise ConfigError(f"{key} is no {what} of the price book {book}; it has {', '.join(entries)}")
    return entries[key]


def price_book(name: str = DEFAULT_BOOK, own: Path | None = None) -> PriceBook:
    """The price book of this name, with the file `own` laid over it. Raises ConfigError."""
    return load_named(FOLDER, name, PriceBook, own)
