"""translate: a text track -> one in another language, by the operator's model or, into English, by Whisper.

A model translates the text, with a person's changes; Whisper translates the audio. A pair of languages that nothing
here translates is skipped.
"""

import asyncio

from core.db import tracks
from core.db.postgres import Connection
from core.db.tracks import Found, Track, TrackSource
from core.errors import ConfigError
from core.telemetry.logs import Log
from presets.caption import caption_profile
from subtitles.cues.build import cues
from subtitles.cues.words import repaired
from subtitles.speech.transcript import Skipped, SkipReason
from subtitles.translation.sentences import sentences, spread
from subtitles.translation.translate import Translator, chosen
from workers import text_artifacts, title_audio
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.steps.transcribe import profile_of, skip_error, skip_track, subtitle, transcript_of
from workers.title_audio import TitleSource

_LOG = Log("translate")
_NO_TRANSLATOR = {
    "code": "no_translator",
    "message": "Nothing here translates this pair of languages.",
    "hint": "Set KADR_TRANSLATION_MODEL to the folder of a model for the pair; into English a model of Whisper "
    "(KADR_WHISPER_MODEL) does, too. Or upload subtitles in this language.",
}
_NO_ORIGINAL = {
    "code": "no_original",
    "message": "The track to translate has been removed, or has no text.",
    "hint": "Translate another one.",
}


async def translate(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Translate the original track and finish this one with its cues, or skip it with the reason."""
    track = await tracks.by_id(worker.pool, claimed.step.input["track"])
    if track is None or not track.wanted or not track.waits_for(claimed.step.input):
        return Outcome(output={"removed": True})
    original = await tracks.by_id(worker.pool, track.wanted["translate"]["from"])
    if original is None or original.made is None:  # it failed or was removed: see core.db.tracks
        return skip_track(track, _NO_ORIGINAL)
    title = await title_audio.source_of(worker, claimed)
    profile = track.wanted["translate"].get("profile")
    translator = _translator(worker, claimed, original.language, track.language)
    if translator is not None:
        return await _translate_text(worker, claimed, track, original, translator, profile, title.upload)
    if track.language.partition("-")[0].lower() == "en":
        return await _translate_audio(worker, claimed, track, original, profile, title)
    return skip_track(track, _NO_TRANSLATOR)


def _translator(worker: WorkerContext, claimed: ClaimedStep, source: str, target: str) -> Translator | None:
    try:
        return chosen(worker.settings, source, target)
    except ConfigError as exc:  # the operators' to mend
        _LOG.error("translate.misconfigured", exc, step=claimed.step.id)
        return None


async def _translate_text(
    worker: WorkerContext,
    claimed: ClaimedStep,
    track: Track,
    original: Track,
    translator: Translator,
    profile: str | None,
    upload: str,
) -> Outcome:
    original_sentences = sentences(
        await text_artifacts.load_text(worker, claimed.asset.id, (original.made or {})["text"])
    )
    translated = await translator.translate(
        [sentence.text for sentence in original_sentences],
        work_dir=claimed.work_dir,
        runner=worker.runner,
        on_progress=claimed.progress,
    )
    limits = caption_profile(profile or profile_of(claimed), track.language)
    words = spread(original_sentences, translated, spaced=limits.spaced)
    caption_cues = await asyncio.to_thread(lambda: cues(repaired(words), limits))
    artifacts = {"text": await text_artifacts.store_text(worker, claimed.asset.id, caption_cues), "upload": upload}
    details = Found(
        source=TrackSource.TRANSLATED, model=translator.id, language=track.language, language_probability=None
    )

    async def on_commit(connection: Connection) -> None:
        await tracks.finish(connection, track, artifacts, details)

    return Outcome(output={"sentences": len(original_sentences), "cues": len(caption_cues)}, on_commit=on_commit)


async def _translate_audio(
    worker: WorkerContext,
    claimed: ClaimedStep,
    track: Track,
    original: Track,
    profile: str | None,
    title: TitleSource,
) -> Outcome:
    # Only of a transcript is the language that of the audio, too; an uploaded text may be in any.
    language = original.language if (original.made or {}).get("words") else None
    transcript = await transcript_of(worker, claimed, title, language, "translate")
    if isinstance(transcript, Skipped):
        no_model = transcript.reason is SkipReason.NO_MODEL
        return skip_track(track, _NO_TRANSLATOR if no_model else skip_error(transcript))
    return await subtitle(worker, claimed, track, transcript, TrackSource.TRANSLATED, profile, title.upload)
