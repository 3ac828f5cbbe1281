"""JSON log lines: what a caller says is in them."""

import asyncio
import json
import logging
from pathlib import Path

import pytest

import core
from core.sandbox import child
from core.sandbox.child import ChildRunner, Limits
from core.telemetry import logs


def test_no_field_is_lost_in_the_standard_library() -> None:
    """`extra=` of logging never reaches the line: only core.telemetry.logs may talk to logging itself."""
    root = Path(core.__file__).parents[1]
    rooms = (
        "core",
        "ingest",
        "origin",
        "workers",
        "transcode",
        "thumbnails",
        "subtitles",
        "packager",
        "presets",
        "kadr",
    )
    files = [file for room in rooms for file in (root / room).rglob("*.py")]
    assert len(files) > 200
    talking = {str(file.relative_to(root)) for file in files if "logging.getLogger(" in file.read_text("utf-8")}
    assert talking == {"core/telemetry/logs.py"}


async def test_a_child_that_cannot_be_reaped_is_logged_with_its_pid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(child, "REAP_S", 0.0)
    runner = ChildRunner(frozenset(), {})
    with caplog.at_level(logging.ERROR):
        await asyncio.wait([asyncio.ensure_future(_stopped_at_once(runner, tmp_path))])
    records = [record for record in caplog.records if record.message == "child.unreaped"]
    assert len(records) == 1
    line = json.loads(logs.JsonFormatter().format(records[0]))
    assert line["child_pid"] > 0
    assert line["event"] == "child.unreaped"
    caplog.clear()


async def _stopped_at_once(runner: ChildRunner, folder: Path) -> None:
    await runner.run(["sleep", "60"], work_dir=folder, limits=Limits(wall_s=0.2, cpu_s=5, file_bytes=1))
