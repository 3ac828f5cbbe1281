"""What a step that cannot be done means for its owner: for the asset, a track, the choice of a poster, or nothing."""

from typing import Any

from core.db import assets, pictures, steps, tracks
from core.db.postgres import Connection
from core.db.tracks import TrackStatus
from core.errors import Rejected
from core.model import AssetId, StepId, StepKind
from core.step_kinds import TRAITS, FailureScope

_HINT = "Nothing is wrong with what you did. The upload is kept; the operators can see the failure."


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
