"""Webhooks as Standard Webhooks sign them: verify one that has come, sign one to send. Pure.

The signature is HMAC-SHA256 over `id.timestamp.body`, in base64 after "v1,". A header can have several, separated by
spaces, as while a secret is rotated; one that is right is enough.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence

from kadr_client.errors import WebhookError
from kadr_client.shapes.event import Event

PREFIX = "whsec_"
TOLERANCE_S = 300.0
_ID, _TIMESTAMP, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secrets: str | Sequence[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now: float | None = None,
) -> Event:
    """The event in a request, if one of the secrets (`whsec_...`) has signed it, now or up to `tolerance_s` ago.

    `body` is the body to the last byte, as it came, and not JSON that was read and written again. `now`: Unix seconds;
    default: the clock. Raises WebhookError for a request to refuse, and ValueError for a secret that cannot be one.
    """
    if not isinstance(body, bytes):
        raise TypeError("body must be the bytes of the request's body, as they came")
    keys = _keys(secrets)
    sent = {name.lower(): value for name, value in headers.items()}
    if missing := [name for name in (_ID, _TIMESTAMP, _SIGNATURE) if not sent.get(name)]:
        raise WebhookError("missing_header", f"The request has no {missing[0]}.", hint="Is it a webhook at all?")
    _check_age(sent[_TIMESTAMP], time.time() if now is None else now, tolerance_s)
    given = [signature.encode() for signature in sent[_SIGNATURE].split() if signature.startswith("v1,")]
    expected = [_signature(key, sent[_ID], sent[_TIMESTAMP], body) for key in keys]
    if not any(hmac.compare_digest(one, other) for one in expected for other in given):
        raise WebhookError(
            "bad_signature",
            "No signature is of one of the secrets.",
            hint="Verify the bytes of the body as they came, with the secret of this endpoint.",
        )
    return _event(body)


def sign_webhook(body: bytes, event_id: str, timestamp: int, secrets: str | Sequence[str]) -> dict[str, str]:
    """The headers of a webhook with this body: for programs that send events on, and for tests of a receiver."""
    signatures = b" ".join(_signature(key, event_id, str(timestamp), body) for key in _keys(secrets))
    return {_ID: event_id, _TIMESTAMP: str(timestamp), _SIGNATURE: signatures.decode()}


def _keys(secrets: str | Sequence[str]) -> list[bytes]:
    """What one secret, or each of several, stands for. Raises ValueError where there is none."""
    keys = [_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    if not keys:
        raise ValueError("there is no webhook secret")
    return keys


def _key(secret: str) -> bytes:
    """The bytes that a secret stands for. Raises ValueError, which does not show it."""
    encoded = secret.strip().removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError(f"a webhook secret is {PREFIX} and base64, as Kadr has shown it")
    return key


def _signature(key: bytes, event_id: str, timestamp: str, body: bytes) -> bytes:
    digest = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return b"v1," + base64.b64encode(digest)


def _check_age(timestamp: str, now: float, tolerance_s: float) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise WebhookError("bad_timestamp", "webhook-timestamp is not a number of Unix seconds.")
    age_s = now - int(timestamp)
    if abs(age_s) > tolerance_s:
        when = f"{abs(age_s):.0f} s {'ago' if age_s > 0 else 'ahead'}"
        raise WebhookError(
            "too_old" if age_s > 0 else "too_new",
            f"The webhook was signed {when}; {tolerance_s:.0f} s are allowed.",
            hint="Is the clock of this machine right?",
        )


def _event(body: bytes) -> Event:
    try:
        event: Event = json.loads(body)
        is_event = isinstance(event["id"], str) and isinstance(event["type"], str)
    except (ValueError, TypeError, KeyError):
        is_event = False
    if not is_event:
        raise WebhookError("bad_body", "The body is signed, and is not an event.")
    return event
