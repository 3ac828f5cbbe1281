"""The base class of all errors of the checker."""


class CheckError(Exception):
    """A site cannot be checked. The message defaults to the docstring."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class CannotCheck(CheckError):
    """The URL is no site that can be read."""
