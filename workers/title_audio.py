"""The audio of a title, as transcription reads it: a track of an upload, and where its timeline lies."""

from dataclasses import dataclass

from core.db import steps
from core.errors import Transient
from core.model import StepKind
from subtitles.speech.transcribe import SourceAudio
from transcode.plan.encode_plan import AudioPlan, EncodePlan
from transcode.probe.sniff import DEMUXERS
from workers import artifacts
from workers.engine.contract import ClaimedStep, WorkerContext


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleSource:
    """What a title's audio is read by: the title's plan, and the SHA-256 (hex) of the upload it is made of."""

    plan: EncodePlan
    upload: str


async def source_of(worker: WorkerContext, claimed: ClaimedStep) -> TitleSource:
    """Plan and upload that the step's input names, of a title under way; else those of the title as last published.

    Raises Transient where nothing is published yet.
    """
    step_input, asset_id = claimed.step.input, claimed.asset.id
    if "plan" in step_input:
        upload = step_input["source"]
    else:
        published = await steps.newest_input(worker.pool, asset_id, StepKind.PUBLISH)
        if published is None:
            raise Transient("a track for a title that is not published")
        # Of the run, as the asset may have another source by now.
        analysed = await steps.done_of_run(worker.pool, asset_id, published["run"], frozenset((StepKind.ANALYSE,)))
        step_input, upload = published, analysed[-1].input["source"]
    return TitleSource(plan=await artifacts.load_plan(worker, asset_id, step_input["plan"]), upload=upload)


def spoken_track(plan: EncodePlan, language: str | None) -> AudioPlan | None:
    """The audio track in this language, else the first; None for a silent title."""
    primary = (language or "").partition("-")[0]
    same_language = (audio for audio in plan.audio if primary and (audio.language or "").partition("-")[0] == primary)
    return next(same_language, plan.audio[0] if plan.audio else None)


async def source_audio(
    worker: WorkerContext, claimed: ClaimedStep, title: TitleSource, audio: AudioPlan
) -> SourceAudio:
    """The audio track in the title's upload, as a local file: another upload may be on its way.

    Raises Rejected(no_source).
    """
    file = await worker.local_upload(claimed.asset, title.upload)
    return SourceAudio(
        file=file,
        demuxer=DEMUXERS[title.plan.container],
        index=audio.index,
        origin_s=title.plan.origin_s + title.plan.start_s,
        duration_s=title.plan.duration_s,
    )
