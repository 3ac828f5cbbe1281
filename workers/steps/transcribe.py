"""transcribe: the audio of a title -> a transcript of its speech, and subtitles of it.

It needs no ladder: that of a new title begins beside the encode. Every finished job is stored at once, so whoever takes
the step over goes on after it. What cannot be transcribed skips the track and is no failure of the title.
"""

import asyncio
from typing import Any

from core.db import tracks
from core.db.assets import Asset
from core.db.postgres import Connection
from core.db.tracks import Found, Track, TrackKind, TrackSource, TrackStatus
from core.errors import ConfigError
from core.model import AssetId, StepKind
from core.storage.digest import digest
from core.telemetry.failpoint import failpoint
from core.telemetry.logs import Log
from presets.caption import caption_profile
from presets.profile import profile_or_default
from subtitles.cues.build import cues
from subtitles.cues.words import repaired
from subtitles.speech.jobs import JobResult
from subtitles.speech.models.model import Whisper
from subtitles.speech.models.model_fetch import ready
from subtitles.speech.transcribe import NO_AUDIO, NO_MODEL, Task, transcribe
from subtitles.speech.transcript import Doubt, Skipped, SkipReason, Transcript
from workers import text_artifacts, title_audio
from workers.engine.contract import ClaimedStep, NextStep, Outcome, WorkerContext
from workers.title_audio import TitleSource

_LOG = Log("transcribe")
VERSION = 2  # part of the name of finished jobs: increase it when the audio is prepared differently
CONTRADICTED = 0.6  # of the speech in another language than the declared one
# What the owner reads; the hint comes with the reason.
_SKIPPED = {
    SkipReason.NO_AUDIO: "There is no sound to transcribe.",
    SkipReason.NO_SPEECH: "No speech was heard.",
    SkipReason.NO_MODEL: "No speech model is installed.",
    SkipReason.LANGUAGE: "The speech model does not know the language.",
}


