"""The error of commands that use the API. A module of its own: `kadr.cli` catches it without loading aiohttp."""

from typing import Any

from core.errors import KadrError


class CannotIngest(KadrError):
    """The API refused the request or could not be reached.

    `problem` is the body of its answer (RFC 9457), if there was one.
    """

    def __init__(self, message: str, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem = problem
