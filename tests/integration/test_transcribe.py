"""subtitles.speech.transcribe: the real faster-whisper in the real sandbox, offline, with a model that has a script."""

import asyncio
import importlib.util
import json
import os
import resource
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest

from benchmarks.speech import heard
from core.errors import ConfigError, ToolKilled
from core.sandbox.child import ChildRunner, python_argv
from core.settings import Settings
from kadr.commands import models as kadr_models
from kadr.commands import transcribe as kadr_transcribe
from subtitles.speech.jobs import JobResult
from subtitles.speech.models import model
from subtitles.speech.models.model import Whisper
from subtitles.speech.transcribe import SourceAudio, transcribe
from subtitles.speech.transcript import Flag, Skipped, SkipReason, Transcript
from subtitles.speech.voice_activity import RATE_HZ
from tests.media import FFMPEG, shared
from tests.selection import some

FIXTURE = Path(__file__).parents[3] / "shared" / "fixtures" / "scripted_whisper.py"
EN = [
    (0.4, 2.4, [("Hello", 0.4, 0.9), ("and", 1.2, 1.6), ("welcome.", 1.6, 2.4)]),
    (3.2, 6.0, [("Today", 3.4, 3.9), ("we", 3.9, 4.1), ("sharpen", 4.1, 4.8), ("a", 4.8, 4.9), ("knife.", 4.9, 6.0)]),
]
RU = [
    (0.4, 1.6, [("Добрый", 0.4, 1.0), ("день.", 1.0, 1.6)]),
    (2.6, 5.2, [("Сегодня", 2.6, 3.4), ("точим", 3.4, 4.0), ("нож.", 4.0, 5.2)]),
]
# As much of the voice as the scripts have words for: speech without words is heard again.
JFK, JFK_S = "speech/en_jfk_11s.flac", 6.0
Build = Callable[..., Whisper]


