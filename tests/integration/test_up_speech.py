"""`kadr up` and its speech model: a machine offline starts without captions and says so; with a model, a talk that says
nothing about captions gets them."""

import asyncio
import importlib.util
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import runs
from tests.media import FFMPEG, shared
from tests.stack import PLAIN, Stack
from tests.wheels import only_from

FIXTURE = Path(__file__).parents[3] / "shared" / "fixtures" / "scripted_whisper.py"
SCRIPT = [(0.4, 2.0, [("Hello", 0.4, 0.9), ("and", 1.0, 1.2), ("welcome.", 1.2, 2.0)])]
NOBODY = "http://127.0.0.1:9"
WITHIN_S = 300  # transcription gives way to all that other tests do


def plant(folder: Path) -> None:
    """A model that says SCRIPT, as if copied from another machine."""
    if not FIXTURE.exists():
        pytest.skip("shared fixture scripted_whisper.py is not here")
    spec = importlib.util.spec_from_file_location("scripted_whisper", FIXTURE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.build(str(folder), SCRIPT, "en")


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A small picture and eleven seconds of a voice."""
    path = tmp_path / "talk.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=11")
    encoders = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest")
    subprocess.run(
        [FFMPEG, "-v", "error", *picture, "-i", str(shared("speech/en_jfk_11s.flac")), *encoders, str(path)],
        check=True,
        timeout=60 * runs.patience(),
    )
    return path


async def until(there: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while not (found := there()):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.2)
    return found


async def test_a_first_start_offline_and_captions_once_there_is_a_model(
    own_stack: Callable[..., Stack], talk: Path, tmp_path: Path
) -> None:
    models, index = tmp_path / "models", tmp_path / "index"
    index.mkdir()
    unsaid = {"KADR_WHISPER_MODEL": "", "KADR_SUBTITLES": "", "KADR_MODELS_DIR": str(models)}
    offline = {"HF_ENDPOINT": NOBODY, "HF_HOME": str(tmp_path / "hub"), **only_from(index)}
    stack = own_stack(**unsaid, **offline, KADR_WHISPER_THREADS="1")
    await stack.start()
    log = stack.home.parent / f"{stack.home.name}.log"
    said = await until(
        lambda: [line for line in log.read_text().splitlines() if "no captions for now" in line], log.read_text()
    )
    assert "`kadr models fetch base` gets it" in said[0]
    assert "kadr up: model_unreachable: the model base was not fetched" in log.read_text()
    assert list(models.iterdir()) == []

    plant(models / "Systran--faster-whisper-base")
    asset_id = await stack.upload(talk, **PLAIN)
    await stack.wait(asset_id, "ready")
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while True:
        _, body = await stack.api("GET", f"/v1/assets/{asset_id}/tracks")
        (track,) = body["data"]
        if track["status"] not in ("queued", "in_progress"):
            break
        assert time.monotonic() < deadline, track
        await asyncio.sleep(0.2)
    assert (track["status"], track["source"], track["model"]) == ("ready", "generated", "base")
    _, body = await stack.api("GET", f"/v1/assets/{asset_id}/tracks/{track['id']}")
    assert "Hello and welcome." in body["data"]["text"]
