"""kadr.stack.speech: which model `kadr up` runs with, whether it is fetched, and what is said of it."""

import asyncio
from pathlib import Path

import pytest

from core.errors import ConfigError, KadrError
from kadr.commands import models as kadr_models
from kadr.commands.models import Lines
from kadr.commands.up_video import Milestones
from kadr.stack import speech
from kadr.stack.home import Home
from kadr.stack.speech import Speech, fetch_missing, speech_of
from kadr.stack.supervisor import Child

FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json")
MISSING = Speech(env={}, missing="base", size_bytes=147_882_941)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(speech, "FOLLOWED_EVERY_S", 0.01)


def kept(models: Path, folder: str) -> Path:
    (models / folder).mkdir(parents=True)
    for name in FILES:
        (models / folder / name).write_bytes(b"{}")
    return models / folder


def env_of(models: Path, **more: str) -> dict[str, str]:
    return {"KADR_MODELS_DIR": str(models), **more}


def test_nothing_said_is_base_and_captions(tmp_path: Path) -> None:
    found = speech_of(env_of(tmp_path, KADR_WHISPER_MODEL="", KADR_SUBTITLES=""))
    assert found == Speech(
        env={"KADR_WHISPER_MODEL": "base", "KADR_SUBTITLES": "auto"}, missing="base", size_bytes=147_882_941
    )
    assert speech_of(env_of(tmp_path)) == found


def test_a_model_that_is_there_is_not_fetched(tmp_path: Path) -> None:
    kept(tmp_path, "Systran--faster-whisper-base")
    assert speech_of(env_of(tmp_path)) == Speech(env={"KADR_WHISPER_MODEL": "base", "KADR_SUBTITLES": "auto"})
    own = str(kept(tmp_path / "elsewhere", "own"))
    env = {"KADR_WHISPER_MODEL": own, "KADR_SUBTITLES": "none"}
    assert speech_of(env_of(tmp_path, **env)) == Speech(env=env)


def test_none_switches_both_off(tmp_path: Path) -> None:
    assert speech_of(env_of(tmp_path, KADR_WHISPER_MODEL="none")) == Speech(env={})


def test_a_model_whose_digests_nobody_knows_is_not_fetched_unasked(tmp_path: Path) -> None:
    found = speech_of(env_of(tmp_path, KADR_WHISPER_MODEL="large-v3"))
    assert (found.missing, found.size_bytes) == ("large-v3", None)


def test_a_name_nobody_knows_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KADR_WHISPER_MODEL='smal'"):
        speech_of(env_of(tmp_path, KADR_WHISPER_MODEL="smal"))


class Fetcher:
    """Stands for the supervisor: writes what the program would, and ends as told."""

    def __init__(self, *said: str, fails: bool = False) -> None:
        self.said, self.fails, self.children = said, fails, list[Child]()

    async def __call__(self, child: Child, timeout_s: float) -> None:
        self.children.append(child)
        for line in self.said:
            with child.log.open("a") as log:
                log.write(f"{line}\n")
            await asyncio.sleep(0.03)
        if self.fails:
            raise KadrError("models ended with exit code 2; the end of its log: ...")


async def test_the_program_that_fetches_is_passed_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path / "home")
    home.path.mkdir()
    home.log("models").write_text("kadr models: of an earlier start\n")
    fetcher = Fetcher("kadr models: 40 of 133 MB", "a warning of a library", "kadr models: base came from x")
    await fetch_missing(MISSING, home, {"KADR_WHISPER_MODEL": "base"}, fetcher)
    (child,) = fetcher.children
    assert child.argv[1:] == ("-m", "kadr", "models", "fetch", "base")
    first, *between, last = capsys.readouterr().err.splitlines()
    assert first.startswith("kadr up: fetching the speech model base meanwhile, once: 148 MB, usually ")
    assert between == ["kadr up: 40 of 133 MB", "kadr up: base came from x"]
    assert last.startswith("kadr up: the speech model is there after ")


async def test_offline_the_captions_are_off_and_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path / "home")
    home.path.mkdir()
    await fetch_missing(MISSING, home, {}, Fetcher("kadr models: model_unreachable: no luck", fails=True))
    _, why, what = capsys.readouterr().err.splitlines()
    assert why == "kadr up: model_unreachable: no luck"
    assert what.startswith("kadr up: no captions for now: base could not be fetched (")
    assert what.endswith("`kadr models fetch base` gets it, without a restart; KADR_WHISPER_MODEL=none does without it")


async def test_what_cannot_be_verified_is_left_to_the_operator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetcher = Fetcher()
    await fetch_missing(Speech(env={}, missing="large-v3"), Home(tmp_path), {}, fetcher)
    await fetch_missing(Speech(env={}), Home(tmp_path), {}, fetcher)
    assert fetcher.children == []
    assert "`kadr models fetch large-v3` gets it" in capsys.readouterr().err


def test_a_model_of_one_language_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("base", "tiny.en"):
        kept(tmp_path, f"Systran--faster-whisper-{name}")
    monkeypatch.setenv("KADR_MODELS_DIR", str(tmp_path))
    assert kadr_models.run_list() == 0
    base, english, _ = capsys.readouterr().out.splitlines()
    assert base.split()[0] == "base"
    assert base.endswith("Systran--faster-whisper-base")
    assert english.endswith("Systran--faster-whisper-tiny.en  (English only)")


def test_both_sides_know_the_same_beginning() -> None:
    assert speech.SAYS == kadr_models.SAYS


def test_progress_in_lines_is_told_every_few_seconds() -> None:
    clock, said = [0.0], list[str]()
    lines = Lines(said.append, clock=lambda: clock[0])
    lines.say("fetching")
    for clock[0], done in ((1.0, 10), (4.9, 40), (5.0, 50), (6.0, 60), (10.1, 100), (60.0, 100)):
        lines.measure(done * 1_000_000, 133_000_000)
    lines.say("from another source")
    for clock[0], done in ((65.0, 0), (70.0, 20)):
        lines.measure(done * 1_000_000, 133_000_000)
    assert [line.removeprefix("kadr models: ") for line in said] == [
        *("fetching", "50 of 133 MB", "100 of 133 MB", "from another source", "20 of 133 MB"),
    ]


def track(status: str, *, error: dict[str, str] | None = None, source: str = "generated") -> dict[str, object]:
    return {"id": f"tr_{source}", "status": status, "source": source, "language": "en", "error": error}


def test_captions_are_waited_for_and_said_once() -> None:
    said: list[str] = []
    milestones = Milestones(show=said.append, announce=said.append, clock=lambda: 7.0)
    uploaded = track("queued", source="uploaded")
    assert not milestones.captions({"tracks": []})
    assert milestones.captions({"tracks": [track("queued"), uploaded]})
    assert milestones.captions({"tracks": [track("in_progress"), uploaded]})
    assert not milestones.captions({"tracks": [track("ready"), uploaded]})
    assert [line.partition(":")[0] for line in said] == ["transcribing the sound", "captions (en) after 7.0 s"]


def test_captions_that_will_not_come_are_explained() -> None:
    said: list[str] = []
    milestones = Milestones(show=said.append, announce=said.append)
    error = {"code": "no_speech", "message": "No speech was heard.", "hint": "Upload some."}
    for _ in range(2):
        assert not milestones.captions({"tracks": [track("skipped", error=error)]})
    assert said == ["no captions: no_speech: No speech was heard. Upload some."]
