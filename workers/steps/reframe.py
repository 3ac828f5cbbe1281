"""reframe: a wide video that is to be shown upright -> the path of its window, and the encode with it."""

from dataclasses import replace

from core.db import assets
from core.db.postgres import Connection
from core.errors import KadrError
from core.media.crop import crop_to_json
from core.storage.digest import digest
from thumbnails.reframe import find_crop as finder
from thumbnails.reframe.request import ReframeRequest, to_json
from thumbnails.vision.face_model import face_model
from workers.begin_encode import begin_encode, plan_input
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.reframe_request import reframe_request
from workers.step_context import StepContext

CENTRED = "reframe_centred"


async def reframe(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Find the window, remember it for this source, and queue the first steps of the encode, as plan would have.

    Where no good place is found the window stays in the middle, with a warning, and the next encode searches again.
    """
    context = StepContext(worker=worker, claimed=claimed)
    inputs = await plan_input(worker, claimed)
    wide = reframe_request(inputs.source, inputs.decide())
    if wide is None:
        raise KadrError("a search for the upright window of a title that has none")
    search = await finder.find_crop(
        await context.local_source(), wide, claimed.work_dir, worker.runner, face_model=face_model(worker.settings)
    )
    outcome = await begin_encode(worker, claimed, inputs.decide(search.path))
    if search.centred:
        return replace(outcome, warnings=(warning(search.centred),))

    async def keep(connection: Connection) -> None:
        key = analysis_key(wide)
        await assets.keep_analysis(connection, claimed.step.input["source"], key, crop_to_json(search.path))

    return replace(outcome, on_commit=keep)


def analysis_key(wide: ReframeRequest) -> str:
    """Under which the path of the window is remembered, beside the hash of the source."""
    return digest(["reframe", finder.VERSION, to_json(wide)])


def warning(reason: str) -> tuple[str, str]:
    """Code and message for the owner of a title whose window stays in the middle."""
    return CENTRED, f"The upright picture shows the middle of the upload: {reason}."
