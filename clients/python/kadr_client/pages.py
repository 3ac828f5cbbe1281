"""Lists of the API, page after page."""

from collections.abc import AsyncIterator
from typing import Any

from kadr_client.transport import Query, Transport


async def items(transport: Transport, path: str, query: Query) -> AsyncIterator[Any]:
    """Every item of a list; a page is asked for when the one before has been read to its end."""
    cursor: str | None = None
    while True:
        page = await transport.answer("GET", path, query={**query, "cursor": cursor})
        for item in page["data"]:
            yield item
        cursor = page["next_cursor"]
        if cursor is None:
            return
