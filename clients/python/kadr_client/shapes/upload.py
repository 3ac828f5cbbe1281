"""Uploads, and tokens for uploads and for playback. What each field means: /openapi.json of Kadr."""

from typing import Literal

from kadr_client.shapes.typed_dict import TypedDict


class Part(TypedDict):
    """One part of an upload: PUT exactly `size_bytes` to `url`, which is null once the part has arrived."""

    number: int
    size_bytes: int
    arrived: bool
    url: str | None


class Upload(TypedDict):
    """An upload, its status and the presigned URLs of its next parts. `next_part`: first missing one without a URL."""

    id: str
    asset_id: str
    status: Literal["open", "completed", "aborted", "expired"]
    method: Literal["PUT"]
    parts: list[Part]
    next_part: int | None
    part_size_bytes: int
    expires_at: str


class UploadToken(TypedDict):
    """With which a page sends one upload. `token` is not shown again."""

    token: str
    expires_at: str


class PlaybackToken(TypedDict):
    """A token for one viewer's session of a signed title, and every URL that a page needs with it."""

    token: str
    url: str
    dash_url: str | None
    watch_url: str
    embed_url: str
    poster_url: str | None
    storyboard_url: str | None
    session: str
    expires_at: str
