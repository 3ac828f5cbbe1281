"""URLs of an asset's images. No I/O.

Each URL contains the version of its image, so that another image has another URL and both can be cached.
"""

from typing import Any, Self
from urllib.parse import urlencode

from core.db import pictures
from core.db.assets import Asset
from core.db.pictures import Image, Pictures, Poster
from core.model import PlaybackId, Policy
from ingest.bodies import responses
from ingest.context import Context
from ingest.play_urls import sign

EXTENSIONS = {"image/jpeg": "jpg", "image/webp": "webp", "image/avif": "avif"}


def known(asset: Asset) -> Pictures | None:
    """The album and chosen poster of an asset; None where it has none yet."""
    return None if asset.pictures is None else pictures.pictures(asset.pictures)


class PictureUrls:
    """URLs of one asset's images under a playback id, with the token `signed`; None without a playback id."""

    def __init__(self, context: Context, playback_id: PlaybackId | None, signed: str | None = None) -> None:
        self._base = None if playback_id is None else f"{context.settings.origin_base}/image/{playback_id}/"
        self._token = {} if signed is None else {"token": signed}

    @classmethod
    def of(cls, context: Context, asset: Asset) -> Self:
        """Those under the asset's first playback id, for as long as the asset can be watched."""
        if not asset.playback_ids or asset.taken_down_at is not None:
            return cls(context, None)
        first = PlaybackId(asset.playback_ids[0]["id"])
        if asset.playback_ids[0]["policy"] != Policy.SIGNED:
            return cls(context, first)
        return cls(context, first, sign(context, first, context.settings.playback_token_ttl_s)[1])

    def __call__(self, name: str, **query: str | int) -> str | None:
        return None if self._base is None else f"{self._base}{name}?{urlencode({**query, **self._token})}"


def of_pictures(current: Pictures | None, url: PictureUrls) -> dict[str, str | None]:
    """The image URLs that an asset lists itself: poster, storyboard and preview. None where there is none yet."""
    poster = current.poster if current else None
    album = current.album if current else None
    board, preview = (album.storyboard, album.preview) if album else (None, None)
    return {
        "poster_url": url("poster.jpg", v=poster.version) if poster else None,
        "storyboard_url": url("storyboard.vtt", v=board.version) if board else None,
        "preview_url": url("preview.webp", v=preview.sha256[:12]) if preview else None,
    }


def looks(url: PictureUrls, name: str, poster: Poster) -> dict[str, Any]:
    """A poster as the API describes it: URL, all images, ThumbHash and dominant colour."""
    images = [_image(url, name, poster, one) for one in poster.images]
    return {"url": images[0].url, "images": images, "thumbhash": poster.thumbhash, "colour": poster.colour}


def _image(url: PictureUrls, name: str, poster: Poster, image: Image) -> responses.ImageShape:
    whole = {} if image.shape == "full" else {"shape": image.shape}
    return responses.ImageShape(
        url=url(f"{name}.{EXTENSIONS[image.type]}", width=image.width, v=poster.version, **whole),
        shape=image.shape,
        type=image.type,
        width=image.width,
        height=image.height,
        bytes=image.size_bytes,
    )
