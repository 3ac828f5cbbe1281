"""The sound of a published title, as transcription reads it: a track of an upload, and where its timeline lies."""

from dataclasses import dataclass

from core import keys, steps
from core.model import AssetId, StepKind
from subtitles.transcribe import SoundTrack
from transcode.encode_plan import AudioPlan, EncodePlan
from transcode.sniff import DEMUXERS
from workers import kept
from workers.stage import Assignment, Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """What is published."""

    plan: EncodePlan
    upload: str  # SHA-256 of what it was made of


async def title(tools: Tools, asset_id: AssetId) -> Title | None:
    """None where nothing is published yet."""
    given = await steps.newest_input(tools.pool, asset_id, StepKind.PUBLISH)
    if given is None:
        return None
    plan = await kept.plan(tools, asset_id, given["plan"])
    return Title(plan=plan, upload=await upload(tools, asset_id, given["run"]))


async def upload(tools: Tools, asset_id: AssetId, run: str) -> str:
    """SHA-256 of what a run makes the title of, which another may have replaced by now."""
    analysed = await steps.done_of_run(tools.pool, asset_id, run, frozenset((StepKind.ANALYSE,)))
    sha256: str = analysed[-1].input["source"]
    return sha256


def spoken(plan: EncodePlan, language: str | None) -> AudioPlan | None:
    """The track in this language, else the first; None for a silent title."""
    primary = (language or "").partition("-")[0]
    same = (sound for sound in plan.audio if primary and (sound.language or "").partition("-")[0] == primary)
    return next(same, plan.audio[0] if plan.audio else None)


async def track_of(tools: Tools, work: Assignment, published: Title, sound: AudioPlan) -> SoundTrack:
    """The upload on this machine: the published one, while another may be on its way."""
    key = keys.source(work.asset.id, published.upload)
    file = await tools.sources.fetch(tools.storage, tools.settings.media_bucket, key, published.upload)
    return SoundTrack(
        file=file,
        demuxer=DEMUXERS[published.plan.container],
        index=sound.index,
        origin_s=published.plan.origin_s + published.plan.start_s,
        duration_s=published.plan.duration_s,
    )
