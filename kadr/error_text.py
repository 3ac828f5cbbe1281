"""What the command line tells people of a refusal. Apart, because it is needed before anything heavy is loaded."""

from typing import Any

from core.errors import KadrError


class CannotIngest(KadrError):
    """The API refused, or could not be reached."""

    def __init__(self, message: str, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem = problem
