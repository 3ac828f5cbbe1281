"""translate: a track of text -> one in another language, by the operator's model or, into English, by Whisper.

A model translates the text, with a person's changes; Whisper translates what it hears. What nothing here translates is
skipped.
"""

import asyncio

from core import tracks
from core.db import Connection
from core.errors import ConfigError, Transient
from core.logs import Log
from core.tracks import Found, Track, TrackSource
from presets.caption import caption_profile
from subtitles.cues import cues
from subtitles.sentences import sentences, spread
from subtitles.transcript import Skipped, SkipReason
from subtitles.translate import Translator, chosen
from subtitles.words import repaired
from workers import heard, texts
from workers.heard import Title
from workers.stage import Assignment, Outcome, Tools
from workers.transcribe import captioned, given_up, profile_of, said, skipped

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


async def translate(tools: Tools, work: Assignment) -> Outcome:
    """Raises Transient."""
    track = await tracks.by_id(tools.pool, work.step.input["track"])
    if track is None or not track.wanted or not track.waits_for(work.step.input):
        return Outcome(output={"removed": True})
    original = await tracks.by_id(tools.pool, track.wanted["translate"]["from"])
    if original is None or original.made is None:  # no longer waited for: see core.tracks
        return given_up(track, _NO_ORIGINAL)
    published = await heard.title(tools, work.asset.id)
    if published is None:
        raise Transient("a track for a title that is not there")
    profile = track.wanted["translate"].get("profile")
    translator = _translator(tools, work, original.language, track.language)
    if translator is not None:
        return await _of_text(tools, work, track, original, translator, profile, published.upload)
    if track.language.partition("-")[0].lower() == "en":
        return await _of_sound(tools, work, track, original, profile, published)
    return given_up(track, _NO_TRANSLATOR)


def _translator(tools: Tools, work: Assignment, source: str, target: str) -> Translator | None:
    try:
        return chosen(tools.settings, source, target)
    except ConfigError as exc:  # the operators' to mend
        _LOG.error("translate.misconfigured", exc, step=work.step.id)
        return None


async def _of_text(
    tools: Tools,
    work: Assignment,
    track: Track,
    original: Track,
    translator: Translator,
    profile: str | None,
    upload: str,
) -> Outcome:
    spoken = sentences(await texts.text(tools, work.asset.id, (original.made or {})["text"]))
    told = await translator.translate(
        [sentence.text for sentence in spoken],
        work_dir=work.work_dir,
        runner=tools.runner,
        on_progress=work.progress,
    )
    limits = caption_profile(profile or profile_of(work), track.language)
    words = spread(spoken, told, spaced=limits.spaced)
    shown = await asyncio.to_thread(lambda: cues(repaired(words), limits))
    made = {"text": await texts.keep_text(tools, work.asset.id, shown), "upload": upload}
    found = Found(
        source=TrackSource.TRANSLATED, model=translator.id, language=track.language, language_probability=None
    )

    async def effect(connection: Connection) -> None:
        await tracks.finish(connection, track, made, found)

    return Outcome(output={"sentences": len(spoken), "cues": len(shown)}, effect=effect)


async def _of_sound(
    tools: Tools, work: Assignment, track: Track, original: Track, profile: str | None, published: Title
) -> Outcome:
    # Only of what a machine heard is the language that of the sound, too.
    language = original.language if (original.made or {}).get("words") else None
    told = await said(tools, work, published, language, "translate")
    if isinstance(told, Skipped):
        return given_up(track, _NO_TRANSLATOR) if told.reason is SkipReason.NO_MODEL else skipped(track, told)
    return await captioned(tools, work, track, told, TrackSource.TRANSLATED, profile, published.upload)
