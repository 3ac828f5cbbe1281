"""Cloudflare: POST /zones/{zone}/purge_cache with prefixes: host and path, no scheme. Not tried against the vendor.

https://developers.cloudflare.com/cache/how-to/purge-cache/purge_by_prefix/
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from origin.cdn.purge.purger import as_json, check_result, parts, send


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudflarePurger:
    """`api_token` needs the permission Zone: Cache Purge."""

    base_url: str
    zone_id: str
    api_token: str = field(repr=False)
    api_url: str = "https://api.cloudflare.com/client/v4"

    async def purge(self, prefix: str) -> None:
        """Purge everything below a prefix. Raises Transient or PurgeRefused."""
        parts(prefix)
        answer = await send(
            "Cloudflare",
            "POST",
            f"{self.api_url}/zones/{self.zone_id}/purge_cache",
            headers={"Authorization": f"Bearer {self.api_token}", "Content-Type": "application/json"},
            # Without the last slash, as the reference spells prefixes; ids have one length, so none begins another.
            body=as_json({"prefixes": [f"{urlsplit(self.base_url).netloc}{prefix.rstrip('/')}"]}),
        )
        check_result("Cloudflare", answer, "success", True)