async def transcribe_title(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Transcribe the title and finish the track with its cues, or skip the track with the reason."""
    track = await tracks.by_id(worker.pool, claimed.step.input["track"])
    if track is None or not track.wanted or not track.waits_for(claimed.step.input):
        return Outcome(output={"removed": True})
    options = track.wanted["generate"]
    title = await title_audio.source_of(worker, claimed)
    transcript = await transcript_of(worker, claimed, title, options.get("language"), "transcribe")
    if isinstance(transcript, Skipped):
        return skip_track(track, skip_error(transcript))
    return await subtitle(
        worker, claimed, track, transcript, TrackSource.GENERATED, options.get("profile"), title.upload
    )


async def transcript_of(
    worker: WorkerContext, claimed: ClaimedStep, title: TitleSource, language: str | None, task: Task
) -> Transcript | Skipped:
    """The words in the title's audio (`transcribe`), or their English translation (`translate`).

    `language`: the spoken language its owner declared, or None to detect it. Finished jobs are not run again.
    """
    audio = title_audio.spoken_track(title.plan, language)
    if audio is None:
        return NO_AUDIO
    try:
        model = await ready(worker.settings)
        if model is None:
            return NO_MODEL
        track = await title_audio.source_audio(worker, claimed, title, audio)
        facts = [title.upload, str(track.origin_s), str(track.duration_s), track.index, task, language]
        parts_key = digest([VERSION, _identity(model), *facts])
        return await transcribe(
            track,
            model,
            language=language,
            work_dir=claimed.work_dir,
            runner=worker.runner,
            done=await text_artifacts.load_parts(worker, claimed.asset.id, parts_key),
            on_job=lambda result: _store_job(worker, claimed.asset.id, parts_key, result),
            on_progress=claimed.progress,
            task=task,
        )
    except ConfigError as exc:  # the operators' to mend: no reason to fail again and again
        _LOG.error("transcribe.misconfigured", exc, step=claimed.step.id)
        return NO_MODEL


async def steps_beside_encode(worker: WorkerContext, claimed: ClaimedStep, plan_sha256: str) -> tuple[NextStep, ...]:
    """The transcriptions that the asset's tracks wait for, by this plan of the upload.

    Nothing where a title is published already: its tracks are those of its own upload until the new one replaces it.
    """
    if claimed.asset.has_ladder:
        return ()
    title = {"source": claimed.step.input["source"], "plan": plan_sha256}
    waiting = await tracks.of_asset(worker.pool, claimed.asset.id)
    return tuple(
        (StepKind.TRANSCRIBE, {**title, **track.step_input})
        for track in waiting
        if track.is_awaited and "generate" in (track.wanted or {})
    )


async def insert_default_subtitles(worker: WorkerContext, connection: Connection, asset: Asset) -> None:
    """Insert the generated track of an asset that is to have one by default; the plan of its encode queues the work.

    Once for each asset, however often its source is replaced.
    """
    if asset.options.get("subtitles", worker.settings.subtitles) != "auto":
        return
    if any((track.wanted or {}).get("auto") for track in await tracks.of_asset(connection, asset.id)):
        return
    generate = {"generate": {"language": asset.language, "profile": None}, "auto": True}
    await tracks.insert(
        connection,
        asset.id,
        kind=TrackKind.SUBTITLES,
        language=asset.language,
        name=None,
        source=TrackSource.GENERATED,
        wanted=generate,
    )


def _identity(model: Whisper) -> list[object]:
    return [model.id, model.size_bytes, model.compute_type, model.batch]


async def _store_job(worker: WorkerContext, asset_id: AssetId, parts_key: str, result: JobResult) -> None:
    await text_artifacts.store_part(worker, asset_id, parts_key, result)
    failpoint(worker.settings, "transcribe.after_job")


async def subtitle(
    worker: WorkerContext,
    claimed: ClaimedStep,
    track: Track,
    transcript: Transcript,
    source: TrackSource,
    profile: str | None,
    upload: str,
) -> Outcome:
    """Store the transcript and its cues, and finish the track with them.

    `profile`: a caption profile, None for that of the asset's kind of video; `upload`: SHA-256 of the transcribed file.
    """
    limits = caption_profile(profile or profile_of(claimed), transcript.language)
    caption_cues = await asyncio.to_thread(lambda: cues(repaired(transcript.recognised_words), limits))
    artifacts: dict[str, Any] = {
        "text": await text_artifacts.store_text(worker, claimed.asset.id, caption_cues),
        "words": await text_artifacts.store_transcript(worker, claimed.asset.id, transcript),
        "upload": upload,
        "doubtful": [_doubt(doubt) for doubt in transcript.doubts],
        "warnings": warnings(transcript),
    }
    details = Found(
        source=source,
        model=transcript.model,
        language=transcript.language,
        language_probability=transcript.language_probability,
    )

    async def on_commit(connection: Connection) -> None:
        await tracks.finish(connection, track, artifacts, details)

    return Outcome(output={"cues": len(caption_cues), "doubtful": len(transcript.doubts)}, on_commit=on_commit)


def warnings(transcript: Transcript) -> list[dict[str, str]]:
    """What its owner should know of the whole track: that the declared language is not the one that is heard."""
    if transcript.language_probability is not None or transcript.task != "transcribe" or not transcript.heard:
        return []
    heard, share = max(transcript.heard.items(), key=lambda item: item[1])
    if heard == transcript.language or share < CONTRADICTED:
        return []
    message = (
        f"The language was declared as {transcript.language}, and {round(100 * share)} % of the speech sounds like "
        f"{heard}. Generate it anew in that language, or without one."
    )
    return [{"code": "language_contradicted", "message": message}]


def _doubt(doubt: Doubt) -> dict[str, Any]:
    return {
        "start_s": doubt.start_ms / 1000,
        "end_s": doubt.end_ms / 1000,
        "reasons": list(doubt.reasons),
        "shown": doubt.is_shown,
    }


def profile_of(claimed: ClaimedStep) -> str:
    """The caption profile for the asset's kind of video, where no other was chosen."""
    return profile_or_default(claimed.asset.options.get("profile")).captions


def skip_error(skipped: Skipped) -> dict[str, str]:
    """Code, message and hint that the owner sees at a track that was skipped."""
    return {"code": skipped.reason.value, "message": _SKIPPED[skipped.reason], "hint": skipped.hint}


def skip_track(track: Track, error: dict[str, str]) -> Outcome:
    """The outcome of a step whose track cannot be made here: the track is skipped, and the step is done."""

    async def on_commit(connection: Connection) -> None:
        await tracks.give_up(connection, track, TrackStatus.SKIPPED, error)

    return Outcome(output={"skipped": error["code"]}, on_commit=on_commit)
