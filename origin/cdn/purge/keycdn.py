"""KeyCDN: DELETE /zones/purgetag/{zone}.json, by tag. Not tried against the vendor.

https://www.keycdn.com/api
"""

from base64 import b64encode
from dataclasses import dataclass, field

from origin.cdn.purge.purger import as_json, check_result, send
from origin.cdn.purge.tags import tag_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KeycdnPurger:
    """`api_key` is the user name of HTTP Basic, with no password."""

    base_url: str
    zone_id: str
    api_key: str = field(repr=False)
    api_url: str = "https://api.keycdn.com"

    async def purge(self, prefix: str) -> None:
        """Purge everything below a prefix. Raises Transient or PurgeRefused."""
        answer = await send(
            "KeyCDN",
            "DELETE",
            f"{self.api_url}/zones/purgetag/{self.zone_id}.json",
            headers={
                "Authorization": f"Basic {b64encode(f'{self.api_key}:'.encode()).decode()}",
                "Content-Type": "application/json",
            },
            body=as_json({"tags": [tag_of(prefix)]}),
        )
        check_result("KeyCDN", answer, "status", "success")
