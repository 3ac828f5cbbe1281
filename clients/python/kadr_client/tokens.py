"""Tokens: for playback by one viewer, and for one upload by a page."""

from typing import Unpack

from kadr_client.errors import KadrError
from kadr_client.shapes.asset import Asset
from kadr_client.shapes.fields import TokenLimits, UploadTerms
from kadr_client.shapes.upload import PlaybackToken, UploadToken
from kadr_client.transport import Transport


class PlaybackTokens:
    """`kadr.playback_tokens`: with which one viewer plays a title whose policy is signed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, ident: str, **limits: Unpack[TokenLimits]) -> PlaybackToken:
        """A token for a signed playback id (pb_...), or for the first one of an asset (as_...), which is looked up.

        Raises KadrError `not_signed` where the asset has none: anybody may play it.
        """
        playback_id = ident if not ident.startswith("as_") else await self._first_of(ident)
        path = f"/v1/playback_ids/{playback_id}/token"
        token: PlaybackToken = await self._transport.data("POST", path, limits)
        return token

    async def _first_of(self, asset_id: str) -> str:
        asset: Asset = await self._transport.data("GET", f"/v1/assets/{asset_id}")
        signed = [one["id"] for one in asset["playback_ids"] if one["policy"] == "signed"]
        if not signed:
            detail = f"{asset_id} has no signed playback id: anybody may play it at its playback_url."
            raise KadrError("not_signed", detail, hint='Set its policy to "signed" if that is not meant.')
        return signed[0]


class UploadTokens:
    """`kadr.upload_tokens`: with which a page or an app sends one upload, without an API key."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, **terms: Unpack[UploadTerms]) -> UploadToken:
        """A token for one upload. `origins`: of the pages that may use it, such as "https://shop.example.org"."""
        token: UploadToken = await self._transport.data("POST", "/v1/upload_tokens", terms)
        return token
