"""A credentials file of NATS (.creds): the token of a user, and the key that answers a server's challenge.

By `cryptography`, which Kadr has: the library's own way needs a package without wheels that is not kept up.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.errors import ConfigError

_PART = re.compile(r"-+BEGIN ([A-Z ]+)-+\s*(\S+?)\s*-+END \1-+")
_SEED_BYTES = 36  # two of its kind, 32 of the key, two that check it
_USER_SEED = "SU"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user's token and key."""

    jwt: bytes
    key: Ed25519PrivateKey

    @classmethod
    def read(cls, file: Path) -> Self:
        """Raises ConfigError, which shows nothing of it, for a file that is not there or is none."""
        try:
            parts = dict(_PART.findall(file.read_text("utf-8")))
            jwt, seed = parts["NATS USER JWT"], parts["USER NKEY SEED"]
            decoded = base64.b32decode(seed + "=" * (-len(seed) % 8))
        except OSError as exc:
            raise ConfigError(f"KADR_NATS_CREDENTIALS={file}: {exc.strerror or exc}") from exc
        except (ValueError, KeyError):
            seed, decoded = "", b""
        if not seed.startswith(_USER_SEED) or len(decoded) != _SEED_BYTES or not _is_whole(decoded):
            raise ConfigError(f"KADR_NATS_CREDENTIALS={file} is no credentials file of a NATS user")
        return cls(jwt=jwt.encode(), key=Ed25519PrivateKey.from_private_bytes(decoded[2:34]))

    def token(self) -> bytes:
        """The token, as the server wants it."""
        return self.jwt

    def sign(self, challenge: str) -> bytes:
        """The answer to a server's challenge, in base64."""
        return base64.b64encode(self.key.sign(challenge.encode()))


def _is_whole(decoded: bytes) -> bool:
    """Whether the last two bytes check the others: CRC-16/XMODEM, little-endian."""
    return binascii.crc_hqx(decoded[:-2], 0) == int.from_bytes(decoded[-2:], "little")
