"""Every error Kadr raises on purpose.

One base. `Rejected` is about the user's media and final; `Transient` is about the world and worth another attempt;
`LeaseLost` means another worker owns the step now and nothing more may be written.
"""

from collections.abc import Sequence


class KadrError(Exception):
    """Something went wrong in Kadr."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class ConfigError(KadrError):
    """A setting is missing or has a form that is not accepted."""


class Rejected(KadrError):
    """The media cannot be accepted. Final; its owner sees the code and the hint.

    `code` is one of the codes of docs/errors.md; `hint` says what the owner can do.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class Transient(KadrError):
    """An external service failed or did not answer; another attempt may succeed."""


class MachineFault(Transient):
    """The machine or a service lacks what the work needs, such as disk space: no attempt at it."""


class OutOfMemory(MachineFault):
    """The kernel ended a program because memory ran out."""


class LeaseLost(KadrError):
    """This worker's lease on the step has ended; another worker may own it now."""


class ObjectMissing(KadrError):
    """No object is stored under this key."""


class ToolFailed(Transient):
    """A program ended with a failure. Carries its argv, exit code and the bounded tail of its stderr."""

    def __init__(self, argv: Sequence[str], exit_code: int, stderr_tail: str, message: str | None = None) -> None:
        super().__init__(message or f"{argv[0]} ended with exit code {exit_code}: {stderr_tail[-400:].strip()}")
        self.argv = tuple(argv)
        self.exit_code = exit_code
        self.stderr_tail = stderr_tail


class ToolTimedOut(ToolFailed):
    """A program used up its wall clock or CPU limit and was stopped."""


class ToolKilled(ToolFailed):
    """A program was ended by a signal that Kadr did not send: a crash.

    `exit_code` is the negative signal number.
    """
