"""Google Cloud CDN and Media CDN: invalidateCache of `{prefix}*`, as a service account. Not tried against the vendor.

https://cloud.google.com/cdn/docs/invalidating-cached-content,
https://cloud.google.com/media-cdn/docs/reference/rest/v1/projects.locations.edgeCacheServices/invalidateCache,
https://developers.google.com/identity/protocols/oauth2/service-account
"""

import base64
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from origin.cdn.purge.purger import PurgeRefused, as_json, parts, send

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_S = 600


def assertion(account: dict[str, str], token_url: str, now: int) -> str:
    """The JWT (RS256) that is exchanged for an access token, made from a service account's key file."""
    key = load_pem_private_key(account["private_key"].encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("a service account has an RSA key")
    head = {"alg": "RS256", "typ": "JWT", "kid": account.get("private_key_id", "")}
    claims = {
        **{"iss": account["client_email"], "scope": _SCOPE, "aud": token_url},
        **{"iat": now, "exp": now + _TOKEN_S},
    }
    text = f"{_spelled(as_json(head))}.{_spelled(as_json(claims))}"
    return f"{text}.{_spelled(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _spelled(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """`text` is the JSON of its key file."""

    text: str = field(repr=False)
    token_url: str

    async def headers(self) -> dict[str, str]:
        """Request headers with a new access token. Raises Transient or PurgeRefused."""
        try:
            signed = assertion(json.loads(self.text), self.token_url, int(time.time()))
        except (ValueError, KeyError, TypeError, AttributeError):
            # Without `from`: a parser's error may quote the key.
            raise PurgeRefused("Google: service_account must be the JSON of a service account's key file") from None
        answer = await send(
            "Google",
            "POST",
            self.token_url,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode({"grant_type": _GRANT, "assertion": signed}).encode(),
        )
        try:
            token = json.loads(answer)["access_token"]
        except (ValueError, KeyError, TypeError):
            raise PurgeRefused("Google gave no access token") from None
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleCdnPurger:
    """Cloud CDN: by the URL map of the load balancer."""

    base_url: str
    project: str
    url_map: str
    service_account: str = field(repr=False)
    api_url: str = "https://compute.googleapis.com/compute/v1"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address

    async def purge(self, prefix: str) -> None:
        """Purge everything below a prefix. Raises Transient or PurgeRefused."""
        parts(prefix)
        headers = await ServiceAccount(text=self.service_account, token_url=self.token_url).headers()
        url = f"{self.api_url}/projects/{self.project}/global/urlMaps/{self.url_map}/invalidateCache"
        await send("Google", "POST", url, headers=headers, body=as_json({"path": f"{prefix}*"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleMediaPurger:
    """Media CDN: by its edge cache service."""

    base_url: str
    project: str
    service: str
    service_account: str = field(repr=False)
    api_url: str = "https://networkservices.googleapis.com/v1"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address

    async def purge(self, prefix: str) -> None:
        """Purge everything below a prefix. Raises Transient or PurgeRefused."""
        parts(prefix)
        headers = await ServiceAccount(text=self.service_account, token_url=self.token_url).headers()
        url = (
            f"{self.api_url}/projects/{self.project}/locations/global/edgeCacheServices/{self.service}:invalidateCache"
        )
        body = {"host": urlsplit(self.base_url).hostname, "path": f"{prefix}*"}
        await send("Google", "POST", url, headers=headers, body=as_json(body))
