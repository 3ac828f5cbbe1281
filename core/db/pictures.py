"""Posters, storyboard and preview of an asset: the album that a worker made, and a person's choice of a poster.

One function per statement of pictures.sql. The choice is stored apart from the album and always wins.
"""

from dataclasses import dataclass
from typing import Any, Literal

from core.db import outbox, sql
from core.db.postgres import Connection, Pool
from core.event_types import FailureData, PosterChanged, PosterErrored
from core.media.checked_json import adapter
from core.model import AssetId
from core.storage.digest import digest

_SQL = sql.load("pictures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image file in storage, named by its SHA-256."""

    shape: str  # "full", "16x9", "1x1", "9x16", "sheet", "preview"
    type: str  # "image/jpeg"
    width: int
    height: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """One poster in all its sizes, shapes and types."""

    images: tuple[Image, ...]
    thumbhash: str  # base64
    colour: str  # "#rrggbb"

    @property
    def version(self) -> str:
        """Changes whenever the image changes; used in image URLs for caching."""
        return self.images[0].sha256[:12]

    def image(self, *, shape: str = "full", type: str = "image/jpeg", width: int | None = None) -> Image | None:  # noqa: A002 - as the field
        """The narrowest image of at least `width` pixels, else the widest; None without one of this shape and type."""
        fitting = sorted(
            (one for one in self.images if (one.shape, one.type) == (shape, type)), key=lambda one: one.width
        )
        if not fitting:
            return None
        return fitting[-1] if width is None else next((one for one in fitting if one.width >= width), fitting[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A frame proposed as poster, with its score and why: a sentence in English, and codes of its parts.

    An album of an earlier release has no codes.
    """

    id: str
    time_s: float
    score: float
    signals: dict[str, float]
    reason: str
    low_confidence: bool
    poster: Poster
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Storyboard:
    """A storyboard's sheets. The layout of tiles follows from duration and display size
    (thumbnails.images.storyboard)."""

    duration_ms: int
    shown_width: int
    shown_height: int
    sheets: tuple[Image, ...]

    @property
    def version(self) -> str:
        """Changes whenever a tile or its time changes; used in URLs for caching."""
        facts = [self.duration_ms, self.shown_width, self.shown_height, *(sheet.sha256 for sheet in self.sheets)]
        return digest(facts)[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """All images that a worker made of an asset. `fallback` says why some or all are missing.

    `advice`: codes of what its frames have shown, for an asset whose album is kept.
    """

    candidates: tuple[Candidate, ...]  # best first
    storyboard: Storyboard | None
    preview: Image | None
    fallback: str | None
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The poster that a person chose."""

    by: Literal["candidate", "time", "upload"]
    poster: Poster
    candidate: str | None = None
    time_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """A row of `pictures`: an asset's album, the chosen poster, and a choice that is being prepared (`wanted`)."""

    asset_id: AssetId
    made_of: str | None
    album: Album | None
    chosen: Choice | None
    wanted: dict[str, str] | None
    error: dict[str, str] | None
    version: int

    @property
    def poster(self) -> Poster | None:
        """The current poster: the person's choice, else the best candidate, else None."""
        if self.chosen is not None:
            return self.chosen.poster
        return self.album.candidates[0].poster if self.album and self.album.candidates else None


def pictures(row: Any) -> Pictures:
    """Pictures from a row of the table, or from that row as JSON."""
    return Pictures(
        asset_id=AssetId(row["asset_id"]),
        made_of=row["made_of"],
        album=None if row["album"] is None else adapter(Album).validate_python(row["album"]),
        chosen=None if row["chosen"] is None else adapter(Choice).validate_python(row["chosen"]),
        wanted=row["wanted"],
        error=row["error"],
        version=row["version"],
    )


async def of_asset(pool: Pool, asset_id: AssetId) -> Pictures | None:
    row = await pool.fetchrow(_SQL["of_asset"], asset_id)
    return pictures(row) if row else None


async def keep_album(connection: Connection, asset_id: AssetId, made_of: str, album: Album) -> None:
    """Store a new album, and write an event where it changes the current poster."""
    value = adapter(Album).dump_python(album, mode="json")
    row = await connection.fetchrow(_SQL["keep_album"], asset_id, made_of, value)
    if row["shown"] and album.candidates:
        await _tell(connection, row["owner_id"], asset_id, album.candidates[0].poster)


async def choose(connection: Connection, asset_id: AssetId, choice: Choice | None) -> None:
    """Set a person's choice whose images exist; None removes it, so that the best candidate is shown again."""
    value = None if choice is None else adapter(Choice).dump_python(choice, mode="json")
    row = await connection.fetchrow(_SQL["choose"], asset_id, value)
    shown = pictures({**row, "asset_id": asset_id}).poster
    await _tell(connection, row["owner_id"], asset_id, shown)


async def want(connection: Connection, asset_id: AssetId, wanted: dict[str, str]) -> None:
    """Store a person's choice whose images a step has to make first."""
    await connection.execute(_SQL["want"], asset_id, wanted)


async def made(connection: Connection, asset_id: AssetId, wanted: dict[str, str], choice: Choice) -> None:
    """Set the choice that a step has made images for. Nothing happens where another choice was made meanwhile."""
    value = adapter(Choice).dump_python(choice, mode="json")
    owner_id = await connection.fetchval(_SQL["made"], asset_id, wanted, value)
    if owner_id is not None:
        await _tell(connection, owner_id, asset_id, choice.poster)


async def not_made(connection: Connection, asset_id: AssetId, wanted: dict[str, str], error: dict[str, str]) -> None:
    """Record why the images of a choice could not be made, with an event; the current poster stays."""
    owner_id = await connection.fetchval(_SQL["not_made"], asset_id, wanted, error)
    if owner_id is not None:
        await outbox.add(connection, owner_id, asset_id, PosterErrored(error=FailureData(**error)))


async def _tell(connection: Connection, owner_id: Any, asset_id: AssetId, poster: Poster | None) -> None:
    await outbox.add(connection, owner_id, asset_id, PosterChanged(poster=poster.version if poster else None))
