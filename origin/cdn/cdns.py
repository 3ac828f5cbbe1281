"""The CDNs from which titles can be played, as frozen values. `origin.cdn.cdn_file` reads them from a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from core.errors import ConfigError
from origin.cdn.signers import Signer, make_signer

OWN_ID = "origin"
OWN_SCHEME = "own"

Option = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most a pathway gets; None is no limit. The monthly one acts on what the operator reports: steering.board."""

    max_sessions: int | None = None
    max_gb_per_month: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeSettings:
    """Which adapter of origin.cdn.purge purges a pathway's caches, and its settings."""

    adapter: str
    settings: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdn:
    """One pathway. `id` is its PATHWAY-ID, `base_url` has no slash at its end, `keys` is key id -> secret."""

    id: str
    base_url: str
    scheme: str
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, Option] = field(default_factory=dict)
    weight: float = 1.0
    regions: frozenset[str] = frozenset()
    price_per_gb: float | None = None
    limits: Limits = Limits()
    probe_path: str | None = None
    purge: PurgeSettings | None = None


@dataclass(frozen=True, kw_only=True)
class Cdns:
    """All pathways, in the file's order. `price_sensitivity`: see origin.cdn.steering.score."""

    all: tuple[Cdn, ...]
    price_sensitivity: float = 1.0

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The PATHWAY-ID of each CDN, in the order of the file."""
        return tuple(cdn.id for cdn in self.all)


def only_origin(origin_base: str) -> Cdns:
    """The pathways without a file: this origin alone."""
    return Cdns(all=(Cdn(id=OWN_ID, base_url=origin_base, scheme=OWN_SCHEME),))


def signers(cdns: Cdns, own_keys: Mapping[str, bytes]) -> dict[str, Signer]:
    """Pathway id -> its signer. The scheme `own` without keys signs with the origin's. Raises ConfigError."""
    by_cdn: dict[str, Signer] = {}
    for cdn in cdns.all:
        keys: Mapping[str, str | bytes] = cdn.keys or (own_keys if cdn.scheme == OWN_SCHEME else {})
        try:
            by_cdn[cdn.id] = make_signer(cdn.scheme, keys, {"base_url": cdn.base_url, **cdn.options})
        except ConfigError as exc:
            raise ConfigError(f"KADR_CDNS: {cdn.id}: {exc}") from exc
    return by_cdn
