"""All purge adapters by name. Pure.

In: a name and settings as the operator wrote them. Out: a purger. Raises ConfigError for an unknown adapter, an unknown
setting and a missing one; no value is shown, as most are secrets.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any

from core.errors import ConfigError
from origin.cdn.cdns import Cdns
from origin.cdn.purge.akamai import AkamaiPurger
from origin.cdn.purge.bunny import BunnyPurger
from origin.cdn.purge.cloudflare import CloudflarePurger
from origin.cdn.purge.cloudfront import CloudFrontPurger
from origin.cdn.purge.fastly import FastlyPurger
from origin.cdn.purge.google import GoogleCdnPurger, GoogleMediaPurger
from origin.cdn.purge.keycdn import KeycdnPurger
from origin.cdn.purge.purger import Purger

# Each accepts base_url and its own settings, all of them text, as its fields.
ADAPTERS: Mapping[str, Callable[..., Purger]] = MappingProxyType(
    {
        "akamai": AkamaiPurger,
        "bunny": BunnyPurger,
        "cloudflare": CloudflarePurger,
        "cloudfront": CloudFrontPurger,
        "fastly": FastlyPurger,
        "google_cdn": GoogleCdnPurger,
        "google_media": GoogleMediaPurger,
        "keycdn": KeycdnPurger,
    }
)


def make_purger(adapter: str, base_url: str, settings: Mapping[str, str]) -> Purger:
    """The purger of one CDN. Raises ConfigError."""
    kind: Any = ADAPTERS.get(adapter)
    if kind is None:
        raise ConfigError(f"there is no purge adapter {adapter!r}; accepted: {', '.join(ADAPTERS)}")
    takes = {field.name: field.default is MISSING for field in fields(kind) if field.name != "base_url"}
    if unknown := sorted(settings.keys() - takes.keys()):
        raise ConfigError(f"purge {adapter}: there is no setting {', '.join(unknown)}; it takes {', '.join(takes)}")
    if missing := [name for name, needed in takes.items() if needed and not settings.get(name)]:
        raise ConfigError(f"purge {adapter}: {', '.join(missing)} must be set")
    purger: Purger = kind(base_url=base_url, **settings)
    return purger


def purgers(cdns: Cdns) -> dict[str, Purger]:
    """Pathway id -> its purger, of those that have one. Raises ConfigError."""
    by_cdn = {}
    for cdn in cdns.all:
        if cdn.purge is not None:
            try:
                by_cdn[cdn.id] = make_purger(cdn.purge.adapter, cdn.base_url, cdn.purge.settings)
            except ConfigError as exc:
                raise ConfigError(f"KADR_CDNS: {cdn.id}: {exc}") from exc
    return by_cdn