@pytest.fixture(scope="module")
def scripted() -> ModuleType:
    if not FIXTURE.exists():
        pytest.skip("shared fixture scripted_whisper.py is not here")
    spec = importlib.util.spec_from_file_location("scripted_whisper", FIXTURE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def whisper(scripted: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Build a model that says `script`."""

    def build(script: list[object], language: str = "en", **settings: object) -> Whisper:
        folder = tmp_path_factory.mktemp("model") / f"says-{language}"
        scripted.build(str(folder), script, language)
        found = model.chosen(Settings(whisper_model=str(folder), whisper_threads=1, **settings))
        assert found is not None
        return found

    return build


@pytest.fixture(scope="module")
async def runner() -> ChildRunner:
    return await ChildRunner.detect("best-effort")


class Run:
    """One title on its way, and what it told."""

    def __init__(self, folder: Path, runner: ChildRunner) -> None:
        self.folder, self.runner = folder, runner
        self.jobs: list[JobResult] = []
        self.shares: list[float] = []

    async def __call__(
        self, sound: SourceAudio | None, whisper: Whisper | None, **more: object
    ) -> Transcript | Skipped:
        async def on_job(result: JobResult) -> None:
            self.jobs.append(result)

        given = {"language": None, "done": {}, "on_job": on_job, **more}
        return await transcribe(
            sound, whisper, work_dir=self.folder, runner=self.runner, on_progress=self.shares.append, **given
        )

    async def said(self, sound: SourceAudio, whisper: Whisper, **more: object) -> Transcript:
        told = await self(sound, whisper, **more)
        assert isinstance(told, Transcript), told
        return told


@pytest.fixture
def run(tmp_path: Path, runner: ChildRunner) -> Run:
    folder = tmp_path / "work"
    folder.mkdir()
    return Run(folder, runner)


def sound(file: Path, seconds: float, *, demuxer: str = "wav", index: int = 0, origin_s: float = 0.0) -> SourceAudio:
    return SourceAudio(
        file=file, demuxer=demuxer, index=index, origin_s=Fraction(origin_s), duration_s=Fraction(seconds)
    )


def jfk() -> SourceAudio:
    return sound(shared(JFK), JFK_S, demuxer="flac")


def voice() -> np.ndarray:
    """Six seconds of a man speaking, 16 kHz."""
    return heard.samples(shared(JFK))[: round(JFK_S * RATE_HZ)]


def write(path: Path, samples: np.ndarray) -> SourceAudio:
    return sound(heard.write(path, samples), len(samples) / RATE_HZ)


def speeches(path: Path, count: int) -> SourceAudio:
    """The voice again and again, with eleven seconds of silence after each."""
    return write(path, np.tile(np.concatenate([voice(), np.zeros(11 * RATE_HZ, np.int16)]), count))


@pytest.mark.parametrize(("script", "language"), [(EN, "en"), (RU, "ru")], ids=["english", "russian"])
async def test_what_is_said_and_when(script: list[object], language: str, whisper: Build, run: Run) -> None:
    told = await run.said(jfk(), whisper(script, language))
    assert (told.language, told.task, told.model) == (language, "transcribe", f"says-{language}")
    assert told.language_probability is not None
    assert told.language_probability > 0.9
    assert [segment.text for segment in told.segments] == [
        " ".join(word for word, _, _ in words) for _, _, words in script
    ]
    # Afterwards first words are put where the voice begins, and their segments with them.
    assert [(segment.start_ms / 1000, segment.end_ms / 1000) for segment in run.jobs[0].segments] == [
        (start, end) for start, end, _ in script
    ]
    spoken = [word for _, _, words in script for word in words]
    assert [word.text for word in told.words] == [f" {text}" for text, _, _ in spoken]
    for word, (_, start, _) in zip(told.words, spoken, strict=True):
        assert abs(word.start_ms / 1000 - start) < 0.75
    for segment in told.segments:
        assert abs(segment.words[0].start_ms - segment.start_ms) <= 300
    assert run.shares == sorted(run.shares)
    assert run.shares[-1] == pytest.approx(1.0)
    assert not list(run.folder.glob("*.s16")), "the sound is not kept"


async def test_times_are_the_titles(whisper: Build, run: Run, tmp_path: Path) -> None:
    """A transport stream begins at 1.4 s of its own time; the voice begins two seconds after the picture."""
    file = tmp_path / "late.ts"
    await asyncio.to_thread(
        subprocess.run,
        [
            *(FFMPEG, "-v", "error", "-f", "lavfi", "-i", "color=size=64x64:rate=25:duration=13", "-itsoffset", "2"),
            *("-i", str(shared(JFK)), "-c:v", "libx264", "-c:a", "aac", str(file)),
        ],
        check=True,
        timeout=60,
    )
    with av.open(str(file)) as opened:
        video, audio = opened.streams.video[0], opened.streams.audio[0]
        origin_s = video.start_time * video.time_base
        assert origin_s > 1
        assert 1.9 < audio.start_time * audio.time_base - origin_s < 2.1
        index = audio.index
    late = replace(sound(file, 8, demuxer="mpegts", index=index), origin_s=origin_s)
    told = await run.said(late, whisper(EN))
    # The voice is heard from 0.12 s on, and the model counts from half a second before.
    for segment, (start, _, _) in zip(run.jobs[0].segments, EN, strict=True):
        assert abs(segment.start_ms / 1000 - 1.62 - start) < 0.1
    assert abs(told.words[0].start_ms / 1000 - 2.22) < 0.1, "whatever the model says: there the voice begins"


async def test_the_declared_language_wins(whisper: Build, run: Run) -> None:
    told = await run.said(jfk(), whisper(EN), language="de-AT")
    assert (told.language, told.language_probability) == ("de", None)
    assert told.heard == {"en": 1.0}, "it is listened for all the same"


async def test_a_language_the_model_does_not_know(whisper: Build, run: Run) -> None:
    told = await run(jfk(), whisper(EN), language="tlh")
    assert isinstance(told, Skipped)
    assert told.reason is SkipReason.LANGUAGE
    assert "'tlh'" in told.hint


async def test_into_english(whisper: Build, run: Run) -> None:
    told = await run.said(jfk(), whisper(EN), language="de", task="translate")
    assert (told.language, told.task) == ("en", "translate")
    assert run.jobs[0].language == "de"


async def test_an_end_past_the_end_of_the_sound(whisper: Build, run: Run) -> None:
    script = [(0.4, 28.0, [("Four", 0.4, 2.0), ("score", 3.2, 4.4), ("years.", 5.0, 28.0)])]
    told = await run.said(jfk(), whisper(script))
    assert 5_500 < told.segments[0].end_ms <= 6_000
    assert max(word.end_ms for word in told.words) <= 6_000
    assert [word.text for word in told.words] == [" Four", " score", " years."]


async def test_a_sentence_whose_alignment_collapsed_is_kept(whisper: Build, run: Run) -> None:
    at_once = [(word, 3.2, 3.2) for word in ("Today", "we", "sharpen", "a", "very", "long", "kitchen", "knife.")]
    script = [EN[0], (3.2, 6.0, at_once)]
    told = await run.said(jfk(), whisper(script))
    assert [segment.text for segment in told.segments] == [
        "Hello and welcome.",
        "Today we sharpen a very long kitchen knife.",
    ]
    last = told.segments[1]
    assert [word.text.strip() for word in last.words] == last.text.split()
    assert all(a.end_ms > a.start_ms for a in last.words)


async def test_several_clips_at_once(whisper: Build, run: Run, tmp_path: Path) -> None:
    three = speeches(tmp_path / "three.wav", 3)
    one_by_one = await run.said(three, whisper(EN))
    together = await run.said(three, whisper(EN, whisper_batch=2))
    assert [s.text for s in together.segments] == [s.text for s in one_by_one.segments]
    for number, segment in enumerate(one_by_one.segments):
        assert abs(segment.start_ms - 17_000 * (number // 2) - (400, 3200)[number % 2]) < 700
    assert [s.start_ms for s in together.segments] == [s.start_ms for s in one_by_one.segments]


def quiet(name: str) -> np.ndarray:
    """Twenty seconds in which nobody speaks."""
    time = np.arange(20 * RATE_HZ) / RATE_HZ
    rng = np.random.default_rng(7)
    if name == "silence":
        return np.zeros(len(time))
    if name == "tone":
        return 9000 * np.sin(2 * np.pi * 440 * time)
    if name == "noise":
        return 3000 * rng.standard_normal(len(time))
    music = np.zeros(len(time))
    for start in range(0, len(time) - RATE_HZ // 2, RATE_HZ // 4):
        note = time[: RATE_HZ // 2]
        pitch = 220 * 2 ** (rng.integers(0, 24) / 12)
        music[start : start + len(note)] += sum(np.sin(2 * np.pi * pitch * k * note) / k for k in range(1, 6)) * np.exp(
            -4 * note
        )
    return 5000 * music


@pytest.mark.parametrize("name", some(["silence", "tone", "noise", "music"], ["silence", "music"]))
async def test_nobody_speaks(name: str, whisper: Build, run: Run, tmp_path: Path) -> None:
    told = await run(write(tmp_path / "quiet.wav", np.clip(quiet(name), -32768, 32767)), whisper(EN))
    assert isinstance(told, Skipped), "a model that always talks must not be asked"
    assert told.reason is SkipReason.NO_SPEECH
    assert run.jobs == []


async def test_a_film_without_words(whisper: Build, run: Run) -> None:
    file = shared("core/bbb_1080p24_20s_aac51.mp4")
    told = await run(sound(file, 20, demuxer="mov", index=1), whisper(EN))
    assert isinstance(told, Skipped)
    assert told.reason is SkipReason.NO_SPEECH


async def test_text_that_the_model_doubts_is_no_speech(whisper: Build, run: Run) -> None:
    says = whisper(EN)
    await run.said(jfk(), says)
    doubted = tuple(replace(s, no_speech=0.9, logprob=-1.5) for s in run.jobs[0].segments)
    told = await run(jfk(), says, done={0: replace(run.jobs[0], segments=doubted)})
    assert isinstance(told, Skipped)
    assert told.reason is SkipReason.NO_SPEECH
    one_doubted = (doubted[0], run.jobs[0].segments[1])
    told = await run(jfk(), says, done={0: replace(run.jobs[0], segments=one_doubted)})
    assert isinstance(told, Transcript)
    assert [segment.flags for segment in told.segments] == [(Flag.NO_SPEECH,), ()]
    assert told.text == "Today we sharpen a knife.", "no caption has what nobody seems to have said"
    assert (told.doubts[0].reasons, told.doubts[0].is_shown) == (("no_speech",), False)


async def test_no_sound_no_model(whisper: Build, run: Run, tmp_path: Path) -> None:
    told = [await run(None, None), await run(jfk(), None)]
    garbage = tmp_path / "garbage.wav"
    garbage.write_bytes(b"RIFF" + bytes(2000))
    told.append(await run(sound(garbage, 5), whisper(EN)))
    assert [one.reason for one in told if isinstance(one, Skipped)] == ["no_audio", "no_model", "no_audio"]
    hint = told[1].hint if isinstance(told[1], Skipped) else ""
    assert "KADR_WHISPER_MODEL" in hint
    assert "kadr models fetch" in hint


def listening() -> list[int]:
    """Our running Whisper programs."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"subtitles.speech.transcribe_child" in (entry / "cmdline").read_bytes():
                status = (entry / "status").read_text()
                if f"PPid:\t{os.getpid()}\n" in status:
                    found.append(int(entry.name))
        except OSError:
            continue
    return found


async def test_a_killed_program_costs_one_job(whisper: Build, run: Run, tmp_path: Path) -> None:
    three, says = speeches(tmp_path / "three.wav", 3), whisper(EN)
    whole = await run.said(three, says, job_s=(10, 15))
    assert [result.job.number for result in run.jobs] == [0, 1, 2]

    kept: dict[int, JobResult] = {}

    async def first_then_kill(result: JobResult) -> None:
        kept[result.job.number] = result

        async def kill() -> None:
            while not (programs := listening()):
                await asyncio.sleep(0.01)
            os.kill(programs[0], signal.SIGKILL)

        killer.append(asyncio.create_task(kill()))

    killer: list[asyncio.Task[None]] = []
    with pytest.raises(ToolKilled):
        await run(three, says, job_s=(10, 15), on_job=first_then_kill)
    await killer[0]
    assert list(kept) == [0]
    assert listening() == []

    again: list[int] = []

    async def on_job(result: JobResult) -> None:
        again.append(result.job.number)

    assert await run.said(three, says, job_s=(10, 15), done=kept, on_job=on_job) == whole
    assert again == [1, 2]


async def test_a_cancelled_title_leaves_no_program(whisper: Build, run: Run, tmp_path: Path) -> None:
    task = asyncio.create_task(run(speeches(tmp_path / "three.wav", 3), whisper(EN)))
    while not listening():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert listening() == []
    assert not list(run.folder.glob("*.s16"))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.acceptance("twenty jobs with a model")
async def test_memory_stays_flat_over_twenty_jobs(whisper: Build, run: Run, tmp_path: Path) -> None:
    seen: list[int] = []

    async def on_job(_: JobResult) -> None:
        seen.append(resident_bytes())

    told = await run.said(speeches(tmp_path / "twenty.wav", 20), whisper(EN), job_s=(10, 15), on_job=on_job)
    assert len(seen) == 20
    assert len(told.segments) == 40
    assert seen[-1] - seen[4] < 2 * 1024 * 1024


def peak_bytes(tape: Path, says: Whisper, spans: list[tuple[int, int]]) -> tuple[int, list[object]]:
    """Of one Whisper program over this speech; and what it said."""
    asked = {
        **{"audio_file": str(tape), "model": str(says.folder), "compute_type": "int8"},
        **{"threads": 1, "batch": 1, "task": "transcribe", "language": "en", "declared": True},
        **{"samples": spans[-1][1], "places": [], "spans": spans},
    }
    with subprocess.Popen(
        python_argv("subtitles.speech.transcribe_child"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(json.dumps(asked))
        program.stdin.close()
        lines = [json.loads(line) for line in program.stdout]
        _, status, usage = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    assert program.returncode == 0
    return usage.ru_maxrss * 1024, lines


def test_memory_does_not_grow_from_window_to_window(whisper: Build, tmp_path: Path) -> None:
    tape, says = tmp_path / "tape", whisper(EN)
    tape.write_bytes(np.tile(np.concatenate([voice(), np.zeros(6 * RATE_HZ, np.int16)]), 40).tobytes())
    once = [(0.2, 2.4), (3.1, 4.5), (5.2, 6.0)]
    spans = [
        (round((at + start) * RATE_HZ), round((at + end) * RATE_HZ)) for at in range(0, 480, 12) for start, end in once
    ]
    few, _ = peak_bytes(tape, says, spans[:15])
    many, lines = peak_bytes(tape, says, spans)
    assert sum("segment" in line for line in lines) == 80
    assert many < few + 10 * 1024 * 1024


async def test_a_model_of_another_mel_size_is_refused(whisper: Build, run: Run) -> None:
    says = whisper(EN)
    (says.folder / "preprocessor_config.json").write_text('{"feature_size": 128}')
    with pytest.raises(ConfigError, match="80 mel bands and its folder says 128"):
        await run(jfk(), says)


def test_the_command_alone(
    whisper: Build, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KADR_SANDBOX", "best-effort")
    monkeypatch.delenv("KADR_WHISPER_MODEL", raising=False)
    folder = whisper(EN).folder
    spoken = write(tmp_path / "voice.wav", voice()).file
    assert kadr_transcribe.run(spoken, form="text", model=str(folder)) == 0
    assert capsys.readouterr().out == "Hello and welcome.\nToday we sharpen a knife.\n"
    assert kadr_transcribe.run(spoken, form="words", model=str(folder), language="en") == 0
    words = json.loads(capsys.readouterr().out)
    assert [word["word"].strip() for word in words] == [word for _, _, said in EN for word, _, _ in said]
    assert kadr_transcribe.run(shared("core/product_cups_720p30_10s.mp4"), form="json", model=str(folder)) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["skipped"]["reason"] == "no_speech"
    assert "skipped: no_speech" in err
    with pytest.raises(ConfigError, match=r"no speech model is set: run `kadr models fetch base`"):
        kadr_transcribe.run(spoken, form="text")
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("KADR_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match="kadr models fetch small"):
        kadr_transcribe.run(spoken, model="small")


def test_models_are_listed(
    whisper: Build, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = whisper(EN).folder
    monkeypatch.setenv("KADR_WHISPER_MODEL", str(folder))
    monkeypatch.setenv("KADR_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "me--own").mkdir()
    assert kadr_models.run_list() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] == "me/own"
    assert "incomplete" in lines[0]
    assert lines[1].startswith(f"* {folder}")
    assert "MB" in lines[1]


async def test_a_loop_is_flagged_and_kept(whisper: Build, run: Run) -> None:
    words = [(word, 0.4 + n, 1.2 + n) for n, word in enumerate(("Thank", "you.") * 3)]
    script = [(0.4, 6.0, words)]
    told = await run.said(jfk(), whisper(script))
    assert told.segments[0].text == "Thank you. Thank you. Thank you."
    assert told.flagged[0].flags == (Flag.LOOP,)
