"""CloudFront's signed URLs and signed cookies. Pure.

In: a prefix (a custom policy covers `{base_url}{prefix}*`) or one path (a canned policy), and an expiry. Out: the query
Policy or Expires, Signature, Key-Pair-Id, or the same as cookies named `CloudFront-...`. The policy is JSON without
spaces; base64 is spelled with `-_~` for `+=/`. RSA signs PKCS #1 v1.5; ECDSA (P-256) signs DER. SHA-1 is CloudFront's
default, SHA-256 is announced by Hash-Algorithm=SHA256.

A key's id is the id of the public key in CloudFront. RSA-2048 signs some 5,000 times a second and core: see `bucketed`.
The viewer's address may be bound to a custom policy, as IPv4 only: switch IPv6 off at the distribution.
"""

import base64
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.errors import ConfigError
from origin.cdn.signers.canonical import canonical_path, canonical_prefix
from origin.cdn.signers.options import Options, Secret, as_bytes, parsed_keys
from origin.cdn.signers.signer import CannotSign, Signed, SigningContext, signing_key, viewer_ip

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_ALPHABET = str.maketrans("+=/", "-_~")


class Policy(StrEnum):
    """Custom: sent along with the signature. Canned: one path and an expiry, rebuilt by CloudFront."""

    CUSTOM = "custom"
    CANNED = "canned"


class Place(StrEnum):
    """Where the signature travels."""

    QUERY = "query"
    COOKIE = "cookie"


class Hash(StrEnum):
    """The digest of the policy that is signed."""

    SHA1 = "sha1"
    SHA256 = "sha256"


def policy_text(resource: str, expires_at: int, ip: str | None = None) -> str:
    """The exact text that is signed; CloudFront builds the canned one anew, in this order, without spaces."""
    condition: dict[str, object] = {"DateLessThan": {"AWS:EpochTime": expires_at}}
    if ip is not None:
        condition["IpAddress"] = {"AWS:SourceIp": ip}
    return json.dumps({"Statement": [{"Resource": resource, "Condition": condition}]}, separators=(",", ":"))


def spelled(value: bytes) -> str:
    """`value` in base64, in CloudFront's alphabet."""
    return base64.b64encode(value).decode().translate(_ALPHABET)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudFrontSigner:
    """`keys` by the id of the public key in CloudFront."""

    keys: Mapping[str, PrivateKey]
    base_url: str
    policy: Policy
    place: Place
    hash: Hash
    lock_ip: bool
    in_path: ClassVar[bool] = False

    @property
    def covers_prefix(self) -> bool:
        """Whether one signature is valid for everything below a prefix."""
        return self.policy is Policy.CUSTOM

    @property
    def per_viewer(self) -> bool:
        """Whether the signature is bound to the viewer."""
        return self.lock_ip

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign a prefix, or one path where `covers_prefix` is false. Raises PrefixRefused or CannotSign."""
        kid, key = signing_key(self.keys)
        if self.policy is Policy.CUSTOM:
            path = canonical_prefix(prefix)
            text = policy_text(f"{self.base_url}{path}*", expires_at, self._ip(context))
            fields = [("Policy", spelled(text.encode()))]
        else:
            path = canonical_path(prefix)
            text = policy_text(f"{self.base_url}{path}", expires_at)
            fields = [("Expires", str(expires_at))]
        fields += [("Signature", spelled(_signature(key, text.encode(), self.hash))), ("Key-Pair-Id", kid)]
        if self.hash is Hash.SHA256:
            fields.append(("Hash-Algorithm", "SHA256"))
        if self.place is Place.COOKIE:
            return Signed(path=path, cookies=tuple((f"CloudFront-{name}", value) for name, value in fields))
        return Signed(path=path, query="&".join(f"{name}={value}" for name, value in fields))

    def _ip(self, context: SigningContext) -> str | None:
        if not self.lock_ip:
            return None
        ip = viewer_ip(context)
        if not isinstance(ip, ipaddress.IPv4Address):
            raise CannotSign("CloudFront binds a signature to IPv4 addresses only")
        return f"{ip}/32"


def _signature(key: PrivateKey, text: bytes, hash_name: Hash) -> bytes:
    # SHA-1 because CloudFront's default is; a forged policy would need a second preimage.
    algorithm = hashes.SHA256() if hash_name is Hash.SHA256 else hashes.SHA1()  # noqa: S303
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text, padding.PKCS1v15(), algorithm)
    return key.sign(text, ec.ECDSA(algorithm))


def from_options(keys: Mapping[str, Secret], options: Options) -> CloudFrontSigner:
    """The signer for an operator\'s keys and options. Raises ConfigError."""
    policy = options.choice("policy", Policy.CUSTOM, Policy.CANNED)
    lock_ip = options.flag("lock_ip")
    if lock_ip and policy is Policy.CANNED:
        raise ConfigError(f"{options.scheme}: option lock_ip needs policy=custom; a canned policy names no address")
    return CloudFrontSigner(
        keys=parsed_keys(
            options.scheme, keys, _private_key, "an RSA or P-256 private key in PEM, without a passphrase"
        ),
        base_url=options.base_url(needed=True),
        policy=policy,
        place=options.choice("place", Place.QUERY, Place.COOKIE),
        hash=options.choice("hash", Hash.SHA1, Hash.SHA256),
        lock_ip=lock_ip,
    )


def _private_key(key: Secret) -> PrivateKey:
    try:
        loaded = load_pem_private_key(as_bytes(key), password=None)
    except (TypeError, UnsupportedAlgorithm) as exc:  # with a passphrase, or of a kind not known here
        raise ValueError from exc
    if isinstance(loaded, rsa.RSAPrivateKey):
        return loaded
    if isinstance(loaded, ec.EllipticCurvePrivateKey) and isinstance(loaded.curve, ec.SECP256R1):
        return loaded
    raise ValueError
