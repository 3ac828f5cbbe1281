"""What can go wrong, as one family of exceptions: a code for programs, and a sentence and a hint for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kadr_client.shapes.asset import Asset


class KadrError(Exception):
    """Base of all errors of this package.

    `code`: stable, for programs. `detail`: what is wrong, in a sentence. `hint`: what to do about it, or "".
    `status`: of the HTTP answer; 0 where there was none. `request_id`: by which Kadr's log names the call.
    """

    def __init__(
        self, code: str, detail: str, *, hint: str = "", status: int = 0, request_id: str | None = None
    ) -> None:
        super().__init__(f"{code}: {detail} {hint}".strip())
        self.code = code
        self.detail = detail
        self.hint = hint
        self.status = status
        self.request_id = request_id


class ApiError(KadrError):
    """Kadr has refused a call, or failed at it: `code` is one of those of docs/errors.md of Kadr.

    `pointer`: JSON pointer to the field that is wrong. `errors`: all that is wrong, each with pointer, code and detail.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        hint: str = "",
        status: int,
        request_id: str | None = None,
        pointer: str | None = None,
        errors: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(code, detail, hint=hint, status=status, request_id=request_id)
        self.pointer = pointer
        self.errors = tuple(errors)


class NoAnswer(KadrError):
    """Kadr could not be reached, or the connection was lost, at every attempt. `code` is `no_answer`."""


class UploadError(KadrError):
    """A file could not be uploaded; the README of this package lists the codes.

    `upload_id`: of the upload that was begun, which can be continued; None where there is none to continue.
    """

    def __init__(
        self, code: str, detail: str, *, hint: str = "", status: int = 0, upload_id: str | None = None
    ) -> None:
        super().__init__(code, detail, hint=hint, status=status)
        self.upload_id = upload_id


class AssetErrored(KadrError):
    """An asset that was waited for has ended `errored`. `code`, `detail` and `hint` are those of its `error`."""

    def __init__(self, asset: "Asset") -> None:
        error = asset["error"]
        code = error["code"] if error else "errored"
        super().__init__(code, error["message"] if error else "Processing failed.", hint=error["hint"] if error else "")
        self.asset = asset


class WebhookError(KadrError):
    """A webhook is not from Kadr, is too old, or cannot be read. Answer 400; the README lists the codes."""


def is_temporary(error: KadrError) -> bool:
    """Whether the same call may succeed later: no answer, too many requests, or a fault of the server."""
    return isinstance(error, NoAnswer) or may_pass(error.status)


def may_pass(status: int) -> bool:
    """Whether an answer with this HTTP status says that the same request may succeed later."""
    return status in (408, 425, 429) or status >= 500
