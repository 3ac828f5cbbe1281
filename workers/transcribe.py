"""transcribe: a title that is there -> what is said in it, kept for good, and subtitles of it.

Every finished job is kept at once, so whoever takes the step over goes on after it. What cannot be transcribed skips
the track and is no failure of the title.
"""

import asyncio

from core import tracks
from core.assets import Asset
from core.db import Connection
from core.digest import digest
from core.errors import ConfigError, Transient
from core.failpoint import failpoint
from core.logs import Log
from core.model import AssetId
from core.tracks import Found, Track, TrackKind, TrackSource, TrackStatus
from presets.caption import caption_profile
from presets.profile import profile_or_default
from subtitles.cues import cues
from subtitles.jobs import JobResult
from subtitles.model import Whisper
from subtitles.model_fetch import ready
from subtitles.transcribe import NO_AUDIO, NO_MODEL, Task, transcribe
from subtitles.transcript import Skipped, SkipReason, Transcript
from subtitles.words import repaired
from workers import heard, texts
from workers.heard import Title
from workers.stage import Assignment, Outcome, Tools

_LOG = Log("transcribe")
VERSION = 1  # of what is done to the sound: a change must not take up old results
# What is said to the owner; the hint comes with the reason.
_SKIPPED = {
    SkipReason.NO_AUDIO: "There is no sound to transcribe.",
    SkipReason.NO_SPEECH: "No speech was heard.",
    SkipReason.NO_MODEL: "No speech model is installed.",
    SkipReason.LANGUAGE: "The speech model does not know the language.",
}


async def transcribe_title(tools: Tools, work: Assignment) -> Outcome:
    """Raises Transient."""
    track = await tracks.by_id(tools.pool, work.step.input["track"])
    if track is None or not track.wanted or not track.waits_for(work.step.input):
        return Outcome(output={"removed": True})
    wanted = track.wanted["generate"]
    published = await heard.title(tools, work.asset.id)
    if published is None:
        raise Transient("a track for a title that is not there")
    told = await said(tools, work, published, wanted.get("language"), "transcribe")
    if isinstance(told, Skipped):
        return skipped(track, told)
    return await captioned(tools, work, track, told, TrackSource.GENERATED, wanted.get("profile"), published.upload)


async def said(
    tools: Tools, work: Assignment, published: Title, language: str | None, task: Task
) -> Transcript | Skipped:
    """In the sound of the title; `language`: as its owner says it."""
    sound = heard.spoken(published.plan, language)
    if sound is None:
        return NO_AUDIO
    try:
        model = await ready(tools.settings)
        if model is None:
            return NO_MODEL
        track = await heard.track_of(tools, work, published, sound)
        facts = [published.upload, str(track.origin_s), str(track.duration_s), track.index, task, language]
        question = digest([VERSION, _identity(model), *facts])
        told = await transcribe(
            track,
            model,
            language=language,
            work_dir=work.work_dir,
            runner=tools.runner,
            done=await texts.parts(tools, work.asset.id, question),
            on_job=lambda result: _kept(tools, work.asset.id, question, result),
            on_progress=work.progress,
            task=task,
        )
    except ConfigError as exc:  # the operators' to mend: no reason to fail again and again
        _LOG.error("transcribe.misconfigured", exc, step=work.step.id)
        return NO_MODEL
    return told


async def wish_subtitles(tools: Tools, connection: Connection, asset: Asset) -> None:
    """The track of an upload that is to get one by itself; its publication owes the work. Once for each asset."""
    if asset.options.get("subtitles", tools.settings.subtitles) != "auto":
        return
    if any((track.wanted or {}).get("auto") for track in await tracks.of_asset(connection, asset.id)):
        return
    wanted = {"generate": {"language": asset.language, "profile": None}, "auto": True}
    await tracks.insert(
        connection,
        asset.id,
        kind=TrackKind.SUBTITLES,
        language=asset.language,
        name=None,
        source=TrackSource.GENERATED,
        wanted=wanted,
    )


def _identity(model: Whisper) -> list[object]:
    return [model.id, model.size_bytes, model.compute_type, model.batch]


async def _kept(tools: Tools, asset_id: AssetId, question: str, result: JobResult) -> None:
    await texts.keep_part(tools, asset_id, question, result)
    failpoint(tools.settings, "transcribe.after_job")


async def captioned(
    tools: Tools,
    work: Assignment,
    track: Track,
    told: Transcript,
    source: TrackSource,
    profile: str | None,
    upload: str,
) -> Outcome:
    """The words for good, and the cues of them as the track's text."""
    limits = caption_profile(profile or profile_of(work), told.language)
    shown = await asyncio.to_thread(lambda: cues(repaired(told.heard), limits))
    made = {
        "text": await texts.keep_text(tools, work.asset.id, shown),
        "words": await texts.keep_transcript(tools, work.asset.id, told),
        "upload": upload,
    }
    found = Found(
        source=source, model=told.model, language=told.language, language_probability=told.language_probability
    )

    async def effect(connection: Connection) -> None:
        await tracks.finish(connection, track, made, found)

    return Outcome(output={"cues": len(shown), "flagged": len(told.flagged)}, effect=effect)


def profile_of(work: Assignment) -> str:
    """How cues look where nobody said it: as this kind of video is watched."""
    return profile_or_default(work.asset.options.get("profile")).captions


def skipped(track: Track, why: Skipped) -> Outcome:
    return given_up(track, {"code": why.reason.value, "message": _SKIPPED[why.reason], "hint": why.hint})


def given_up(track: Track, error: dict[str, str]) -> Outcome:
    async def effect(connection: Connection) -> None:
        await tracks.give_up(connection, track, TrackStatus.SKIPPED, error)

    return Outcome(output={"skipped": error["code"]}, effect=effect)
