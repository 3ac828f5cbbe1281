"""core.tokens.webhook_signature: what we sign, the public package verifies; core.tokens.sealed keeps the secrets."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from core.tokens import webhook_signature
from core.tokens.sealed import CannotOpen, open_sealed, seal

BODY = b'{"type": "video.asset.ready"}'


@given(st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=3, unique=True), st.binary(min_size=1))
def test_every_secret_verifies(keys: list[bytes], name: bytes) -> None:
    secrets = [f"whsec_{base64.b64encode(key).decode()}" for key in keys]
    body = b'{"name": "' + base64.b64encode(name) + b'"}'
    headers = webhook_signature.headers(secrets, "ev_1", int(time.time()), body)
    told = {"name": base64.b64encode(name).decode()}
    assert [Webhook(secret).verify(body, headers) for secret in secrets] == [told] * len(secrets)


def test_another_secret_body_or_time_does_not() -> None:
    secret, now = webhook_signature.new_secret(), int(time.time())
    headers = webhook_signature.headers([secret], "ev_1", now, BODY)
    for other_secret, body, other in (
        (webhook_signature.new_secret(), BODY, headers),
        (secret, BODY + b" ", headers),
        (secret, BODY, {**headers, "webhook-timestamp": str(now - 1)}),
        (secret, BODY, {**headers, "webhook-id": "ev_2"}),
        (secret, BODY, webhook_signature.headers([secret], "ev_1", now - 3600, BODY)),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(other_secret).verify(body, other)


@pytest.mark.parametrize("text", ["whsec_!", "whsec_", f"whsec_{base64.b64encode(bytes(23)).decode()}"])
def test_texts_that_are_no_secrets(text: str) -> None:
    with pytest.raises(ValueError, match="webhook secret"):
        webhook_signature.key_of(text)


def test_new_secrets_differ() -> None:
    made = {webhook_signature.new_secret() for _ in range(10)}
    assert {len(webhook_signature.key_of(secret)) for secret in made} == {32}
    assert len(made) == 10


def test_a_sealed_secret_opens_with_its_key_for_its_owner_and_purpose_only() -> None:
    keys = {"new": bytes([1]) * 32, "old": bytes([2]) * 32}
    sealed = seal(b"secret", "we_1", {"old": keys["old"]}, purpose=b"a")
    assert open_sealed(sealed, "we_1", keys, purpose=b"a") == b"secret"
    for owner, known, purpose in (("we_2", keys, b"a"), ("we_1", {"new": keys["new"]}, b"a"), ("we_1", keys, b"b")):
        with pytest.raises(CannotOpen):
            open_sealed(sealed, owner, known, purpose=purpose)
    assert b"secret" not in sealed.body
    assert "secret" not in repr(sealed)
