"""Signatures of webhooks as Standard Webhooks 1.0.0 has them: HMAC-SHA256 over `id.timestamp.body`. Pure."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32
FIXED_HEADERS = {"Content-Type": "application/json", "User-Agent": "Kadr-Webhooks"}


def new_secret() -> str:
    """A new secret, whsec_ and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that sign. Raises ValueError for text that is no secret of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ValueError("a webhook secret is whsec_ and base64") from exc
    if not 24 <= len(key) <= 64:
        raise ValueError("a webhook secret has 24 to 64 bytes")
    return key


def headers(secret_texts: Sequence[str], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a webhook with this body, which is sent as it is. `timestamp`: of the attempt, Unix.

    Every secret signs, so that receivers may have the old or the new one while they change it.
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key_of(text), signed, hashlib.sha256)).decode() for text in secret_texts]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
