"""workers.steps.plan: what is looked for in the whole of a video is not looked for in the slot of a plan."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.model import StepKind
from core.settings import Settings
from presets.rung import Codec
from workers.engine.contract import ClaimedStep, Outcome
from workers.steps import plan

PATH = {"share": "101/320"}


@dataclass
class Given:
    """As workers.begin_encode.PlanInput; remembers the windows it was asked to decide with."""

    decided_with: list[Any] = field(default_factory=list)
    options: Any = field(default_factory=lambda: SimpleNamespace(codec=Codec.H264))
    source: Any = None

    def decide(self, crop: Any = None) -> str:
        self.decided_with.append(crop)
        return "encode plan"


def claimed(folder: Path) -> ClaimedStep:
    step = SimpleNamespace(input={"source": "a", "facts": {}, "index": None, "run": "st_1"})
    asset = SimpleNamespace(options={})
    return ClaimedStep(step=step, asset=asset, work_dir=folder, progress=lambda _: None)  # type: ignore[arg-type]


async def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *, wide: object, found: object
) -> tuple[Outcome, list[Any]]:
    """The outcome of a plan step, and the windows it decided with."""
    given = Given()

    async def plan_input(*_: object) -> Given:
        return given

    async def analysis(*_: object) -> object:
        return found

    async def begin_encode(*_: object) -> Outcome:
        return Outcome(next_steps=((StepKind.ANALYSE, {}),))

    monkeypatch.setattr(plan, "plan_input", plan_input)
    monkeypatch.setattr(plan, "begin_encode", begin_encode)
    monkeypatch.setattr(plan, "reframe_request", lambda *_: wide)
    monkeypatch.setattr(plan, "analysis_key", lambda _: "key")
    monkeypatch.setattr(plan, "crop_from_json", lambda value: value)
    monkeypatch.setattr(plan.assets, "analysis", analysis)
    worker: Any = SimpleNamespace(settings=Settings(), pool=None, codecs=frozenset((Codec.H264,)))
    return await plan.plan(worker, claimed(folder)), given.decided_with


async def test_a_window_that_is_not_known_is_a_step_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outcome, _ = await run(monkeypatch, tmp_path, wide=object(), found=None)
    assert [kind for kind, _ in outcome.next_steps] == [StepKind.REFRAME]
    assert outcome.next_steps[0][1] == claimed(tmp_path).step.input


async def test_a_window_that_is_known_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outcome, decided_with = await run(monkeypatch, tmp_path, wide=object(), found=PATH)
    assert [kind for kind, _ in outcome.next_steps] == [StepKind.ANALYSE]
    assert decided_with == [None, PATH]


async def test_any_other_video_is_not_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outcome, decided_with = await run(monkeypatch, tmp_path, wide=None, found=None)
    assert [kind for kind, _ in outcome.next_steps] == [StepKind.ANALYSE]
    assert decided_with == [None]
