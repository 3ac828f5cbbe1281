"""Signing playback for several CDNs: one small file per scheme behind one interface, hence more than 15 files.
Pure, but for the memory of `remembering`.

Path tokens are the default: relative URIs inherit them. The docstring of each file says what its scheme signs.
"""

from origin.cdn.signers.canonical import PrefixRefused, canonical_path, canonical_prefix
from origin.cdn.signers.registry import NAMED_KEYS, SCHEMES, make_signer
from origin.cdn.signers.signer import (
    SKEW_S,
    CannotSign,
    DeliveryExpired,
    DeliveryRefused,
    Signed,
    Signer,
    SigningContext,
)

__all__ = [
    "NAMED_KEYS",
    "SCHEMES",
    "SKEW_S",
    "CannotSign",
    "DeliveryExpired",
    "DeliveryRefused",
    "PrefixRefused",
    "Signed",
    "Signer",
    "SigningContext",
    "canonical_path",
    "canonical_prefix",
    "make_signer",
]
