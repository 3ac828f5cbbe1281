"""bunny.net: POST /purge?url=..., where a URL that ends in `*` is all below it. Not tried against the vendor.

https://docs.bunny.net/api-reference/core/purge/purge-url
"""

from dataclasses import dataclass, field

from origin.cdn.purge.purger import parts, send


@dataclass(frozen=True, slots=True, kw_only=True)
class BunnyPurger:
    """`api_key` is the account's, not the storage zone's."""

    base_url: str
    api_key: str = field(repr=False)
    api_url: str = "https://api.bunny.net"

    async def purge(self, prefix: str) -> None:
        """Purge everything below a prefix. Raises Transient or PurgeRefused."""
        parts(prefix)
        await send(
            "bunny.net",
            "POST",
            f"{self.api_url}/purge",
            headers={"AccessKey": self.api_key},
            params={"url": f"{self.base_url}{prefix}*", "async": "false"},
        )
