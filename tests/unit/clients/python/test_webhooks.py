"""Verification of webhooks. Second opinions: the public implementation of Standard Webhooks, and our own signer."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from core.tokens import webhook_signature
from kadr_client import WebhookError, sign_webhook, verify_webhook

NOW = 1_796_040_000
SECRET, OTHER = webhook_signature.new_secret(), webhook_signature.new_secret()
EVENT = {
    "id": "ev_1",
    "type": "video.asset.ready",
    "created_at": "2026-11-30T12:00:00Z",
    "timestamp": "2026-11-30T12:00:00Z",
    "object": {"type": "asset", "id": "as_1"},
    "data": {"title": "Кадр", "sequence": 7},
}
BODY = json.dumps(EVENT, ensure_ascii=False, separators=(",", ":")).encode()


def signed(*secrets: str, body: bytes = BODY, at: int = NOW) -> dict[str, str]:
    """The headers as Kadr's dispatcher makes them."""
    return webhook_signature.headers(secrets or (SECRET,), "ev_1", at, body)


def refusal(body: bytes, headers: dict[str, str], secrets: Any = SECRET, **options: Any) -> str:
    """The code with which a webhook is refused."""
    with pytest.raises(WebhookError) as refused:
        verify_webhook(body, headers, secrets, **{"now": NOW, **options})
    assert refused.value.detail
    return refused.value.code


def test_what_kadr_has_signed_is_an_event() -> None:
    assert verify_webhook(BODY, signed(), SECRET, now=NOW) == EVENT


def test_names_of_headers_in_any_case() -> None:
    for change in (str.title, str.upper):
        headers = {change(name): value for name, value in signed().items()}
        assert verify_webhook(BODY, headers, SECRET, now=NOW)["id"] == "ev_1"


def test_one_of_several_secrets_and_signatures_is_enough() -> None:
    """While a secret is rotated: Kadr signs with both, and the receiver knows the old or the new one, or both."""
    both = signed(SECRET, OTHER)
    for secrets in (SECRET, OTHER, [OTHER, SECRET], (OTHER,)):
        assert verify_webhook(BODY, both, secrets, now=NOW)["id"] == "ev_1"
    assert verify_webhook(BODY, signed(SECRET), [OTHER, SECRET], now=NOW)["id"] == "ev_1"
    more = {**both, "webhook-signature": f"v1a,abc v2 {both['webhook-signature']} v1,"}
    assert verify_webhook(BODY, more, SECRET, now=NOW)["id"] == "ev_1"


def test_the_public_implementation_agrees() -> None:
    """Each takes what the other has signed, and refuses the same."""
    at = datetime.now(UTC)
    text = BODY.decode()
    theirs = {
        "webhook-id": "ev_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("ev_1", at, text),
    }
    assert verify_webhook(BODY, theirs, SECRET) == EVENT
    ours = sign_webhook(BODY, "ev_1", int(at.timestamp()), [OTHER, SECRET])
    assert Webhook(SECRET).verify(BODY, ours) == EVENT
    assert ours == webhook_signature.headers([OTHER, SECRET], "ev_1", int(at.timestamp()), BODY)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_no_byte_of_the_body_can_be_another_one(place: int, change: int) -> None:
    body = bytearray(BODY)
    body[place] ^= change
    assert refusal(bytes(body), signed()) == "bad_signature"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_header_is_needed_and_signed(name: str) -> None:
    headers = signed()
    assert refusal(BODY, {other: value for other, value in headers.items() if other != name}) == "missing_header"
    assert refusal(BODY, {**headers, name: ""}) == "missing_header"
    another = {"webhook-id": "ev_2", "webhook-timestamp": str(NOW + 1), "webhook-signature": "v1,AAAA"}
    assert refusal(BODY, {**headers, name: another[name]}) == "bad_signature"


@pytest.mark.parametrize("signature", ["v1,", "v1", ",", "v2,AAAA", "v1,кадр", "v1a,AAAA", " ", "v1,=== v1,\x00"])
def test_what_is_no_signature(signature: str) -> None:
    assert refusal(BODY, {**signed(), "webhook-signature": signature}) in ("bad_signature", "missing_header")


def test_another_secret() -> None:
    assert refusal(BODY, signed(), OTHER) == "bad_signature"


def test_a_signature_is_good_for_five_minutes() -> None:
    for age_s in (-300, 0, 300):
        assert verify_webhook(BODY, signed(at=NOW - age_s), SECRET, now=NOW)["id"] == "ev_1"
    assert refusal(BODY, signed(at=NOW - 301)) == "too_old"
    assert refusal(BODY, signed(at=NOW + 301)) == "too_new"
    assert verify_webhook(BODY, signed(at=NOW - 3600), SECRET, now=NOW, tolerance_s=3600)["id"] == "ev_1"
    assert refusal(BODY, signed(at=NOW - 11), tolerance_s=10) == "too_old"


@pytest.mark.parametrize("timestamp", ["now", "-5", "1e9", "17.5", "٣", "9" * 40, "nan"])
def test_what_is_no_timestamp(timestamp: str) -> None:
    assert refusal(BODY, {**signed(), "webhook-timestamp": timestamp}) == "bad_timestamp"


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"1", b'{"id": 1, "type": "a"}', b'{"id": "ev_1"}', b"\xff"])
def test_a_signed_body_that_is_no_event(body: bytes) -> None:
    assert refusal(body, signed(body=body)) == "bad_body"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_ä", "whsec_%%", [], [""], [SECRET, "x"]])
def test_a_secret_that_cannot_be_one_is_a_mistake_of_the_program(secret: Any) -> None:
    with pytest.raises(ValueError, match="webhook secret") as mistake:
        verify_webhook(BODY, signed(), secret, now=NOW)
    assert SECRET.removeprefix("whsec_") not in str(mistake.value)


def test_secrets_without_prefix_or_padding() -> None:
    bare = SECRET.removeprefix("whsec_")
    assert bare.endswith("=")
    for secret in (bare, bare.rstrip("="), f" {SECRET}\n"):
        assert verify_webhook(BODY, signed(), secret, now=NOW)["id"] == "ev_1"
    assert len(base64.b64decode(bare)) == webhook_signature.SECRET_BYTES


def test_json_that_was_read_already_is_told_apart() -> None:
    with pytest.raises(TypeError, match="bytes"):
        verify_webhook(BODY.decode(), signed(), SECRET, now=NOW)  # type: ignore[arg-type]
