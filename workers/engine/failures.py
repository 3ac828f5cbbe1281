"""What a step that cannot be done means for its owner: for the asset, a track, the choice of a poster, or nothing."""

import errno
from typing import Any

from core.db import assets, pictures, postgres, steps, tracks
from core.db.postgres import Connection
from core.db.tracks import TrackStatus
from core.errors import MachineFault, Rejected
from core.model import AssetId, StepId, StepKind
from core.step_kinds import TRAITS, FailureScope

_HINT = "Nothing is wrong with what you did. The upload is kept; the operators can see the failure."


# The operating system's words for a machine that is short of something, or whose disk fails.
_OF_THE_MACHINE = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EROFS, errno.EAGAIN)
)
MAX_POSTPONEMENTS = 12  # for want of memory, about an hour; a full disk or a service that is away is waited for


def is_of_the_machine(exc: BaseException) -> bool:
    """Whether the step would have succeeded on a machine with room, with every service there: no attempt, then."""
    if isinstance(exc, OSError) and not isinstance(exc, ConnectionError):
        return exc.errno in _OF_THE_MACHINE
    return isinstance(exc, (MachineFault, MemoryError, *postgres.UNAVAILABLE))


def postponed_s(postponements: int) -> float:
    """Seconds until the next try after so many postponements: from 5 s to 5 minutes."""
    return min(300.0, 5.0 * 2.0 ** min(postponements, 10))


def out_of_memory() -> Rejected:
    """The error of a step that no worker had the memory for."""
    return Rejected("out_of_memory", "Processing needs more memory than the machine has.", _HINT)


def out_of_attempts(*, crashed: bool) -> Rejected:
    """The error of a step whose attempts are used up; `crashed`: its media program was killed each time."""
    if crashed:
        return Rejected(
            "corrupt",
            "The file crashes the decoder.",
            "Export the video again as MP4 (H.264 + AAC) and upload that.",
        )
    return Rejected("internal_error", "Processing failed after several attempts.", _HINT)


async def record_failure(
    connection: Connection,
    asset_id: AssetId,
    kind: StepKind,
    step_id: StepId,
    step_input: dict[str, Any],
    error: Rejected,
) -> None:
    """Mark what the step fails for, in the transaction that ends it; see `FailureScope`."""
    details = {"code": error.code, "message": str(error), "hint": error.hint}
    match TRAITS[kind].failure:
        case FailureScope.ASSET:
            await steps.stop_run(connection, asset_id, step_input.get("run", step_id))
            await assets.errored(connection, asset_id, error)
        case FailureScope.TRACK:
            track = await tracks.by_id(connection, step_input["track"])
            if track is not None:
                await tracks.give_up(connection, track, TrackStatus.ERRORED, details)
        case FailureScope.POSTER:
            await pictures.not_made(connection, asset_id, step_input["wanted"], details)
        case FailureScope.NOTHING:
            pass
