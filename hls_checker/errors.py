"""The base of every error that the checker raises on purpose."""


class CheckError(Exception):
    """A published title, or one of its files, cannot be read. Without a message of its own it says its docstring."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])
