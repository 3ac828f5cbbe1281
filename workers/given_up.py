"""What a step that cannot be done means to its owner: for the asset, for a track, for a picture, or nothing."""

from typing import Any

from core import assets, pictures, tracks
from core.db import Connection
from core.errors import Rejected
from core.model import AssetId, StepKind
from core.tracks import TrackStatus

_HINT = "Nothing is wrong with what you did. The upload is kept; the operators can see the failure."


def dead_letter(*, deadly: bool) -> Rejected:
    """What is told of a step whose attempts are used up; `deadly`: it crashed each time."""
    if deadly:
        return Rejected(
            "corrupt",
            "The file crashes the decoder.",
            "Export the video again as MP4 (H.264 + AAC) and upload that.",
        )
    return Rejected("internal_error", "Processing failed after several attempts.", _HINT)


async def tell(
    connection: Connection, asset_id: AssetId, kind: StepKind, step_input: dict[str, Any], why: Rejected
) -> None:
    """In the transaction that ends the step."""
    error = {"code": why.code, "message": str(why), "hint": why.hint}
    if kind is StepKind.POSTER:
        await pictures.not_made(connection, asset_id, step_input["wanted"], error)
    if kind.tidies or kind.is_extra:
        return
    if not kind.makes_a_track:
        await assets.errored(connection, asset_id, why)
        return
    track = await tracks.by_id(connection, step_input["track"])
    if track is not None:
        await tracks.give_up(connection, track, TrackStatus.ERRORED, error)
