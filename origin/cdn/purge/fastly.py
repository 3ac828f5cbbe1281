"""Fastly: POST /service/{service}/purge/{surrogate key}, by tag. A hard purge. Not tried against the vendor.

https://www.fastly.com/documentation/reference/api/purging/
"""

from dataclasses import dataclass, field

from origin.cdn.purge.purger import check_result, send
from origin.cdn.purge.tags import tag_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FastlyPurger:
    """`api_token` needs the scope purge_select."""

    base_url: str
    service_id: str
    api_token: str = field(repr=False)
    api_url: str = "https://api.fastly.com"

    async def purge(self, prefix: str) -> None:
        """Purge everything below a prefix. Raises Transient or PurgeRefused."""
        answer = await send(
            "Fastly",
            "POST",
            f"{self.api_url}/service/{self.service_id}/purge/{tag_of(prefix)}",
            headers={"Fastly-Key": self.api_token, "Accept": "application/json"},
        )
        check_result("Fastly", answer, "status", "ok")
