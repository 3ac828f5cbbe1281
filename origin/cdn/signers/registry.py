"""All signing schemes by name. Pure.

In: a scheme, its keys (id -> secret, the signing one first), its options. Out: a signer. Refuses, as ConfigError, an
unknown scheme, an unknown option, and a value or a secret of another form than the scheme takes. Every scheme takes the
option `base_url`; the ones that sign the host need it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from core.errors import ConfigError
from origin.cdn.signers import (
    akamai,
    bunny,
    cat,
    cloudflare,
    cloudfront,
    fastly,
    google_cdn,
    google_media,
    kadr,
    keycdn,
    secure_link,
)
from origin.cdn.signers.options import Options, Secret, checked_keys
from origin.cdn.signers.signer import Signer

SCHEMES: Mapping[str, Callable[[Mapping[str, Secret], Options], Signer]] = MappingProxyType(
    {
        "own": kadr.from_options,
        "secure_link": secure_link.from_options,
        "cloudfront": cloudfront.from_options,
        "akamai": akamai.from_options,
        "bunny": bunny.from_options,
        "fastly": fastly.from_options,
        "cloudflare": cloudflare.from_options,
        "google_cdn": google_cdn.from_options,
        "google_media": google_media.from_options,
        "keycdn": keycdn.from_options,
        "cat": cat.from_options,
    }
)
# Schemes whose key ids are assigned by the CDN and are part of the signature.
NAMED_KEYS = frozenset({"cloudfront", "google_cdn", "google_media"})


def make_signer(scheme: str, keys: Mapping[str, Secret], options: Mapping[str, object]) -> Signer:
    """The signer of one CDN. Raises ConfigError."""
    factory = SCHEMES.get(scheme)
    if factory is None:
        raise ConfigError(f"there is no signing scheme {scheme!r}; accepted: {', '.join(SCHEMES)}")
    given = Options(scheme, options)
    signer = factory(checked_keys(scheme, keys), given)
    given.done()
    return signer
