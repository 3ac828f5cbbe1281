"""Keeps aiohttp from repeating a request by itself when its connection is lost.

It does so for GET, PUT and DELETE. Where the body of a part was sent in part, only the rest would be sent again; and
whether a deletion was tried before, we would not know.
"""

import aiohttp


class SentOnce:
    """A middleware for one request, which lets it through once."""

    def __init__(self) -> None:
        self._is_sent = False

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self._is_sent:
            raise aiohttp.ClientConnectionError("the connection was lost")
        self._is_sent = True
        return await handler(request)
