"""workers.steps.sound: a sound track that cannot be encoded ends no title that has a picture."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import OutOfMemory
from tests.sources import source
from transcode.plan.build import build_plan
from workers.engine.contract import ClaimedStep, Outcome
from workers.engine.failures import MAX_POSTPONEMENTS
from workers.steps import sound


async def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *, postponements: int, picture: bool = True) -> Outcome:
    """The outcome of the step on a machine that has not the memory."""
    plan: Any = build_plan(source(), None)
    if not picture:
        plan = SimpleNamespace(video=None, audio=plan.audio)

    async def load_plan(*_: object) -> Any:
        return plan

    async def encode_audio(*_: object) -> None:
        raise OutOfMemory("ended by the kernel")

    async def local_source(_: object) -> Path:
        return folder / "source"

    monkeypatch.setattr(sound.artifacts, "load_plan", load_plan)
    monkeypatch.setattr(sound.transcoder, "encode_audio", encode_audio)
    monkeypatch.setattr(sound.StepContext, "local_source", local_source)
    monkeypatch.setattr(sound.StepContext, "ffmpeg", lambda _: None)
    track = plan.audio[0].id
    step: Any = SimpleNamespace(
        id="st_1", input={"plan": "a", "sound": track}, attempts=0, crashes=0, postponements=postponements
    )
    asset: Any = SimpleNamespace(id="as_1")
    claimed = ClaimedStep(step=step, asset=asset, work_dir=folder, progress=lambda _: None)
    return await sound.sound(SimpleNamespace(), claimed)  # type: ignore[arg-type]


async def test_a_track_that_no_machine_has_the_memory_for_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    outcome = await run(monkeypatch, tmp_path, postponements=MAX_POSTPONEMENTS)
    assert [code for code, _ in outcome.warnings] == ["audio_left_out"]
    assert outcome.output == {"left_out": "a1"}


@pytest.mark.parametrize(("postponements", "picture"), [(MAX_POSTPONEMENTS - 1, True), (MAX_POSTPONEMENTS, False)])
async def test_before_that_and_without_a_picture_it_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postponements: int, picture: bool
) -> None:
    with pytest.raises(OutOfMemory):
        await run(monkeypatch, tmp_path, postponements=postponements, picture=picture)
