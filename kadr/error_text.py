"""The error of commands that use the API. A module of its own: `kadr.cli` catches it without loading aiohttp."""

from collections.abc import Mapping

from core.errors import KadrError


class CannotIngest(KadrError):
    """The API refused the request or could not be reached.

    `refused`: code, message and hint of its answer, if there was one.
    """

    def __init__(self, message: str, refused: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.refused = refused
