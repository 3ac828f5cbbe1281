"""A real model in the real sandbox: no sentence is lost, and each begins when it is said.

Planted models cannot show it: their times are exact, and they never end a text early.

Skipped by name where the model is not on this machine: `kadr models fetch base`.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speech.heard import RATE_HZ, clips, errors, joined, samples, words, write
from benchmarks.speech.real import LATE_S, onset_errors
from core.models.folders import models_dir
from core.sandbox.child import ChildRunner
from core.settings import Settings
from presets.caption import caption_profile
from subtitles.cues.build import cues
from subtitles.cues.words import repaired
from subtitles.speech.jobs import JobResult
from subtitles.speech.models import model
from subtitles.speech.models.model import Whisper
from subtitles.speech.transcribe import SourceAudio, transcribe
from subtitles.speech.transcript import Skipped, SkipReason, Transcript
from tests.media import shared

REASON = "a real model hears a minute or more"


def real(name: str) -> Whisper:
    """A model that was fetched; the test is skipped by its name where it is not here."""
    folder = model.find(name, models_dir(Settings()))
    if folder is None:
        pytest.skip(f"the speech model {name} is not on this machine")
    found = model.chosen(Settings(whisper_model=str(folder), whisper_threads=2))
    assert found is not None
    return found


async def heard(file: Path, seconds: float, says: Whisper, language: str | None = None) -> Transcript | Skipped:
    async def on_job(_: JobResult) -> None:
        """Finished jobs are not stored: no test goes on after an interruption."""

    work_dir = file.parent / "work"
    work_dir.mkdir(exist_ok=True)
    return await transcribe(
        SourceAudio(file=file, demuxer="wav", index=0, origin_s=Fraction(0), duration_s=Fraction(seconds)),
        says,
        language=language,
        work_dir=work_dir,
        runner=await ChildRunner.detect("best-effort"),
        done={},
        on_job=on_job,
        on_progress=lambda _: None,
    )


@pytest.mark.acceptance(REASON)
async def test_every_sentence_of_joined_clips_is_there_when_it_is_said(tmp_path: Path) -> None:
    says, folder = real("base"), shared("speech/en_azure.wav").parent
    whole = joined([clip for clip in clips(folder) if clip.language == "en"], 60)
    file = write(tmp_path / "joined.wav", whole.samples)
    told = await heard(file, len(whole.samples) / RATE_HZ, says)
    assert isinstance(told, Transcript), told
    assert (told.language, told.doubts) == ("en", ())
    shown = cues(repaired(told.recognised_words), caption_profile("standard", "en"))
    assert max(onset_errors(whole, shown)) <= LATE_S
    assert min(onset_errors(whole, shown)) >= -0.3
    assert errors(whole.words, words(told.text)) <= 0.05 * len(whole.words)


@pytest.mark.acceptance(REASON)
async def test_a_sentence_across_windows_keeps_its_small_letters(tmp_path: Path) -> None:
    """Without a pause between the clips, windows end and begin amid sentences."""
    of_name = {clip.name: clip.samples for clip in clips(shared("speech/en_azure.wav").parent)}
    names = ("en_azure", "en_jfk_11s", "en_azure", "en_azure")
    whole = np.concatenate([of_name[name] for name in names])
    told = await heard(write(tmp_path / "whole.wav", whole), len(whole) / RATE_HZ, real("base"))
    assert isinstance(told, Transcript), told
    text = " ".join(told.text.split())
    assert text.count(" you can decide") == 3, text
    assert " You can decide" not in text


@pytest.mark.acceptance(REASON)
async def test_two_languages_in_one_title(tmp_path: Path) -> None:
    file = write(tmp_path / "mixed.wav", samples(shared("speech/en_de_multilingual.mp3")))
    told = await heard(file, 59, real("base"))
    assert isinstance(told, Transcript), told
    said = words(told.text)
    assert {"permission", "hereby", "granted"} <= set(said)
    assert {"jeder", "erhält", "unentgeltlich", "genehmigung", "verwenden"} & set(said)
    assert set(told.heard) == {"en", "de"}


@pytest.mark.acceptance(REASON)
async def test_a_wrong_declared_language_is_noticed(tmp_path: Path) -> None:
    jfk = next(clip for clip in clips(shared("speech/en_jfk_11s.flac").parent) if clip.name == "en_jfk_11s")
    file = write(tmp_path / "jfk.wav", jfk.samples)
    told = await heard(file, 11, real("base"), language="ru")
    assert isinstance(told, Transcript), told
    assert (told.language, told.heard) == ("ru", {"en": 1.0})


@pytest.mark.acceptance(REASON)
async def test_a_model_of_english_does_not_pretend_to_know_german(tmp_path: Path) -> None:
    german = next(clip for clip in clips(shared("speech/de_azure.wav").parent) if clip.language == "de")
    file = write(tmp_path / "german.wav", german.samples)
    told = await heard(file, len(german.samples) / RATE_HZ, real("tiny.en"))
    assert isinstance(told, Skipped), told
    assert told.reason is SkipReason.LANGUAGE
