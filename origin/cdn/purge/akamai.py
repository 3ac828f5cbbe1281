"""Akamai: Fast Purge (CCU v3), delete by cache tag, signed with EdgeGrid. Not tried against the vendor.

https://techdocs.akamai.com/purge-cache/reference and https://techdocs.akamai.com/developer/docs/edgegrid. The signature
is checked against the vendor's published vectors.
"""

import base64
import hashlib
import hmac
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from origin.cdn.purge.purger import as_json, send
from origin.cdn.purge.tags import tag_of

# The signature covers at most this much of a body.
MAX_BODY_BYTES = 131072


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeGrid:
    """The three parts of a client's credentials."""

    client_token: str
    access_token: str = field(repr=False)
    client_secret: str = field(repr=False)

    def authorization(self, method: str, url: str, body: bytes, timestamp: str, nonce: str) -> str:
        """Value of the Authorization header. `timestamp` is like 20140321T19:34:21+0000."""
        split = urlsplit(url)
        path = f"{split.path or '/'}{f'?{split.query}' if split.query else ''}"
        content = _base64(hashlib.sha256(body[:MAX_BODY_BYTES]).digest()) if method == "POST" and body else ""
        unsigned = (
            f"EG1-HMAC-SHA256 client_token={self.client_token};access_token={self.access_token};"
            f"timestamp={timestamp};nonce={nonce};"
        )
        signed = "\t".join((method, split.scheme, split.netloc, path, "", content, unsigned))
        key = _hmac(self.client_secret, timestamp)
        return f"{unsigned}signature={_hmac(key, signed)}"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _hmac(key: str, text: str) -> str:
    return _base64(hmac.digest(key.encode(), text.encode(), hashlib.sha256))


@dataclass(frozen=True, slots=True, kw_only=True)
class AkamaiPurger:
    """`host` is that of the API client, as its .edgerc has it. `network`: production or staging."""

    base_url: str
    host: str
    client_token: str
    access_token: str = field(repr=False)
    client_secret: str = field(repr=False)
    network: str = "production"
    api_url: str = ""

    async def purge(self, prefix: str) -> None:
        """Purge everything below a prefix. Raises Transient or PurgeRefused."""
        url = f"{self.api_url or f'https://{self.host}'}/ccu/v3/delete/tag/{self.network}"
        body = as_json({"objects": [tag_of(prefix)]})
        grid = EdgeGrid(
            client_token=self.client_token, access_token=self.access_token, client_secret=self.client_secret
        )
        timestamp = time.strftime("%Y%m%dT%H:%M:%S+0000", time.gmtime())
        authorization = grid.authorization("POST", url, body, timestamp, str(uuid.uuid4()))
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        await send("Akamai", "POST", url, headers=headers, body=body)
