"""plan: the facts of a source and its owner's options -> the encode to do, or a search for its upright window first."""

from core.db import assets, content_keys
from core.errors import Rejected
from core.media.crop import crop_from_json
from core.model import StepKind
from packager.encryption import Encryption, encryption_from_json
from workers.begin_encode import begin_encode, plan_input
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.reframe_request import reframe_request
from workers.steps.reframe import analysis_key


async def plan(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Decide the encode and queue its first steps. Raises Rejected for what this installation cannot make.

    A wide video that is to be shown upright is searched before anything is encoded: the provisional revision must show
    the same window as the final one. That takes as long as decoding the title, so it is a step of its own.
    """
    inputs = await plan_input(worker, claimed)
    if inputs.options.codec not in worker.codecs:
        raise Rejected(
            "codec_unavailable",
            f"The ffmpeg of this installation does not encode {inputs.options.codec}.",
            f"Choose one of {', '.join(sorted(worker.codecs))}.",
        )
    if encryption_from_json(claimed.asset.options) is not Encryption.NONE:
        content_keys.required_wrapping_keys(worker.settings)
    decided = inputs.decide()
    if (wide := reframe_request(inputs.source, decided)) is not None:
        crop = await assets.analysis(worker.pool, claimed.step.input["source"], analysis_key(wide))
        if crop is None:
            return Outcome(next_steps=((StepKind.REFRAME, claimed.step.input),))
        decided = inputs.decide(crop_from_json(crop))
    return await begin_encode(worker, claimed, decided)
